//! Oddities of MP3.

use std::ops::Range;

use super::check::{Files, Right, by_ffmpeg, decode, made};
use crate::source::file::mp3_frame::FrameHeader;

const BLOCK: usize = 1152;
const FRAMES: usize = 44_100;
/// The delay of the encoder and the decoder: it is left out.
const DELAY: usize = 1105;
/// Both decoders round floats in their own ways.
const TOLERANCE: f64 = 1e-4;

/// Returns the frames of a file without tags, the description first.
fn frames(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    while let Some(header) = FrameHeader::parse(bytes) {
        let (frame, rest) = bytes.split_at(header.len.min(bytes.len()));
        frames.push(frame.to_vec());
        bytes = rest;
    }
    assert!(bytes.is_empty());
    frames
}

/// Returns the frames of audio of some blocks, counted without the description.
fn blocks(range: Range<usize>) -> Range<usize> {
    (range.start * BLOCK).saturating_sub(DELAY)..(range.end * BLOCK - DELAY).min(FRAMES)
}

#[test]
fn oddities() {
    let files = Files::new();
    let options = ["-c:a", "libmp3lame", "-b:a", "128k", "-id3v2_version", "0"];
    let original = made(&files, "original.mp3", &options);
    let of = by_ffmpeg(&original, 2);
    assert_eq!(of.len(), 2 * FRAMES);
    let bytes = std::fs::read(&original).expect("a file");
    let parts = frames(&bytes);
    let plain = parts[1..].concat();
    let all = [0..FRAMES];
    let twice = [of.as_slice(), &of].concat();
    let path = |name: &str| format!("{}.mp3", name.replace(' ', "-"));
    let check_all = |name: &str, bytes: &[u8], of: &[f64], kept: &[Range<usize>], reason: Option<&'static str>| {
        let found = decode(&files.write(&path(name), bytes));
        Right { of, kept: kept.to_vec(), reason, tolerance: TOLERANCE }.check(name, &found);
    };
    let whole = |name: &str, bytes: &[u8]| check_all(name, bytes, &of, &all, None);
    let tag = |len: usize| {
        let size = [21, 14, 7, 0].map(|shift| (len >> shift & 0x7f) as u8);
        [b"ID3\x03\0\0".as_slice(), &size, &vec![0xff; len]].concat()
    };
    let id3v1 = [b"TAG".as_slice(), &[b'x'; 125]].concat();
    let ape = [b"APETAGEX\xd0\x07\0\0".as_slice(), &[64, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xa0], &[0; 8 + 64]].concat();

    whole("plain", &bytes);
    whole("ID3v2", &[tag(100), bytes.clone()].concat());
    whole("large ID3v2", &[tag(3 << 20), tag(7), vec![0; 300], bytes.clone()].concat());
    whole("ID3v1", &[bytes.clone(), id3v1.clone()].concat());
    whole("APE", &[bytes.clone(), ape.clone(), id3v1.clone()].concat());
    whole("zeros behind", &[bytes.clone(), vec![0; 3000]].concat());
    // Each byte of this must cost little: a look at all that is held would take minutes.
    whole("many zeros behind", &[bytes.clone(), vec![0; 8 << 20]].concat());
    whole("something unknown behind", &[bytes.clone(), b"no frame ".repeat(200)].concat());
    whole("something before", &[vec![0x12; 100], bytes.clone()].concat());
    // Without the description nothing says that there is a delay.
    let bare = by_ffmpeg(&files.write("bare.mp3", &plain), 2);
    let bare_frames = bare.len() / 2;
    assert_eq!(bare_frames, (parts.len() - 1) * BLOCK);
    check_all("no description", &plain, &bare, &[0..bare_frames], None);
    check_all(
        "description without numbers",
        &[without_flags(&parts[0]), plain.clone()].concat(),
        &bare,
        &[0..bare_frames],
        None,
    );

    // The first frames of a stream that was cut need bits of frames before.
    let uses_earlier = |frame: &Vec<u8>| {
        let header = FrameHeader::parse(frame).expect("a frame");
        header.main_data(frame).expect("its data").begin > 0
    };
    let first = (5..parts.len()).find(|at| uses_earlier(&parts[*at])).expect("a frame with earlier bits");
    let found = decode(&files.write("begins-in-the-middle.mp3", &parts[first..].concat())).expect("audio");
    let lost = found.gaps.first().map_or(0, |(_, lost)| *lost as usize);
    assert!(found.gaps.len() == 1 && found.gaps[0].0 == 0 && (1..4).contains(&(lost / BLOCK)), "{:?}", found.gaps);
    assert_eq!((found.samples.len() / 2 + lost, found.reason), ((parts.len() - first) * BLOCK, None));

    // A frame is missing, and those behind it that need its bits.
    let decoded = |name: &str, bytes: &[u8]| decode(&files.write(&path(name), bytes)).expect("audio");
    let damaged = |name: &str, edit: &dyn Fn(&mut Vec<Vec<u8>>)| {
        let mut frames = parts.clone();
        edit(&mut frames);
        let found = decoded(name, &frames.concat());
        let lost: u64 = found.gaps.iter().map(|(_, lost)| lost).sum();
        assert_eq!(found.samples.len() / 2 + lost as usize, FRAMES, "{name}: {:?} {:?}", found.gaps, found.reason);
        let first = found.gaps.first().copied().unwrap_or_default();
        // Up to the gap all is as it was.
        let before = found.samples.iter().zip(&of).take(2 * first.0);
        assert!(before.clone().all(|(a, b)| (a - b).abs() <= TOLERANCE), "{name}: before the gap");
        // Some blocks behind the gap, too: the first ones overlap with what is missing.
        let at = |frame: usize| 2 * frame;
        let behind =
            found.samples[at(first.0 + 4 * BLOCK)..].iter().zip(&of[at(first.0 + lost as usize + 4 * BLOCK)..]);
        assert!(behind.clone().all(|(a, b)| (a - b).abs() <= TOLERANCE), "{name}: behind the gap {first:?}");
        (found.gaps, found.reason)
    };
    for (name, at, bit) in
        [("sync code", 0, 1), ("version", 1, 8), ("channels", 3, 0x80), ("bit rate", 2, 0x40), ("rate", 2, 8)]
    {
        let (gaps, reason) = damaged(&format!("flip in the {name}"), &|frames| frames[12][at] ^= bit);
        assert_eq!((gaps.first().map(|gap| gap.0), reason), (Some(blocks(0..11).end), None), "{name}: {gaps:?}");
        assert!((1..=3).contains(&(gaps[0].1 / BLOCK as u64)), "{name}: {gaps:?}");
    }
    let (gaps, reason) = damaged("overwritten", &|frames| frames[12..15].iter_mut().for_each(|frame| frame.fill(0)));
    assert_eq!((gaps[0].0, reason), (blocks(0..11).end, None));
    assert!((3..=5).contains(&(gaps[0].1 / BLOCK as u64)), "{gaps:?}");
    // Nothing marks the place of a frame that was cut out, so the loss shows at the end.
    let found = decoded("frame cut out", &[parts[..12].concat(), parts[13..].concat()].concat());
    assert!(found.samples.len() / 2 < FRAMES, "{:?}", found.gaps);
    assert!(found.reason.is_some_and(|reason| reason.contains("frames are missing")));

    let half = parts[..20].concat();
    check_all("cut off", &half, &of, &[blocks(0..19)], Some("its last 23317 frames are missing"));
    let within = [half, parts[20][..200].to_vec()].concat();
    check_all("cut off within a frame", &within, &of, &[blocks(0..19)], Some("frames are missing"));
    check_all(
        "cut off without description",
        &plain[..plain.len() - 200],
        &bare,
        &[0..bare_frames - BLOCK],
        Some("bytes are no frames"),
    );
    whole("half a frame between", &[parts[..12].concat(), vec![0xfe; 500], parts[12..].concat()].concat());
    whole("something between", &[parts[..12].concat(), tag(400), parts[12..].concat()].concat());

    check_all("two files", &[bytes.clone(), bytes.clone()].concat(), &twice, &[0..2 * FRAMES], None);
    let tagged = [tag(50), bytes.clone(), id3v1].concat();
    check_all("two files with tags", &[tagged.clone(), tagged].concat(), &twice, &[0..2 * FRAMES], None);
    let behind = [of.as_slice(), &bare].concat();
    check_all("frames of a second file", &[bytes.clone(), plain].concat(), &behind, &[0..FRAMES + bare_frames], None);
    let mono = std::fs::read(made(&files, "mono.mp3", &[&["-ac", "1"], options.as_slice()].concat())).expect("a file");
    let changes = "after 44100 frames it changes from 44100 Hz with 2 channels to 44100 Hz with 1 channel";
    check_all("mono behind", &[bytes.clone(), mono.clone()].concat(), &of, &all, Some(changes));
    check_all("mono frames behind", &[bytes.clone(), frames(&mono)[1..].concat()].concat(), &of, &all, Some(changes));
    let follows = "after 44100 frames a file of another kind follows: FLAC";
    check_all("FLAC behind", &[bytes, b"fLaC\0\0\0\x22".to_vec()].concat(), &of, &all, Some(follows));
}

/// Returns a description in which all numbers are missing.
fn without_flags(frame: &[u8]) -> Vec<u8> {
    let mut frame = frame.to_vec();
    let at = frame.windows(4).position(|bytes| bytes == b"Info" || bytes == b"Xing").expect("a description");
    frame[at + 4..].fill(0);
    frame
}

#[test]
fn description_without_a_number_of_frames_has_the_delay() {
    let files = Files::new();
    let path = made(&files, "original.mp3", &["-c:a", "libmp3lame", "-b:a", "128k"]);
    let mut bytes = std::fs::read(&path).expect("a file");
    let at = bytes.windows(4).position(|bytes| bytes == b"Info").expect("a description");
    bytes[at + 8..at + 12].fill(0);
    let path = files.write("unfinished.mp3", &bytes);
    let of = by_ffmpeg(&path, 2);
    let kept = vec![0..of.len() / 2];
    Right { of: &of, kept, reason: None, tolerance: TOLERANCE }.check("number of 0", &decode(&path));
}

#[test]
fn every_version_and_bit_rate() {
    let files = Files::new();
    for (name, options, channels) in [
        ("mono.mp3", ["-ac", "1"].as_slice(), 1),
        ("variable.mp3", &["-q:a", "2"], 2),
        ("average.mp3", &["-abr", "1", "-b:a", "96k"], 2),
        ("low.mp3", &["-ar", "22050"], 2),
        ("lowest.mp3", &["-ar", "8000", "-ac", "1"], 1),
        ("high.mp3", &["-b:a", "320k", "-ar", "48000"], 2),
        ("no-reservoir.mp3", &["-reservoir", "0"], 2),
        ("no-description.mp3", &["-write_xing", "0"], 2),
    ] {
        let path = made(&files, name, &[&["-c:a", "libmp3lame"], options].concat());
        let of = by_ffmpeg(&path, channels);
        let kept = vec![0..of.len() / channels];
        Right { of: &of, kept, reason: None, tolerance: TOLERANCE }.check(name, &decode(&path));
    }
}
