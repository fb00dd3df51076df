//! Encodes a segment as FLAC.

use std::io::Write;

use capbuf::{I24, SampleFormat, Samples, Segment};
use flacenc::component::{BitRepr, MetadataBlockData};
use flacenc::error::{SourceError, Verify};
use flacenc::source::{Fill, Source};

use super::progress::Steps;
use super::tags::ClipTags;

/// The most channels of FLAC.
pub(crate) const MAX_CHANNELS: u16 = 8;

/// Encodes a segment in memory, and writes it. Writes nothing if cancelled.
pub(crate) fn write(
    segment: &Segment,
    stored: SampleFormat,
    tags: Option<&ClipTags>,
    steps: &mut Steps<'_>,
    mut out: impl Write,
) -> Result<(), String> {
    let rate = segment.sample_rate_hz();
    let config = flacenc::config::Encoder::default().into_verified().map_err(|(_, error)| error.to_string())?;
    let blocks = Blocks { segment, stored, next: 0, block: Vec::new(), steps };
    let encoded = flacenc::encode_with_fixed_block_size(&config, blocks, config.block_size);
    let mut stream = encoded.map_err(|error| format!("FLAC can't be encoded: {error}"))?;
    if steps.is_stopped() {
        return Ok(());
    }
    if let Some(tags) = tags {
        const VORBIS_COMMENT: u8 = 4;
        let block = MetadataBlockData::new_unknown(VORBIS_COMMENT, &tags.vorbis_comment(segment));
        stream.add_metadata_block(block.map_err(|error| format!("FLAC can't be tagged: {error}"))?);
    }
    let mut sink = flacenc::bitsink::ByteSink::new();
    stream.write(&mut sink).map_err(|error| format!("FLAC can't be encoded: {error}"))?;
    let mut bytes = sink.into_inner();
    if rate > STAND_IN_RATE_HZ {
        write_rate(&mut bytes, rate).ok_or("FLAC can't be encoded: its header is not where it belongs")?;
    }
    out.write_all(&bytes).map_err(|error| error.to_string())
}

/// The samples of a segment, block by block for the encoder.
struct Blocks<'a, 'b> {
    segment: &'a Segment,
    stored: SampleFormat,
    /// The next frame of the segment.
    next: usize,
    block: Vec<i32>,
    steps: &'a mut Steps<'b>,
}

impl Source for Blocks<'_, '_> {
    fn channels(&self) -> usize {
        usize::from(self.segment.channels())
    }

    fn bits_per_sample(&self) -> usize {
        self.stored.bytes() * 8
    }

    fn sample_rate(&self) -> usize {
        self.segment.sample_rate_hz().min(STAND_IN_RATE_HZ) as usize
    }

    fn read_samples<F: Fill>(&mut self, block_size: usize, dest: &mut F) -> Result<usize, SourceError> {
        let channels = self.channels();
        let frames = block_size.min((self.segment.frames() as usize).saturating_sub(self.next));
        // Cancelled as if at the end: after an error the encoder would leave its threads behind.
        if frames == 0 || self.steps.reach(self.next as u64) {
            return Ok(0);
        }
        let range = self.next * channels..(self.next + frames) * channels;
        self.block.clear();
        match self.segment.samples() {
            Samples::S16(samples) => self.block.extend(samples[range].iter().map(|sample| i32::from(*sample))),
            Samples::S24(samples) => self.block.extend(samples[range].iter().map(|sample| sample.get())),
            Samples::S32(samples) => self.block.extend(samples[range].iter().map(|sample| sample >> 8)),
            Samples::F32(samples) => {
                let mut rounded = vec![I24::default(); range.len()];
                capbuf::convert(&samples[range], &mut rounded);
                self.block.extend(rounded.into_iter().map(I24::get));
            }
        }
        dest.fill_interleaved(&self.block)?;
        self.next += frames;
        Ok(frames)
    }

    fn len_hint(&self) -> Option<usize> {
        usize::try_from(self.segment.frames()).ok()
    }
}

/// The rate declared to the encoder for higher ones. The encoder refuses rates above 96 kHz, though
/// FLAC supports them. This rate has no code in frame headers, so the frames refer to the stream
/// header, into which the actual rate is written.
const STAND_IN_RATE_HZ: u32 = 95_999;

/// Writes a rate into the stream header, where it has 20 bits: enough for every rate of a buffer.
fn write_rate(stream: &mut [u8], rate_hz: u32) -> Option<()> {
    const RATE_AT: usize = 18;
    let [a, b, c, ..] = stream.get_mut(RATE_AT..)? else { return None };
    let [_, high, middle, low] = (rate_hz << 4).to_be_bytes();
    (*a, *b, *c) = (high, middle, low | (*c & 0x0f));
    Some(())
}
