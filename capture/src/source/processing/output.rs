//! The way of a source's audio into its buffer, converted if necessary.

use std::time::Duration;

use capbuf::{CaptureBuffer, Clock, ClockSource, GapReason, Reservation, Sample, Writer};

use super::convert::{Block, BlockTime, append_floats, float};
use super::shape::{BLOCK_FRAMES, Shape};
use crate::error::Result;
use crate::source::format::{Format, RequestedFormat};
use crate::source::rate_check::{NOTHING_FOR, RATE_WITHIN};

/// The writer of a source, and the conversion before it.
///
/// Converts on the calling thread, block by block. Once made it allocates nothing, takes no lock
/// and makes no system call, so the callback of a device may use it.
pub struct Output {
    writer: Writer,
    /// The clock that was named last.
    named: Option<ClockSource>,
    conversion: Option<Conversion>,
    rate_within: f64,
    nothing_for: Duration,
}

struct Conversion {
    shape: Shape,
    /// A block as it came from the source.
    floats: Vec<f64>,
    /// A block for the buffer.
    block: Block,
    /// True if the samples that it holds came with a time of arrival.
    is_arrival: bool,
    /// The memory of all this, in the budget of the buffer's registry.
    _reserved: Reservation,
}

impl Output {
    /// Writes the audio as it is.
    pub(crate) fn direct(writer: Writer) -> Self {
        Self { writer, named: None, conversion: None, rate_within: RATE_WITHIN, nothing_for: NOTHING_FOR }
    }

    /// Sets the tolerance of the rate of the source, as a part of it.
    pub(super) fn with_rate_within(self, rate_within: f64) -> Self {
        Self { rate_within, ..self }
    }

    /// Sets the constant delay that is taken off all times.
    pub(super) fn with_latency(mut self, latency_ns: i64) -> Self {
        self.writer.set_latency(latency_ns);
        self
    }

    /// Sets the time without a frame after which the source is taken for dead.
    pub(super) fn with_nothing_for(self, nothing_for: Duration) -> Self {
        Self { nothing_for, ..self }
    }

    /// Returns the time without a frame after which the source is taken for dead.
    pub(crate) fn nothing_for(&self) -> Duration {
        self.nothing_for
    }

    /// Returns the tolerance of the rate of the source, as a part of it.
    pub(crate) fn rate_within(&self) -> f64 {
        self.rate_within
    }

    /// Converts the audio first.
    ///
    /// # Errors
    /// [`capbuf::Error::OverBudget`] if the budget has no room for the conversion.
    pub(super) fn converted(writer: Writer, shape: Shape) -> Result<Self> {
        let in_samples = BLOCK_FRAMES * usize::from(shape.native().channels);
        let out_samples = shape.most_out_frames(BLOCK_FRAMES) * usize::from(shape.output().channels);
        let bytes = shape.bytes() + in_samples * size_of::<f64>() + out_samples * shape.output().sample_format.bytes();
        let reserved = writer.buffer().reserve(bytes as u64)?;
        let block = Block::new(shape.output().sample_format, out_samples);
        let floats = Vec::with_capacity(in_samples);
        let conversion = Conversion { shape, floats, block, is_arrival: false, _reserved: reserved };
        Ok(Self { conversion: Some(conversion), ..Self::direct(writer) })
    }

    /// Returns the writer, if the audio is written as it is.
    // Called once for each opening; the caller keeps either value.
    #[allow(clippy::result_large_err)]
    pub(super) fn into_writer(self) -> std::result::Result<Writer, Self> {
        if self.conversion.is_none() { Ok(self.writer) } else { Err(self) }
    }

    pub(crate) fn buffer(&self) -> &CaptureBuffer {
        self.writer.buffer()
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &**self.writer.buffer().clock()
    }

    /// Returns the number of the next frame of the buffer.
    pub(crate) fn next_frame(&self) -> u64 {
        self.writer.next_frame()
    }

    /// Returns the format in which the source writes.
    pub(crate) fn format(&self) -> Format {
        let spec = self.writer.buffer().spec();
        let own =
            Format { sample_rate_hz: spec.sample_rate_hz(), channels: spec.channels(), sample_format: spec.format() };
        self.conversion.as_ref().map_or(own, |conversion| conversion.shape.native())
    }

    /// Returns the format in which the source writes, as a request.
    pub(crate) fn requested(&self) -> RequestedFormat {
        let Format { sample_rate_hz, channels, sample_format } = self.format();
        RequestedFormat {
            sample_rate_hz: Some(sample_rate_hz),
            channels: Some(channels),
            sample_format: Some(sample_format),
        }
    }

    /// Writes samples in the source's format, the first captured at `utc_ns`.
    pub(crate) fn write_at<S: Sample>(&mut self, samples: &[S], utc_ns: i64) -> Result<()> {
        let Some(conversion) = &mut self.conversion else { return Ok(self.writer.write_at(samples, utc_ns)?) };
        let block_samples = BLOCK_FRAMES * usize::from(conversion.shape.native().channels);
        samples.chunks(block_samples).enumerate().try_for_each(|(number, block)| {
            let fill = |floats: &mut Vec<f64>| floats.extend(block.iter().map(|sample| float(*sample)));
            conversion.write(&mut self.writer, number, BlockTime { utc_ns, is_arrival: false }, fill)
        })
    }

    /// Writes bytes as [`write_at`](Self::write_at) does samples.
    pub(crate) fn write_bytes_at(&mut self, bytes: &[u8], utc_ns: i64) -> Result<()> {
        let Some(conversion) = &mut self.conversion else { return Ok(self.writer.write_bytes_at(bytes, utc_ns)?) };
        conversion.write_bytes(&mut self.writer, bytes, BlockTime { utc_ns, is_arrival: false })
    }

    /// Writes bytes of whole frames that arrived at `utc_ns`: their last frame was captured before.
    pub(crate) fn write_bytes_arrived_at(&mut self, bytes: &[u8], utc_ns: i64) -> Result<()> {
        let Some(conversion) = &mut self.conversion else {
            return Ok(self.writer.write_bytes_arrived_at(bytes, utc_ns)?);
        };
        let Format { sample_rate_hz, channels, sample_format } = conversion.shape.native();
        let frames = bytes.len() / (usize::from(channels) * sample_format.bytes());
        let lasts_ns = (frames as f64 * 1e9 / f64::from(sample_rate_hz)) as i64;
        let first_ns = utc_ns.saturating_sub(lasts_ns);
        conversion.write_bytes(&mut self.writer, bytes, BlockTime { utc_ns: first_ns, is_arrival: true })
    }

    /// Names the clock of the times from now on.
    pub(crate) fn set_clock(&mut self, clock: ClockSource) {
        if self.named.replace(clock) != Some(clock) {
            // An error means that the buffer was removed, which the next write reports.
            let _ = self.finish();
            self.writer.set_clock(clock);
        }
    }

    /// Records a gap of unknown length before the next samples.
    pub(crate) fn gap(&mut self, reason: GapReason) {
        // An error means that the buffer was removed, which the next write reports.
        let _ = self.finish();
        self.writer.gap(reason);
    }

    /// Records a gap of known length before the next samples.
    pub(crate) fn gap_for(&mut self, reason: GapReason, duration: Duration) {
        let _ = self.finish();
        self.writer.gap_for(reason, duration);
    }

    /// Writes the samples that the conversion holds, at the end or before a gap.
    pub(crate) fn finish(&mut self) -> Result<()> {
        let Some(Conversion { shape, block, is_arrival, .. }) = &mut self.conversion else { return Ok(()) };
        let is_arrival = *is_arrival;
        shape.finish(|samples, utc_ns| Ok(block.write(&mut self.writer, samples, BlockTime { utc_ns, is_arrival })?))
    }

    /// Discards the samples that the conversion holds.
    pub(super) fn discard(&mut self) {
        if let Some(conversion) = &mut self.conversion {
            conversion.shape.reset();
        }
    }
}

impl Conversion {
    fn write_bytes(&mut self, writer: &mut Writer, bytes: &[u8], time: BlockTime) -> Result<()> {
        let Format { channels, sample_format, .. } = self.shape.native();
        let block_bytes = BLOCK_FRAMES * usize::from(channels) * sample_format.bytes();
        bytes.chunks(block_bytes).enumerate().try_for_each(|(number, block)| {
            let fill = |floats: &mut Vec<f64>| append_floats(block, sample_format, floats);
            self.write(writer, number, time, fill)
        })
    }

    /// Converts and writes block `number` of samples; the time is that of the first of all.
    fn write(
        &mut self,
        writer: &mut Writer,
        number: usize,
        time: BlockTime,
        fill: impl FnOnce(&mut Vec<f64>),
    ) -> Result<()> {
        let BlockTime { utc_ns, is_arrival } = time;
        self.is_arrival = is_arrival;
        self.floats.clear();
        fill(&mut self.floats);
        let before_ns = (number * BLOCK_FRAMES) as f64 * 1e9 / f64::from(self.shape.native().sample_rate_hz);
        let Self { shape, floats, block, .. } = self;
        let utc_ns = utc_ns.saturating_add(before_ns as i64);
        shape.process(floats, utc_ns, |samples, utc_ns| {
            Ok(block.write(writer, samples, BlockTime { utc_ns, is_arrival })?)
        })
    }
}
