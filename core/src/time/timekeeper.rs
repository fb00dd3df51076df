//! The writer's side of the timeline: turns the times of chunks, passed or of arrival, into
//! anchors.
//!
//! Two clocks run side by side. The *estimated* clock is the delay-locked loop's: it follows the
//! source and may change at will. The *published* clock is what readers see: it never changes where
//! it was published, never runs backwards within an epoch, and follows the estimated one at a
//! bounded slew. At a gap or a step of the wall clock the published one jumps forward, on record.
//! Backwards it slews; where it would be wrong for long, because a clock was set back, a new epoch
//! begins.

use super::delay_locked_loop::{DelayLockedLoop, EstimatedClock};
use crate::clock::{Clock, utc_offset_ns};
use crate::gap::GapReason;
use crate::ring::Anchor;
use crate::timing::ClockSource;

/// The time of a chunk, as far as the writer knows it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ChunkTime {
    /// Capture time of its first frame.
    Captured(i64),
    /// Time of arrival: its last frame was captured just before.
    Arrived(i64),
}

impl ChunkTime {
    /// Capture time of the first of `frames` frames.
    fn of_first(self, frames: u64, period_ns: f64) -> i64 {
        match self {
            Self::Captured(utc_ns) => utc_ns,
            Self::Arrived(utc_ns) => utc_ns.saturating_sub((frames.cast_signed() as f64 * period_ns) as i64),
        }
    }
}

/// Upper bound of the correction of published times, per time that passes.
const SLEW: f64 = 1e-3;
/// A chunk this much later than the estimated clock follows a gap; less is jitter.
const GAP_NS: i64 = 750_000_000;
/// A change of the wall clock against the monotonic one by this much is a step; less is discipline.
const STEP_NS: i64 = 100_000_000;
/// A new writer, or one after a gap of unknown length, whose first chunk lies further than this
/// before the end of the timeline begins a new epoch: as long as the jitter that is no gap.
pub const BEHIND_NS: i64 = GAP_NS;
/// After gaps of known length, the published clock may lag this far behind the estimated one before
/// it jumps.
const MAX_LAG_NS: i64 = 100_000_000;
/// Distance of anchors at first, and when the filter has settled.
const SPACING_S: (f64, f64) = (1.0, 10.0);
/// After lock, chunks are batched: up to 1/32 of all updates so far, at most 1 s of audio.
const BATCH: (u64, f64) = (32, 1.0);

/// The state of a writer's timeline.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Timekeeper {
    batch: Batch,
    nominal_ns: f64,
    /// The newest published segment; `None` before the buffer's first frame.
    published: Option<Anchor>,
    /// `None` until this writer's first chunk.
    estimated: Option<DelayLockedLoop>,
    /// The gap before the next chunk: its reason, and its length if known.
    gap: Option<(GapReason, Option<i64>)>,
    /// UTC minus monotonic time at the last comparison.
    utc_offset_ns: Option<i64>,
    /// Length of the current chunk: the next segment is at least as long.
    chunk_ns: f64,
    /// The clock of the times passed.
    clock: ClockSource,
    /// Taken off all times.
    latency_ns: i64,
}

/// Batched updates: chunks on time that the filter has not seen yet, passed to it as one mean.
///
/// The state that most chunks need, on one cache line.
#[derive(Debug, Default)]
#[repr(C, align(64))]
struct Batch {
    /// From this frame on, chunks are looked at one by one.
    until_frame: u64,
    /// The estimated clock until then.
    estimated: EstimatedClock,
    chunks: u64,
    /// Sums over the chunks: frames since the last update, and differences to the estimated times.
    since_frames: u64,
    error_ns: i64,
}

impl Timekeeper {
    /// Continues a timeline. A new writer on a buffer with frames begins after a gap.
    pub(crate) fn new(sample_rate_hz: u32, published: Option<Anchor>) -> Self {
        let nominal_ns = 1e9 / f64::from(sample_rate_hz);
        let batch = Batch::default();
        Self {
            batch,
            nominal_ns,
            published,
            estimated: None,
            gap: None,
            utc_offset_ns: None,
            chunk_ns: 0.0,
            clock: ClockSource::Device,
            latency_ns: 0,
        }
    }

    /// Notes that the next chunk does not follow the last one. A later reason replaces an earlier
    /// one; lengths add up, and are unknown if one of them is.
    pub(crate) fn gap(&mut self, reason: GapReason, duration_ns: Option<i64>) {
        let total_ns = match self.gap {
            None => duration_ns,
            Some((_, sooner_ns)) => sooner_ns.zip(duration_ns).map(|(sooner, later)| sooner.saturating_add(later)),
        };
        self.gap = Some((reason, total_ns));
        self.batch.until_frame = 0;
    }

    /// Names the clock of the times passed.
    pub(crate) fn set_clock(&mut self, clock: ClockSource) {
        self.clock = clock;
    }

    /// Sets the delay that is taken off all times.
    pub(crate) fn set_latency(&mut self, latency_ns: i64) {
        self.latency_ns = latency_ns;
    }

    /// Lead of the published clock over the estimated one at a frame.
    pub(crate) fn ahead_ns(&self, frame: u64) -> i64 {
        match (&self.published, &self.estimated) {
            (Some(published), Some(estimated)) => published.utc_at(frame).saturating_sub(estimated.predict(frame)),
            _ => 0,
        }
    }

    /// Takes a chunk of `frames` frames from `head` on, and returns the anchor to publish before
    /// it.
    ///
    /// A bounded number of steps, no allocation, no lock. Reads the clock once a second at most,
    /// and where times jump.
    pub(crate) fn chunk(&mut self, head: u64, frames: u64, time: ChunkTime, clock: &dyn Clock) -> Option<Anchor> {
        if self.add_to_batch(head, frames, time) { None } else { self.look_at(head, frames, time, clock) }
    }

    /// Adds a chunk that is on time to the batch. Returns false for any other, and changes nothing.
    #[inline]
    pub(crate) fn add_to_batch(&mut self, head: u64, frames: u64, time: ChunkTime) -> bool {
        let batch = &mut self.batch;
        if head >= batch.until_frame {
            return false;
        }
        let measured_ns = match time {
            ChunkTime::Captured(utc_ns) => utc_ns,
            ChunkTime::Arrived(utc_ns) => utc_ns.saturating_sub(batch.estimated.duration_ns(frames)),
        };
        let Some((since_frames, estimated_ns)) = batch.estimated.predict(head) else { return false };
        let Some(error_ns) = measured_ns.checked_sub(estimated_ns) else { return false };
        if error_ns.unsigned_abs() > GAP_NS.unsigned_abs() {
            return false;
        }
        batch.chunks += 1;
        batch.since_frames += since_frames;
        batch.error_ns += error_ns;
        true
    }

    /// Updates the filter with the batch.
    fn flush_batch(&mut self) {
        let Batch { chunks, since_frames, error_ns, .. } = std::mem::take(&mut self.batch);
        if chunks > 0
            && let Some(estimated) = &mut self.estimated
        {
            let frame = estimated.frame() + since_frames / chunks;
            let mean_ns = error_ns / chunks.cast_signed();
            estimated.update(frame, estimated.predict(frame).saturating_add(mean_ns), chunks);
        }
    }

    /// Begins a batch if the filter has settled. It ends when an anchor is due, at the latest.
    fn begin_batch(&mut self, head: u64, frames: u64, due_ns: f64) {
        if let Some(estimated) = self.estimated.as_ref().filter(|estimated| estimated.is_settled()) {
            let (part, seconds) = BATCH;
            let frames = (estimated.updates() / part)
                .saturating_mul(frames)
                .min((due_ns.min(seconds * 1e9) / self.nominal_ns) as u64);
            self.batch.until_frame = head.saturating_add(frames);
            self.batch.estimated = estimated.estimate();
        }
    }

    /// Takes a chunk outside of a batch.
    fn look_at(&mut self, head: u64, frames: u64, time: ChunkTime, clock: &dyn Clock) -> Option<Anchor> {
        self.flush_batch();
        let period_ns = self.published.map_or(self.nominal_ns, |published| published.period_ns());
        self.chunk_ns = frames as f64 * self.nominal_ns;
        let measured_ns = time.of_first(frames, period_ns);
        let Some(published) = self.published else {
            return Some(self.begin(head, measured_ns, clock));
        };
        let gap = self.gap.take();
        let known_ns = gap.and_then(|(_, duration_ns)| duration_ns);
        let published_ns = published.utc_at(head);
        let end_ns = published_ns.saturating_add(known_ns.unwrap_or(0));
        // A long chunk that arrives now may begin before the end. Its arrival may not.
        let (ChunkTime::Captured(known_utc_ns) | ChunkTime::Arrived(known_utc_ns)) = time;
        let is_behind = published_ns.saturating_sub(known_utc_ns) > BEHIND_NS;
        let Some(estimated) = &mut self.estimated else {
            // A new writer: the estimated clock begins at its first chunk with the period published
            // last. That period may have been bent, so it is bounded; else many short-lived writers
            // would bend it further and further. A gap of known length counts unless more was lost.
            let is_known = !is_behind && known_ns.is_some() && measured_ns.saturating_sub(end_ns) <= GAP_NS;
            let utc_ns = if is_known { end_ns } else { measured_ns };
            let period_ns = period_ns.clamp(self.nominal_ns * (1.0 - SLEW), self.nominal_ns * (1.0 + SLEW));
            self.estimated = Some(DelayLockedLoop::new(self.nominal_ns, period_ns, head, utc_ns));
            self.utc_offset_ns = utc_offset_ns(clock);
            let reason = gap.map_or(GapReason::WriterChanged, |(reason, _)| reason);
            return Some(if is_behind { self.begin_epoch(head, reason) } else { self.jump(head, reason, 0) });
        };
        if let Some((reason, None)) = gap {
            estimated.restart(head, measured_ns);
            if is_behind {
                // A step of the wall clock is part of the step of the times.
                self.utc_offset_ns = utc_offset_ns(clock);
                return Some(self.begin_epoch(head, reason));
            }
            return Some(self.jump(head, reason, 0));
        }
        estimated.shift(known_ns.unwrap_or(0));
        let estimated_ns = estimated.predict(head);
        let error_ns = measured_ns.saturating_sub(estimated_ns);
        let spacing_s = spacing_s(estimated);
        let since_ns = published_ns.saturating_sub(published.utc_ns);
        let due = since_ns as f64 >= spacing_s * 1e9;
        if error_ns.saturating_abs() > GAP_NS || due || gap.is_some() {
            // Rare, so the clock may be read.
            if let Some(step_ns) = self.clock_step(clock) {
                return Some(self.after_step(head, measured_ns, step_ns));
            }
        }
        let estimated = self.estimated.as_mut()?;
        if error_ns > GAP_NS {
            // More was lost than the writer reported.
            estimated.restart(head, measured_ns);
            return Some(self.jump(head, gap.map_or(GapReason::Detected, |(reason, _)| reason), 0));
        }
        // Frames far too early can't get times before those of earlier frames: the loop follows at
        // its own pace.
        estimated.update(head, measured_ns.max(estimated_ns.saturating_sub(GAP_NS)), 1);
        if !due && gap.is_none() {
            self.begin_batch(head, frames, spacing_s * 1e9 - since_ns as f64);
            return None;
        }
        let behind_ns = estimated.predict(head).saturating_sub(end_ns);
        match gap {
            // As long as reported, unless the reports were too short again and again.
            Some((reason, _)) if behind_ns > MAX_LAG_NS => Some(self.jump(head, reason, 0)),
            Some((reason, _)) => Some(self.jump_to(head, end_ns, reason, 0)),
            None if behind_ns > GAP_NS => Some(self.jump(head, GapReason::Detected, 0)),
            None => Some(self.slew(head)),
        }
    }

    /// The first anchor of a buffer.
    fn begin(&mut self, head: u64, measured_ns: i64, clock: &dyn Clock) -> Anchor {
        self.estimated = Some(DelayLockedLoop::new(self.nominal_ns, self.nominal_ns, head, measured_ns));
        self.utc_offset_ns = utc_offset_ns(clock);
        self.gap = None;
        let anchor = Anchor::new(head, measured_ns, self.nominal_ns);
        self.published = Some(anchor);
        anchor
    }

    /// The step of the wall clock since the last look, if there was one.
    fn clock_step(&mut self, clock: &dyn Clock) -> Option<i64> {
        let now_ns = utc_offset_ns(clock)?;
        let before_ns = self.utc_offset_ns.replace(now_ns)?;
        let step_ns = now_ns.saturating_sub(before_ns);
        (step_ns.saturating_abs() >= STEP_NS).then_some(step_ns)
    }

    /// After a step, the estimated clock moves with the wall clock. The published one jumps forward
    /// with it, or begins a new epoch.
    fn after_step(&mut self, head: u64, measured_ns: i64, step_ns: i64) -> Anchor {
        if let Some(estimated) = &mut self.estimated {
            estimated.shift(step_ns);
            let error_ns = measured_ns.saturating_sub(estimated.predict(head));
            if error_ns.saturating_abs() > STEP_NS {
                // Part of the step was taken for jitter before it was seen, or audio was lost as
                // well.
                estimated.restart(head, measured_ns);
            } else {
                estimated.update(head, measured_ns, 1);
            }
        }
        let ahead_ns = self.ahead_ns(head);
        // After a step forward the first estimate may be early by its jitter.
        let begins_epoch = if step_ns < 0 { ahead_ns >= STEP_NS } else { ahead_ns > BEHIND_NS };
        if begins_epoch {
            return self.begin_epoch(head, GapReason::ClockStep);
        }
        // Negative steps are those of epochs.
        self.jump(head, GapReason::ClockStep, step_ns.max(0))
    }

    /// Publishes the estimated clock from a frame on, though times run backwards there.
    fn begin_epoch(&mut self, head: u64, reason: GapReason) -> Anchor {
        let to_ns = self.estimated.as_ref().map_or(0, |estimated| estimated.predict(head));
        let mut anchor = self.bent(head, to_ns);
        let end_ns = self.published.map_or(to_ns, |published| published.utc_at(head));
        let back_ns = end_ns.saturating_sub(to_ns);
        (anchor.gap, anchor.back_ns) = (Some(reason), back_ns.max(0));
        anchor.clock_step_ns = back_ns.saturating_neg();
        self.published = Some(anchor);
        anchor
    }

    /// Publishes the estimated clock from a frame on, or the end of the timeline if that is later.
    fn jump(&mut self, head: u64, reason: GapReason, clock_step_ns: i64) -> Anchor {
        let to_ns = self.estimated.as_ref().map_or(0, |estimated| estimated.predict(head));
        self.jump_to(head, to_ns, reason, clock_step_ns)
    }

    fn jump_to(&mut self, head: u64, utc_ns: i64, reason: GapReason, clock_step_ns: i64) -> Anchor {
        let end_ns = self.published.map_or(utc_ns, |published| published.utc_at(head));
        let mut anchor = self.bent(head, utc_ns.max(end_ns));
        let gap_ns = anchor.utc_ns.saturating_sub(end_ns);
        (anchor.gap, anchor.gap_ns, anchor.clock_step_ns) = (Some(reason), gap_ns, clock_step_ns);
        self.published = Some(anchor);
        anchor
    }

    /// Continues the timeline.
    fn slew(&mut self, head: u64) -> Anchor {
        let end_ns = self.published.map_or(0, |published| published.utc_at(head));
        let anchor = self.bent(head, end_ns);
        self.published = Some(anchor);
        anchor
    }

    /// A segment from a time on, bent towards the estimated clock.
    fn bent(&self, head: u64, utc_ns: i64) -> Anchor {
        let Some(estimated) = &self.estimated else {
            return Anchor::new(head, utc_ns, self.nominal_ns);
        };
        let ahead_ns = utc_ns.saturating_sub(estimated.predict(head)) as f64;
        // Not beyond the estimated clock, however long the chunk is.
        let correction = (ahead_ns / (1.5e9 * spacing_s(estimated)).max(self.chunk_ns)).clamp(-SLEW, SLEW);
        Anchor::new(head, utc_ns, estimated.period_ns() * (1.0 - correction))
    }
}

/// Distance of anchors, by the time since the loop locked.
fn spacing_s(estimated: &DelayLockedLoop) -> f64 {
    (estimated.locked_s() / 8.0).clamp(SPACING_S.0, SPACING_S.1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    const CHUNK: u64 = 10;

    fn captured(frame: u64, late_ns: i64) -> ChunkTime {
        ChunkTime::Captured(frame.cast_signed() * 1_000_000 + late_ns)
    }

    /// A timekeeper that took `seconds` seconds of a 1 kHz source on time, with a batch just begun;
    /// and the next frame.
    fn after(seconds: u64, clock: &ManualClock) -> (Timekeeper, u64) {
        let mut keeper = Timekeeper::new(1000, None);
        for chunk in 0..(seconds + 6) * 100 {
            let head = chunk * CHUNK;
            keeper.chunk(head, CHUNK, captured(head, 0), clock);
            if keeper.batch.until_frame > 0 && keeper.batch.chunks == 0 && head >= seconds * 1000 {
                return (keeper, head + CHUNK);
            }
        }
        unreachable!("the filter settles in six seconds, and then begins batches")
    }

    #[test]
    fn a_batch_is_a_32nd_of_all_updates_or_a_second_or_ends_when_an_anchor_is_due() {
        let clock = ManualClock::new(0);
        for (seconds, at_once) in [(0, 16), (20, 63)] {
            let (mut keeper, head) = after(seconds, &clock);
            keeper.begin_batch(head, CHUNK, 5e9);
            assert_eq!(keeper.batch.until_frame, head + at_once * CHUNK, "after {seconds} s");
        }
        let (mut keeper, head) = after(20, &clock);
        keeper.begin_batch(head, 200, 5e9);
        assert_eq!(keeper.batch.until_frame, head + 1000, "63 would be twelve seconds");
        keeper.begin_batch(head, 200, 0.3e9);
        assert_eq!(keeper.batch.until_frame, head + 300, "an anchor is due");
    }

    #[test]
    fn few_chunks_of_a_settled_source_leave_the_batch() {
        let clock = ManualClock::new(0);
        let (mut keeper, begin) = after(45, &clock);
        let looked_at = (begin..begin + 10_000).step_by(CHUNK as usize).filter(|head| {
            keeper.chunk(*head, CHUNK, captured(*head, 1000), &clock);
            keeper.batch.chunks == 0
        });
        let looked_at = looked_at.count();
        assert!((9..20).contains(&looked_at), "{looked_at} of 1000: one each second, and at each anchor");
    }

    #[test]
    fn batch_updates_the_filter_as_its_mean() {
        let clock = ManualClock::new(0);
        let (mut keeper, begin) = after(0, &clock);
        let mut reported = keeper.estimated.clone().unwrap();
        let errors = [3000, -6000, 9000];
        for (head, error_ns) in (begin..).step_by(CHUNK as usize).zip(errors) {
            assert!(keeper.chunk(head, CHUNK, captured(head, error_ns), &clock).is_none());
        }
        assert_eq!(keeper.batch.chunks, 3, "the filter has seen none yet");
        keeper.flush_batch();
        let estimated = keeper.estimated.unwrap();
        let middle = begin + CHUNK;
        reported.update(middle, middle.cast_signed() * 1_000_000 + 2000, 3);
        assert_eq!((estimated.frame(), estimated.predict(1 << 30)), (middle, reported.predict(1 << 30)));
    }

    #[test]
    fn clock_step_between_anchors_is_distinguished_from_lost_audio() {
        // Step of the clock and lateness of the chunk in seconds, and whether the learned period
        // stays.
        for (step, late, reason, stays) in [
            (5, 5, GapReason::ClockStep, true),
            (5, 7, GapReason::ClockStep, false),
            (-5, -5, GapReason::ClockStep, true),
            (0, 5, GapReason::Detected, false),
        ] {
            let clock = ManualClock::new(0);
            let (mut keeper, head) = after(45, &clock);
            clock.step_utc(step * 1_000_000_000);
            let anchor = keeper.chunk(head, CHUNK, captured(head, late * 1_000_000_000), &clock).unwrap();
            assert_eq!((anchor.gap, anchor.clock_step_ns), (Some(reason), step * 1_000_000_000));
            let estimated = keeper.estimated.unwrap();
            assert_eq!(estimated.predict(head), head.cast_signed() * 1_000_000 + late * 1_000_000_000);
            assert_eq!(estimated.locked_s() > 40.0, stays, "set by {step} s, late by {late} s");
        }
    }

    #[test]
    fn clock_step_shorter_than_a_gap_is_found_when_an_anchor_is_due() {
        let clock = ManualClock::new(0);
        let (mut keeper, begin) = after(45, &clock);
        clock.step_utc(500_000_000);
        let mut heads = (begin..begin + 10_000).step_by(CHUNK as usize);
        let anchor = heads.find_map(|head| keeper.chunk(head, CHUNK, captured(head, 500_000_000), &clock)).unwrap();
        assert_eq!((anchor.gap, anchor.clock_step_ns), (Some(GapReason::ClockStep), 500_000_000));
    }

    #[test]
    fn anchor_distance_grows_from_one_second_to_ten() {
        let clock = ManualClock::new(0);
        let mut keeper = Timekeeper::new(1000, None);
        let heads = (0..200_000).step_by(CHUNK as usize);
        let set: Vec<u64> =
            heads.filter(|head| keeper.chunk(*head, CHUNK, captured(*head, 0), &clock).is_some()).collect();
        let spacing_after =
            |frame: u64| set.windows(2).find(|pair| pair[0] >= frame).map(|pair| (pair[1] - pair[0]) / 100);
        let spacings = [0, 40_000, 100_000].map(spacing_after);
        assert!(matches!(spacings, [Some(10), Some(50..70), Some(100)]), "tenths of a second: {spacings:?}");
    }
}
