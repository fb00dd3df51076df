//! The status of a buffer at one moment.

use std::time::Duration;

use super::handle::CaptureBuffer;
use super::read::{self, ReadOptions};
use super::source_health::SourceHealth;
use super::span::Span;
use crate::holder::Holder;
use crate::sync::Ordering;
use crate::time::Extent;
use crate::timing::Timing;

/// The level of a span over all channels; full scale is 1.0.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Level {
    /// The largest magnitude of a sample.
    pub peak: f32,
    /// Root mean square of the samples. A full-scale sine has 0.707.
    pub rms: f32,
}

impl Level {
    /// Measures samples. No samples, and samples that are not finite, count as silence.
    ///
    /// ```
    /// let level = capbuf::Level::of(&[0.6, -0.8]);
    /// assert_eq!(level.peak, 0.8);
    /// assert!((level.rms - 0.5_f32.sqrt()).abs() < 1e-6);
    /// ```
    pub fn of(samples: &[f32]) -> Self {
        let mut meter = Meter::default();
        meter.take(samples);
        meter.level()
    }

    /// Converts a magnitude to dB relative to full scale; minus infinity for silence.
    pub fn dbfs(magnitude: f32) -> f32 {
        20.0 * magnitude.log10()
    }
}

/// Accumulates a level.
#[derive(Default)]
struct Meter {
    peak: f32,
    squares: f64,
    samples: usize,
}

impl Meter {
    fn take(&mut self, samples: &[f32]) {
        for sample in samples.iter().filter(|sample| sample.is_finite()) {
            self.peak = self.peak.max(sample.abs());
            self.squares += f64::from(*sample).powi(2);
        }
        self.samples += samples.len();
    }

    fn level(&self) -> Level {
        let mean = if self.samples == 0 { 0.0 } else { self.squares / self.samples as f64 };
        Level { peak: self.peak, rms: mean.sqrt() as f32 }
    }
}

/// The status of a buffer. Each number is exact for a moment of its own, close together.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Status {
    /// Frames written so far: one past the newest frame's number.
    pub newest_frame: u64,
    /// The oldest readable frame.
    pub oldest_frame: u64,
    /// Time from which spans of time have audio, in ns of UTC; `None` before the first write. That
    /// of the oldest frame, unless a newer epoch has its time.
    pub oldest_utc_ns: Option<i64>,
    /// End of the newest frame, in ns of UTC; `None` before the first write.
    pub newest_utc_ns: Option<i64>,
    /// The frame with which the newest epoch began, because a clock was set back; 0 in the first
    /// epoch, or if the beginning is no longer on record.
    pub epoch_frame: u64,
    /// Time of that frame, in ns of UTC.
    pub epoch_utc_ns: Option<i64>,
    /// Difference of that time to the end of the frame before, in ns: negative, or 0 for none.
    pub epoch_step_ns: i64,
    /// Time since the newest frame was captured; `None` before the first write.
    pub age: Option<Duration>,
    /// Number of writes so far.
    pub writes: u64,
    /// Number of gaps recorded so far.
    pub gaps: u64,
    /// Number of reads that came too late for some of their frames.
    pub evictions: u64,
    /// True if a living process or thread holds the writer.
    pub has_writer: bool,
    /// The process that holds the writer; `None` in a private registry.
    pub writer: Option<Holder>,
    /// Health of the source, as its feeder published it last; `None` if it never did.
    pub health: Option<SourceHealth>,
    /// True once it was removed from its registry.
    pub is_removed: bool,
    /// The accuracy of the time of the newest frame; `None` before the first write.
    pub timing: Option<Timing>,
    /// Lead of the published times over the estimated ones, which slewing has still to correct.
    pub timeline_ahead_ns: i64,
    /// Level of the last second; `None` before the first write.
    pub level: Option<Level>,
    /// Bytes mapped for it.
    pub bytes: u64,
    /// The rest of the grace time, if its recorder was killed and no other has taken over: then it
    /// is removed. See [`RegistryBuilder::grace`](crate::RegistryBuilder::grace).
    pub orphaned_left: Option<Duration>,
    /// Living processes that have it open beyond those that
    /// [`opened_by`](CaptureBuffer::opened_by) has room for, 128.
    pub unlisted_processes: u32,
}

impl Status {
    pub(crate) fn of(buffer: &CaptureBuffer) -> Self {
        let shared = &buffer.shared;
        // One that was cut short is empty, and removed.
        let _ = shared.check_whole();
        let (header, extent) = (shared.region.header(), Extent::of(&shared.region));
        // SYNC none: counters for display.
        let timeline_ahead_ns = header.writer.ahead_ns.load(Ordering::Relaxed);
        let newest_utc_ns = extent.map(|extent| extent.newest_utc_ns());
        let age = newest_utc_ns.map(|newest_ns| {
            let true_ns = newest_ns.saturating_sub(timeline_ahead_ns);
            Duration::from_nanos(shared.clock.utc_ns().saturating_sub(true_ns).max(0).unsigned_abs())
        });
        let membership = shared.membership.as_ref();
        let domain = membership.map(|membership| membership.domain());
        let epoch = extent.and_then(|extent| extent.begin_of_epoch(&shared.region));
        let lease = Some(header.readers.lease.load(Ordering::Relaxed)).filter(|lease| *lease != 0);
        let lease = lease.filter(|lease| domain.is_none_or(|domain| domain.is_alive(*lease)));
        let writer = domain.zip(lease).and_then(|(domain, lease)| domain.holder(lease));
        let has_writer = lease.is_some();
        let orphaned_left = shared.orphaned_left();
        Self {
            newest_frame: extent.map_or(0, |extent| extent.newest_frame),
            oldest_frame: extent.map_or(0, |extent| extent.oldest_frame),
            oldest_utc_ns: extent.and_then(|extent| extent.oldest_by_time(&shared.region)).map(|(_, utc_ns)| utc_ns),
            newest_utc_ns,
            epoch_frame: epoch.map_or(0, |epoch| epoch.first_frame),
            epoch_utc_ns: epoch.map(|epoch| epoch.utc_ns),
            epoch_step_ns: epoch.map_or(0, |epoch| epoch.back_ns.saturating_neg()),
            age,
            writes: header.writer.writes.load(Ordering::Relaxed),
            gaps: header.writer.gaps.load(Ordering::Relaxed),
            evictions: header.readers.evictions.load(Ordering::Relaxed),
            has_writer,
            writer,
            health: SourceHealth::of(shared, orphaned_left),
            is_removed: shared.is_gone(),
            timing: extent.map(|extent| extent.newest_segment().1.timing),
            timeline_ahead_ns,
            level: extent.map(|extent| level(buffer, extent.newest_frame)),
            bytes: shared.region.layout().region_bytes,
            orphaned_left,
            unlisted_processes: membership.map_or(0, |membership| membership.unlisted(&shared.region)),
        }
    }
}

impl CaptureBuffer {
    /// Collects the status: fill, age, level.
    ///
    /// Reads the last second to measure its level; not for the audio thread.
    pub fn status(&self) -> Status {
        Status::of(self)
    }
}

/// The level of up to the last second. In blocks on the stack: allocates nothing.
fn level(buffer: &CaptureBuffer, newest_frame: u64) -> Level {
    let mut block = [0.0_f32; 4096];
    let block_frames = (block.len() / usize::from(buffer.spec().channels())) as u64;
    let (mut meter, mut first) = (Meter::default(), newest_frame.saturating_sub(buffer.spec().sample_rate_hz().into()));
    while first < newest_frame {
        let end = newest_frame.min(first.saturating_add(block_frames));
        let available = ReadOptions::new().available();
        // Frames that can't be read now can't be read a moment later: a damaged buffer must not
        // block its viewer.
        let Ok(extracted) = read::into(&buffer.shared, &Span::Frames(first..end), &available, &mut block) else {
            break;
        };
        meter.take(&block[..extracted.frames as usize * usize::from(buffer.spec().channels())]);
        first = end;
    }
    meter.level()
}
