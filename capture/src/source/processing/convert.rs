//! Conversion of samples of any format to `f64`, which holds all their bits, and back.

use capbuf::{I24, Sample, SampleFormat, Writer};

const FULL_SCALE: f64 = 2_147_483_648.0;

/// Converts a sample of any type; full scale is 1.0.
pub(super) fn float<S: Sample>(sample: S) -> f64 {
    // 32 bits hold all of an integer, and more than those of a float.
    if S::FORMAT == SampleFormat::F32 { f64::from(sample.to_f32()) } else { f64::from(sample.to_s32()) / FULL_SCALE }
}

/// Appends samples from bytes in memory order.
pub(super) fn append_floats(bytes: &[u8], format: SampleFormat, floats: &mut Vec<f64>) {
    match format {
        SampleFormat::S16 => floats.extend(bytes.as_chunks().0.iter().map(|bytes| float(i16::from_ne_bytes(*bytes)))),
        SampleFormat::S24 => floats.extend(bytes.as_chunks().0.iter().map(|bytes| float(I24(*bytes)))),
        SampleFormat::S32 => floats.extend(bytes.as_chunks().0.iter().map(|bytes| float(i32::from_ne_bytes(*bytes)))),
        SampleFormat::F32 => floats.extend(bytes.as_chunks().0.iter().map(|bytes| float(f32::from_ne_bytes(*bytes)))),
    }
}

/// Memory for samples in the format of a buffer. Grows with the first blocks, and not later.
pub(super) enum Block {
    S16(Vec<i16>),
    S24(Vec<I24>),
    S32(Vec<i32>),
    F32(Vec<f32>),
}

impl Block {
    pub(super) fn new(format: SampleFormat, samples: usize) -> Self {
        match format {
            SampleFormat::S16 => Self::S16(Vec::with_capacity(samples)),
            SampleFormat::S24 => Self::S24(Vec::with_capacity(samples)),
            SampleFormat::S32 => Self::S32(Vec::with_capacity(samples)),
            SampleFormat::F32 => Self::F32(Vec::with_capacity(samples)),
        }
    }

    /// Writes samples, clipped to full scale.
    pub(super) fn write(&mut self, writer: &mut Writer, samples: &[f64], time: BlockTime) -> capbuf::Result<()> {
        // The casts saturate, and convert NaN to zero.
        match self {
            Self::S16(block) => write(writer, block, samples, time, |sample| (sample * 32_768.0).round() as i16),
            Self::S24(block) => {
                write(writer, block, samples, time, |sample| I24::new((sample * 8_388_608.0).round() as i32))
            }
            Self::S32(block) => write(writer, block, samples, time, |sample| (sample * FULL_SCALE).round() as i32),
            Self::F32(block) => write(writer, block, samples, time, |sample| sample as f32),
        }
    }
}

/// The time of a block.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct BlockTime {
    /// The time of its first frame.
    pub(super) utc_ns: i64,
    /// True if that was computed from the time of arrival of its last one.
    pub(super) is_arrival: bool,
}

fn write<S: Sample>(
    writer: &mut Writer,
    block: &mut Vec<S>,
    samples: &[f64],
    time: BlockTime,
    convert: impl Fn(f64) -> S,
) -> capbuf::Result<()> {
    block.clear();
    block.extend(samples.iter().map(|sample| convert(*sample)));
    if time.is_arrival {
        let spec = writer.buffer().spec();
        let frames = block.len() / usize::from(spec.channels());
        let lasts_ns = (frames as f64 * 1e9 / f64::from(spec.sample_rate_hz())) as i64;
        return writer.write_arrived_at(block, time.utc_ns.saturating_add(lasts_ns));
    }
    writer.write_at(block, time.utc_ns)
}
