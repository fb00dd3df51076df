//! Writes a segment as WAV.

use std::io::Write;

use capbuf::{SampleFormat, Segment};

use super::progress::Steps;
use super::tags::ClipTags;

/// The most bytes of audio in a WAV file: its sizes have 32 bits, minus headers and tags.
pub(crate) const MAX_AUDIO_BYTES: u64 = u32::MAX as u64 - 1024;

/// Returns the bytes before the samples, for `after_bytes` bytes after them; `None` if they are too
/// many.
///
/// Not in the extensible form, so that simple readers read 24 bits, too.
fn header(segment: &Segment, after_bytes: usize) -> Option<Vec<u8>> {
    const PCM: u16 = 1;
    const FLOAT: u16 = 3;
    let audio_bytes = u32::try_from(segment.samples().as_bytes().len()).ok()?;
    if u64::from(audio_bytes) > MAX_AUDIO_BYTES {
        return None;
    }
    let (channels, rate) = (segment.channels(), segment.sample_rate_hz());
    let sample_bytes = segment.format().bytes() as u16;
    let frame_bytes = sample_bytes * channels;

    let mut format = Vec::new();
    let tag = if segment.format() == SampleFormat::F32 { FLOAT } else { PCM };
    format.extend(tag.to_le_bytes());
    format.extend(channels.to_le_bytes());
    format.extend(rate.to_le_bytes());
    format.extend((rate * u32::from(frame_bytes)).to_le_bytes());
    format.extend(frame_bytes.to_le_bytes());
    format.extend((sample_bytes * 8).to_le_bytes());

    let mut chunks = b"WAVE".to_vec();
    if tag == FLOAT {
        // Formats other than PCM have an extension, empty here, and the number of frames.
        format.extend(0_u16.to_le_bytes());
        chunk(&mut chunks, b"fmt ", &format);
        chunk(&mut chunks, b"fact", &(segment.frames() as u32).to_le_bytes());
    } else {
        chunk(&mut chunks, b"fmt ", &format);
    }
    chunks.extend(b"data");
    chunks.extend(audio_bytes.to_le_bytes());

    let mut header = b"RIFF".to_vec();
    let padded_bytes = audio_bytes + audio_bytes % 2;
    let after_bytes = u32::try_from(after_bytes).ok()?;
    header.extend((chunks.len() as u32).checked_add(padded_bytes)?.checked_add(after_bytes)?.to_le_bytes());
    header.extend(chunks);
    Some(header)
}

fn chunk(into: &mut Vec<u8>, name: &[u8; 4], content: &[u8]) {
    into.extend(name);
    into.extend((content.len() as u32).to_le_bytes());
    into.extend(content);
}

/// Writes a segment, its header and its tags. Returns early if cancelled.
pub(super) fn write(
    segment: &Segment,
    tags: Option<&ClipTags>,
    steps: &mut Steps<'_>,
    mut out: impl Write,
) -> Result<(), String> {
    let samples = segment.samples().as_bytes();
    let list = tags.map(|tags| tags.wav_chunk(segment)).unwrap_or_default();
    let header = header(segment, list.len()).ok_or("WAV can't hold that much")?;
    let pad: &[u8] = if samples.len() % 2 == 1 { &[0] } else { &[] };
    let mut write = |part: &[u8]| out.write_all(part).map_err(|error| error.to_string());
    write(&header)?;
    let frame_bytes = segment.format().bytes() * usize::from(segment.channels());
    let mut frames = 0;
    for second in samples.chunks((steps.step_frames() as usize).saturating_mul(frame_bytes)) {
        write(second)?;
        frames += (second.len() / frame_bytes) as u64;
        if steps.reach(frames) {
            return Ok(());
        }
    }
    write(pad)?;
    write(&list)
}
