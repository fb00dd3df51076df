//! Resampling by FFT, with exact capture times. Allocates when it is made, and not later.

use rubato::{FftFixedIn, Resampler as _};

use crate::error::{Error, Result};

/// Converts the rate by FFT, and compensates the delay of the filter.
pub(super) struct Resampler {
    from_hz: f64,
    to_hz: f64,
    fft: FftFixedIn<f64>,
    /// An incomplete block, a plane for each channel.
    input: Vec<Vec<f64>>,
    /// Frames in `input`.
    filled: usize,
    /// A converted block, in planes and interleaved.
    planes: Vec<Vec<f64>>,
    out: Vec<f64>,
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
        let (input, planes) = (fft.input_buffer_allocate(true), fft.output_buffer_allocate(true));
        let out = Vec::with_capacity(fft.output_frames_max() * channels);
        let (from_hz, to_hz) = (f64::from(from_hz), f64::from(to_hz));
        Ok(Self { from_hz, to_hz, fft, input, filled: 0, planes, out, read: 0, written: 0, to_drop, reference: None })
    }

    /// Returns an estimate of its memory: the blocks, and as many again for the FFT.
    pub(super) fn bytes(&self) -> usize {
        let frames = 2 * (self.fft.input_frames_max() + 2 * self.fft.output_frames_max());
        frames * self.input.len() * size_of::<f64>()
    }

    /// Returns the most frames of a block after conversion.
    pub(super) fn most_out_frames(&self) -> usize {
        self.fft.output_frames_max()
    }

    pub(super) fn reset(&mut self) {
        self.fft.reset();
        (self.filled, self.read, self.written, self.reference) = (0, 0, 0, None);
        self.to_drop = self.fft.output_delay();
    }

    /// Reads interleaved samples, the first captured at `utc_ns`; passes on each block that they
    /// complete, with its capture time.
    pub(super) fn process(
        &mut self,
        samples: &[f64],
        utc_ns: i64,
        mut emit: impl FnMut(&[f64], i64) -> Result<()>,
    ) -> Result<()> {
        self.reference = Some((self.read + self.filled as u64, utc_ns));
        for frame in samples.chunks_exact(self.input.len()) {
            for (plane, sample) in self.input.iter_mut().zip(frame) {
                plane[self.filled] = *sample;
            }
            self.filled += 1;
            if self.filled == self.fft.input_frames_next() {
                self.convert(u64::MAX, &mut emit)?;
                self.read += self.filled as u64;
                self.filled = 0;
            }
        }
        Ok(())
    }

    /// Passes on the frames of the samples read that were not passed on yet.
    pub(super) fn finish(&mut self, mut emit: impl FnMut(&[f64], i64) -> Result<()>) -> Result<()> {
        let read = self.read + self.filled as u64;
        let due = (read as f64 * self.to_hz / self.from_hz).round() as u64;
        while self.written < due {
            self.input.iter_mut().for_each(|plane| plane[self.filled..].fill(0.0));
            self.convert(due - self.written, &mut emit)?;
            self.filled = 0;
        }
        self.reset();
        Ok(())
    }

    /// Converts the block, and passes on up to `at_most` frames of it.
    fn convert(&mut self, at_most: u64, emit: &mut impl FnMut(&[f64], i64) -> Result<()>) -> Result<()> {
        let start_ns = self.next_out_ns();
        let (_, frames) = self.fft.process_into_buffer(&self.input, &mut self.planes, None).map_err(failed)?;
        let dropped = self.to_drop.min(frames);
        self.to_drop -= dropped;
        let count = (frames - dropped).min(usize::try_from(at_most).unwrap_or(usize::MAX));
        self.out.clear();
        for frame in dropped..dropped + count {
            self.out.extend(self.planes.iter().map(|plane| plane[frame]));
        }
        self.written += count as u64;
        if count == 0 { Ok(()) } else { emit(&self.out, start_ns) }
    }

    /// Returns the capture time of the next frame written.
    fn next_out_ns(&self) -> i64 {
        let Some((frame, utc_ns)) = self.reference else { return 0 };
        let behind = self.written as f64 * self.from_hz / self.to_hz - frame as f64;
        utc_ns.saturating_add((behind * 1e9 / self.from_hz) as i64)
    }
}

fn common_divisor(one: u32, other: u32) -> u32 {
    if other == 0 { one.max(1) } else { common_divisor(other, one % other) }
}

fn failed(error: rubato::ResampleError) -> Error {
    Error::Thread { source_name: "resampling".to_owned(), reason: error.to_string() }
}
