//! Writes a chunk of a device into a buffer, converted if the buffer has another sample format.

use capbuf::{I24, Sample, SampleFormat};

use crate::error::Result;
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
    /// The capture time of the chunk's first frame.
    pub(super) capture_utc_ns: i64,
    pub(super) channels: usize,
}

impl ChunkWriter<'_> {
    pub(super) fn write<S: Sample>(&mut self, samples: Option<&[S]>, scratch: &mut Scratch) -> Result<()> {
        let samples = samples.unwrap_or_default();
        if self.output.format().sample_format == S::FORMAT {
            return self.output.write_at(samples, self.capture_utc_ns);
        }
        match scratch {
            Scratch::S16(scratch) => self.write_converted(samples, scratch, capbuf::convert),
            Scratch::S24(scratch) => self.write_converted(samples, scratch, capbuf::convert),
            Scratch::S32(scratch) => self.write_converted(samples, scratch, capbuf::convert),
            Scratch::F32(scratch) => self.write_converted(samples, scratch, capbuf::convert),
        }
    }

    pub(super) fn write_i24(&mut self, samples: Option<&[cpal::I24]>, scratch: &mut Scratch) -> Result<()> {
        let samples = samples.unwrap_or_default();
        match scratch {
            Scratch::S16(scratch) => self.write_converted(samples, scratch, from_i24),
            Scratch::S24(scratch) => self.write_converted(samples, scratch, from_i24),
            Scratch::S32(scratch) => self.write_converted(samples, scratch, from_i24),
            Scratch::F32(scratch) => self.write_converted(samples, scratch, from_i24),
        }
    }

    fn write_converted<S, D: Sample>(
        &mut self,
        samples: &[S],
        scratch: &mut [D],
        convert: impl Fn(&[S], &mut [D]) -> usize,
    ) -> Result<()> {
        let period_ns = 1_000_000_000.0 / f64::from(self.output.format().sample_rate_hz);
        let mut capture_utc_ns = self.capture_utc_ns;
        for samples in samples.chunks(scratch.len()) {
            let converted = convert(samples, scratch);
            self.output.write_at(&scratch[..converted], capture_utc_ns)?;
            let frames = converted / self.channels;
            capture_utc_ns = capture_utc_ns.saturating_add((frames as f64 * period_ns) as i64);
        }
        Ok(())
    }
}

/// Converts cpal's 24-bit samples: the low bits of 32. ALSA leaves the high ones undefined.
fn from_i24<D: Sample>(from: &[cpal::I24], to: &mut [D]) -> usize {
    for (from, to) in from.iter().zip(to.iter_mut()) {
        let value = from.inner() << 8;
        *to = if D::FORMAT == SampleFormat::F32 { D::from_f32(value.to_f32()) } else { D::from_s32(value) };
    }
    from.len().min(to.len())
}
