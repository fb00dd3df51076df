//! Arbitrary bytes as a file: decoded or refused, within bounds. For the fuzzers and their seeds.

use std::io::Cursor;

use capbuf::{MAX_CHANNELS, MAX_SAMPLE_RATE_HZ};

use super::decode::{Opened, reader};
use super::reader::{Part, Samples};

/// The most samples of a part.
const MOST_SAMPLES: usize = 1 << 24;

/// Decodes bytes as a file, and returns the number of frames.
// Public for the fuzzers alone.
#[allow(unreachable_pub)]
pub fn count_frames(bytes: &[u8]) -> u64 {
    let Ok(Opened::Here(mut reader)) = reader(Box::new(Cursor::new(bytes.to_vec()))) else { return 0 };
    let (mut samples, mut frames) = (Samples::default(), 0_u64);
    // Each part takes a byte at least, and may have a loss before it.
    for _ in 0..2 * bytes.len() + 16 {
        match reader.next(&mut samples) {
            Ok(Part::Audio) => {
                assert!((1..=MAX_SAMPLE_RATE_HZ).contains(&samples.sample_rate_hz), "a sample rate");
                assert!((1..=MAX_CHANNELS).contains(&samples.channels), "channels");
                assert!((1..=MOST_SAMPLES).contains(&samples.interleaved.len()), "samples");
                frames += samples.frames();
            }
            Ok(Part::Lost(lost)) => assert!(lost > 0, "a loss of nothing"),
            Ok(Part::End(_)) | Err(_) => return frames,
        }
    }
    assert!(bytes.is_empty(), "more parts than bytes");
    frames
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEEDS: [&[u8]; 8] = [
        include_bytes!("../../../fuzz/seeds/wav/s16.wav"),
        include_bytes!("../../../fuzz/seeds/wav/f32.wav"),
        include_bytes!("../../../fuzz/seeds/wav/rf64.wav"),
        include_bytes!("../../../fuzz/seeds/flac/blocks.flac"),
        include_bytes!("../../../fuzz/seeds/vorbis/a.ogg"),
        include_bytes!("../../../fuzz/seeds/vorbis/b.ogg"),
        include_bytes!("../../../fuzz/seeds/mp3/low.mp3"),
        include_bytes!("../../../fuzz/seeds/mp3/stereo.mp3"),
    ];

    #[test]
    fn damaged_files_are_decoded_or_refused_within_bounds() {
        let mut numbers = fastrand::Rng::with_seed(11);
        for (number, seed) in SEEDS.iter().enumerate() {
            assert!(count_frames(seed) > 500, "seed {number}");
            for len in 0..seed.len().min(200) {
                count_frames(&seed[..len]);
            }
            for _ in 0..400 {
                let mut damaged = seed.to_vec();
                for _ in 0..=numbers.usize(..6) {
                    // Mostly in the header.
                    let most = if numbers.usize(..4) > 0 { 80.min(damaged.len()) } else { damaged.len() };
                    let at = numbers.usize(..most);
                    match numbers.usize(..8) {
                        0 => drop(damaged.drain(at..(at + numbers.usize(..40)).min(damaged.len()))),
                        1 => damaged.insert(at, numbers.u8(..)),
                        edit => damaged[at] = [0, 1, 0x7f, 0x80, 0xff, numbers.u8(..)][edit - 2],
                    }
                    if damaged.is_empty() {
                        break;
                    }
                }
                let outcome = std::panic::catch_unwind(|| count_frames(&damaged));
                assert!(outcome.is_ok(), "seed {number}: {damaged:02x?}");
            }
        }
    }

    #[test]
    fn claims_of_a_header_are_not_believed() {
        let mut wav = SEEDS[0].to_vec();
        wav[22..24].fill(0xff);
        wav[4..8].fill(0xff);
        assert_eq!(count_frames(&wav), 0, "65535 channels");
        let mut flac = SEEDS[3].to_vec();
        // The largest block, frames of 16 MB, and 2^36 frames of audio.
        flac[8..18].fill(0xff);
        flac[21] |= 0x0f;
        flac[22..26].fill(0xff);
        assert!(count_frames(&flac) > 500);
    }
}
