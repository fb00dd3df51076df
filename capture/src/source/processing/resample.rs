//! Resampling by FFT, with exact capture times.

use rubato::{FftFixedIn, Resampler as _};

use crate::error::{Error, Result};

/// Converts the rate by FFT, and compensates the delay of the filter.
pub(super) struct Resampler {
    from_hz: f64,
    to_hz: f64,
    channels: usize,
    fft: FftFixedIn<f64>,
    /// The samples of an incomplete block, interleaved.
    pending: Vec<f64>,
    /// Frames read and written since the start, without the delay.
    read: u64,
    written: u64,
    /// Frames of the delay that are still to be dropped.
    to_drop: usize,
    /// The capture time of one of the frames read.
    reference: Option<(u64, i64)>,
}

/// The approximate size of a block, of which two are converted at a time.
const BLOCK_FRAMES: usize = 512;

impl Resampler {
    pub(super) fn new(from_hz: u32, to_hz: u32, channels: usize) -> std::result::Result<Self, String> {
        // Blocks of an even number of frames on both sides, so that the delay is whole frames.
        let ratio = (from_hz / common_divisor(from_hz, to_hz)) as usize;
        let block_frames = ratio * BLOCK_FRAMES.div_ceil(ratio).next_multiple_of(2);
        let fft = FftFixedIn::new(from_hz as usize, to_hz as usize, 2 * block_frames, 2, channels);
        let fft = fft.map_err(|error| format!("{from_hz} Hz, which can't become {to_hz} Hz: {error}"))?;
        let to_drop = fft.output_delay();
        let (from_hz, to_hz) = (f64::from(from_hz), f64::from(to_hz));
        Ok(Self { from_hz, to_hz, channels, fft, pending: Vec::new(), read: 0, written: 0, to_drop, reference: None })
    }

    pub(super) fn reset(&mut self) {
        self.fft.reset();
        self.pending.clear();
        (self.read, self.written, self.reference) = (0, 0, None);
        self.to_drop = self.fft.output_delay();
    }

    pub(super) fn process(&mut self, samples: &[f64], utc_ns: i64) -> Result<(Vec<f64>, i64)> {
        self.reference = Some((self.read + (self.pending.len() / self.channels) as u64, utc_ns));
        self.pending.extend_from_slice(samples);
        let start_ns = self.next_out_ns();
        let mut out = Vec::new();
        while self.pending.len() >= self.fft.input_frames_next() * self.channels {
            let frames = self.fft.input_frames_next();
            let block: Vec<f64> = self.pending.drain(..frames * self.channels).collect();
            let converted = self.fft.process(&self.planes(&block), None).map_err(failed)?;
            self.read += frames as u64;
            self.write(&converted, usize::MAX, &mut out);
        }
        Ok((out, start_ns))
    }

    /// Returns the frames of the samples read that were not returned yet.
    pub(super) fn finish(&mut self) -> Result<(Vec<f64>, i64)> {
        let mut out = Vec::new();
        let start_ns = self.next_out_ns();
        let block = std::mem::take(&mut self.pending);
        let read = self.read + (block.len() / self.channels) as u64;
        let due = (read as f64 * self.to_hz / self.from_hz).round() as u64;
        let mut rest = (!block.is_empty()).then(|| self.planes(&block));
        while self.written < due {
            let planes = rest.take();
            let converted = self.fft.process_partial(planes.as_deref(), None).map_err(failed)?;
            let left = usize::try_from(due - self.written).unwrap_or(usize::MAX);
            self.write(&converted, left, &mut out);
        }
        self.reset();
        Ok((out, start_ns))
    }

    /// Returns the capture time of the next frame written.
    fn next_out_ns(&self) -> i64 {
        let Some((frame, utc_ns)) = self.reference else { return 0 };
        let behind = self.written as f64 * self.from_hz / self.to_hz - frame as f64;
        utc_ns.saturating_add((behind * 1e9 / self.from_hz) as i64)
    }

    fn planes(&self, samples: &[f64]) -> Vec<Vec<f64>> {
        (0..self.channels)
            .map(|channel| samples.iter().skip(channel).step_by(self.channels).copied().collect())
            .collect()
    }

    fn write(&mut self, planes: &[Vec<f64>], at_most: usize, out: &mut Vec<f64>) {
        let frames = planes.first().map_or(0, Vec::len);
        let dropped = self.to_drop.min(frames);
        self.to_drop -= dropped;
        for frame in (dropped..frames).take(at_most) {
            out.extend(planes.iter().map(|plane| plane[frame]));
            self.written += 1;
        }
    }
}

fn common_divisor(one: u32, other: u32) -> u32 {
    if other == 0 { one.max(1) } else { common_divisor(other, one % other) }
}

fn failed(error: rubato::ResampleError) -> Error {
    Error::Thread { source_name: "resampling".to_owned(), reason: error.to_string() }
}
