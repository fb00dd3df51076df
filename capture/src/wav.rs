//! The header of a WAV file.

use capbuf::{SampleFormat, Segment};

/// Bytes of audio that a WAV file can hold: its sizes are 32 bits, and some go to what is not audio.
pub(crate) const MAX_AUDIO_BYTES: u64 = u32::MAX as u64 - 1024;

/// What comes before the samples of a segment in a WAV file, when so many bytes come after; `None` if they are more than one can hold.
///
/// As plain as the format allows: readers that know nothing of the extensible form read 24 bits, too.
pub(crate) fn header(segment: &Segment, after_bytes: usize) -> Option<Vec<u8>> {
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
        // What is not PCM has an extension, empty here, and tells its frames.
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
