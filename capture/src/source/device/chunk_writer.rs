//! Writes a chunk of a device into a buffer, converted if the buffer has another sample format.

use capbuf::{I24, Sample, SampleFormat};

use crate::error::Result;
use crate::source::encoding::Encoding;
use crate::source::processing::output::Output;

/// The frames converted at a time.
const SCRATCH_FRAMES: usize = 1024;

/// Memory for converted samples, allocated before the stream starts.
pub(super) enum Scratch {
    S16(Vec<i16>),
    S24(Vec<I24>),
    S32(Vec<i32>),
    F32(Vec<f32>),
}

impl Scratch {
    pub(super) fn new(format: SampleFormat, channels: usize) -> Self {
        let samples = SCRATCH_FRAMES * channels;
        match format {
            SampleFormat::S16 => Self::S16(vec![0; samples]),
            SampleFormat::S24 => Self::S24(vec![I24::default(); samples]),
            SampleFormat::S32 => Self::S32(vec![0; samples]),
            SampleFormat::F32 => Self::F32(vec![0.0; samples]),
        }
    }
}

/// Writes one chunk.
pub(super) struct ChunkWriter<'a> {
    pub(super) output: &'a mut Output,
    /// The layout of the chunk's samples.
    pub(super) format: Encoding,
    /// The capture time of the chunk's first frame.
    pub(super) capture_utc_ns: i64,
    pub(super) channels: usize,
}

impl ChunkWriter<'_> {
    /// Writes the bytes of a chunk, through `scratch` if the buffer has another layout.
    pub(super) fn write(&mut self, bytes: &[u8], scratch: &mut Scratch) -> Result<()> {
        if self.format == Encoding::of_buffer(self.output.format().sample_format) {
            return self.output.write_bytes_at(bytes, self.capture_utc_ns);
        }
        match scratch {
            Scratch::S16(scratch) => self.write_converted(bytes, scratch),
            Scratch::S24(scratch) => self.write_converted(bytes, scratch),
            Scratch::S32(scratch) => self.write_converted(bytes, scratch),
            Scratch::F32(scratch) => self.write_converted(bytes, scratch),
        }
    }

    fn write_converted<D: Sample>(&mut self, bytes: &[u8], scratch: &mut [D]) -> Result<()> {
        let period_ns = 1_000_000_000.0 / f64::from(self.output.format().sample_rate_hz);
        let mut capture_utc_ns = self.capture_utc_ns;
        for bytes in bytes.chunks(scratch.len() * self.format.bytes()) {
            let converted = self.format.decode(bytes, scratch);
            self.output.write_at(&scratch[..converted], capture_utc_ns)?;
            let frames = converted / self.channels;
            capture_utc_ns = capture_utc_ns.saturating_add((frames as f64 * period_ns) as i64);
        }
        Ok(())
    }
}
