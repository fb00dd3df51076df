//! The writer's side of the timeline: turns the times of chunks, passed or of arrival, into
//! anchors.
//!
//! Two clocks run side by side. The *estimated* clock follows the source and may change at will.
//! The *published* clock is what readers see: it never changes where it was published, never runs
//! backwards within an epoch, and follows the estimated one at a bounded slew. At a gap or a step
//! of the wall clock the published one jumps forward, on record. Backwards it slews; where it would
//! be wrong for long, as a clock was set back or the first guess was wrong, a new epoch begins.

use super::batch::Batch;
use super::estimate::{Estimate, Measured};
use super::hole::{self, GAP_NS, Judgement, Suspicion};
use super::wall_clock::{Change, STEP_NS, WallClock};
use crate::clock::Clock;
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
    /// The point that it measures, for a chunk of `frames` frames from `head` on.
    pub(super) fn point(self, head: u64, frames: u64, latency_ns: i64) -> Measured {
        let (frame, utc_ns, is_arrival) = match self {
            Self::Captured(utc_ns) => (head, utc_ns, false),
            Self::Arrived(utc_ns) => (head.saturating_add(frames), utc_ns, true),
        };
        Measured { frame, utc_ns: utc_ns.saturating_sub(latency_ns), is_arrival }
    }
}

/// Bounds of the correction of published times, per time that passes: while they deviate by what
/// the noise of the times explains, and by more.
pub(super) const SLEW: (f64, f64) = (1e-3, 2e-2);
/// A new writer, or one after a gap of unknown length, whose first chunk lies further than this
/// before the end of the timeline begins a new epoch: as long as the jitter that is no gap.
pub const BEHIND_NS: i64 = GAP_NS;
/// After gaps of known length, the published clock may lag this far behind the estimated one before
/// it jumps.
const MAX_LAG_NS: i64 = 100_000_000;
/// Published times that are ahead by more begin a new epoch: the first guess was wrong, or a gap
/// was reported too long. Within the first seconds, when a stream may begin with the past, less.
const FAR_AHEAD_NS: (i64, i64) = (450_000_000, GAP_NS);
const FIRST_SECONDS: f64 = 15.0;
/// That waits until the estimate has not fallen for the first time, or for the second one in all: a
/// backlog comes at once, but takes a while.
const CALM_NS: (i64, i64) = (200_000_000, 2_000_000_000);
/// A smaller fall is jitter.
const FALL_NS: i64 = 5_000_000;
/// Distance of anchors at first and while times are corrected, and when they have settled.
pub(super) const SPACING_S: (f64, f64) = (1.0, 10.0);
/// Distance of the comparisons with the wall clock.
const COMPARE_NS: f64 = 0.5e9;
/// A change of clock that moves times by less is slewed.
const SAME_NS: i64 = 2_000_000;

/// Arrivals this much before the published time of capture are rounding.
pub(super) const EARLY_NS: i64 = 200_000;

/// The state of a writer's timeline.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Timekeeper {
    pub(super) batch: Batch,
    /// Taken off all times.
    pub(super) latency_ns: i64,
    pub(super) nominal_ns: f64,
    /// The newest published segment; `None` before the buffer's first frame.
    pub(super) published: Option<Anchor>,
    /// `None` until this writer's first chunk.
    pub(super) estimated: Option<Estimate>,
    /// Its memory until then: the first chunk allocates nothing.
    idle: Option<Estimate>,
    /// The gap before the next chunk: its reason, and its length if known.
    gap: Option<(GapReason, Option<i64>)>,
    wall_clock: WallClock,
    /// The frame of the last comparison with the wall clock.
    compared_frame: u64,
    /// Chunks that are late or early, for a reason that is not known yet.
    pub(super) suspicion: Option<Suspicion>,
    /// True if the newest segment's uncertainty includes them.
    pub(super) is_suspected: bool,
    /// Since when published times are far ahead, and the last fall of the estimate since, in
    /// measured time.
    far_ahead: Option<FarAhead>,
    /// The distance from the newest published segment to the next.
    pub(super) spacing_s: f64,
    /// Length of the current chunk: the next segment is at least as long.
    pub(super) chunk_ns: f64,
    /// The clock of the times passed, and whether it has changed.
    pub(super) clock: ClockSource,
    clock_changed: bool,
}

/// Published times that are far ahead of the estimate.
#[derive(Debug, Clone, Copy)]
struct FarAhead {
    since_ns: i64,
    fell_at_ns: i64,
    ahead_ns: i64,
}

impl Timekeeper {
    /// Continues a timeline. A new writer on a buffer with frames begins after a gap.
    pub(crate) fn new(sample_rate_hz: u32, published: Option<Anchor>) -> Self {
        let nominal_ns = 1e9 / f64::from(sample_rate_hz);
        Self {
            batch: Batch::default(),
            latency_ns: 0,
            nominal_ns,
            published,
            estimated: None,
            idle: Some(Estimate::new(nominal_ns)),
            gap: None,
            wall_clock: WallClock::default(),
            compared_frame: 0,
            suspicion: None,
            is_suspected: false,
            far_ahead: None,
            spacing_s: SPACING_S.0,
            chunk_ns: 0.0,
            clock: ClockSource::Device,
            clock_changed: false,
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
        self.batch.end();
    }

    /// Names the clock of the times passed.
    pub(crate) fn set_clock(&mut self, clock: ClockSource) {
        if self.clock != clock {
            (self.clock, self.clock_changed) = (clock, true);
            self.batch.end();
        }
    }

    /// Sets the delay that is taken off all times.
    pub(crate) fn set_latency(&mut self, latency_ns: i64) {
        if self.latency_ns != latency_ns {
            (self.latency_ns, self.clock_changed) = (latency_ns, true);
            self.batch.end();
        }
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
    /// A bounded number of steps, no allocation, no lock. Reads the clocks twice a second, and
    /// where times jump.
    pub(crate) fn chunk(&mut self, head: u64, frames: u64, time: ChunkTime, clock: &dyn Clock) -> Option<Anchor> {
        if self.add_to_batch(head, frames, time) { None } else { self.look_at(head, frames, time, clock) }
    }

    /// Adds a chunk that is on time to the batch. Returns false for any other, and changes nothing.
    #[inline]
    pub(crate) fn add_to_batch(&mut self, head: u64, frames: u64, time: ChunkTime) -> bool {
        self.batch.add(head, time.point(head, frames, self.latency_ns))
    }

    /// Takes a chunk outside of a batch.
    fn look_at(&mut self, head: u64, frames: u64, time: ChunkTime, clock: &dyn Clock) -> Option<Anchor> {
        if let Some(estimated) = &mut self.estimated {
            self.batch.flush(estimated);
        }
        self.chunk_ns = frames.cast_signed() as f64 * self.nominal_ns;
        let point = time.point(head, frames, self.latency_ns);
        let Some(published) = self.published else {
            return Some(self.begin(head, point, clock));
        };
        let gap = self.gap.take();
        let known_ns = gap.and_then(|(_, duration_ns)| duration_ns);
        let published_ns = published.utc_at(head);
        let end_ns = published_ns.saturating_add(known_ns.unwrap_or(0));
        let is_behind = self.is_behind(head, point);
        let Some(estimated) = &mut self.estimated else {
            return Some(self.take_over(head, point, gap, end_ns, clock));
        };
        if let Some((reason, None)) = gap {
            estimated.restart(point);
            self.forget();
            // A step of the wall clock is part of the step of the times.
            self.compare_anew(head, clock);
            return Some(if is_behind { self.begin_epoch(head, reason) } else { self.jump(head, reason, 0) });
        }
        estimated.shift(known_ns.unwrap_or(0));
        if std::mem::take(&mut self.clock_changed) {
            return Some(self.change_clock(head, point, gap, clock));
        }
        // Among times passed, an arrival counts as one. Among arrivals, times passed are better.
        let point = if estimated.is_arrival() { point } else { point.as_passed(head, estimated.period_ns()) };
        if !point.is_arrival && estimated.is_arrival() {
            estimated.restart(Measured { utc_ns: estimated.predict(head), ..point });
            (self.suspicion, self.is_suspected) = (None, false);
        }
        let mut error_ns = point.utc_ns.saturating_sub(estimated.predict(point.frame));
        let is_due = (head.saturating_sub(self.compared_frame)) as f64 * self.nominal_ns >= COMPARE_NS;
        let is_early = point.is_arrival && error_ns < -STEP_NS;
        if is_due || gap.is_some() || is_early || error_ns.saturating_abs() > GAP_NS {
            // Rare, so the clock may be read.
            if let Some(step_ns) = self.compare(head, clock)
                && let Some(anchor) = self.after_step(head, point, step_ns)
            {
                return Some(anchor);
            }
            error_ns = point.utc_ns.saturating_sub(self.estimated.as_ref()?.predict(point.frame));
        }
        let estimated = self.estimated.as_mut()?;
        if !point.is_arrival && error_ns > GAP_NS {
            // More was lost than the writer reported.
            estimated.restart(point);
            self.forget();
            return Some(self.jump(head, gap.map_or(GapReason::Detected, |(reason, _)| reason), 0));
        }
        let judgement = hole::judge(&mut self.suspicion, estimated, point, error_ns);
        if let Judgement::Moved(_) = judgement
            && let Some(step_ns) = self.compare(head, clock)
            && let Some(anchor) = self.after_step(head, point, step_ns)
        {
            return Some(anchor);
        }
        let estimated = self.estimated.as_mut()?;
        match judgement {
            Judgement::OnTime => estimated.update(point, error_ns.saturating_abs() as f64, 1),
            // No part of the usual jitter.
            Judgement::Longer => estimated.update(point, estimated.spread_ns(), 1),
            Judgement::Open => {}
            Judgement::Moved(ns) if ns > 0 => {
                // Missing, and not made up for.
                estimated.moved(point, error_ns, ns);
                self.forget();
                return Some(self.jump(head, gap.map_or(GapReason::Detected, |(reason, _)| reason), 0));
            }
            Judgement::Moved(ns) => estimated.moved(point, error_ns, ns),
        }
        if let Some((reason, _)) = gap {
            self.is_suspected = self.suspicion.as_ref().is_some_and(|suspicion| suspicion.is_grave(point));
            let behind_ns = self.estimated.as_ref()?.predict(head).saturating_sub(end_ns);
            // As long as reported, unless the reports were too short again and again.
            return Some(if behind_ns > MAX_LAG_NS && self.suspicion.is_none() {
                self.jump(head, reason, 0)
            } else {
                self.jump_to(head, end_ns, reason, 0)
            });
        }
        self.follow(head, frames, point)
    }

    /// Publishes what the estimate has become, if that is due.
    fn follow(&mut self, head: u64, frames: u64, point: Measured) -> Option<Anchor> {
        let ahead_ns = self.ahead_ns(head);
        if self.is_far_ahead(ahead_ns, point) {
            self.far_ahead = None;
            return Some(self.begin_epoch(head, GapReason::Detected));
        }
        let published = self.published?;
        let since_ns = published.utc_at(head).saturating_sub(published.utc_ns) as f64;
        // A segment that corrects must not last longer than it was meant to.
        let spacing_ns = self.spacing_for(head, ahead_ns).min(self.spacing_s) * 1e9;
        let is_suspected = self.suspicion.as_ref().is_some_and(|suspicion| suspicion.is_grave(point));
        if since_ns >= spacing_ns || is_suspected != self.is_suspected {
            self.is_suspected = is_suspected;
            return Some(self.slew(head));
        }
        if self.suspicion.is_none() && self.far_ahead.is_none() {
            let compare_ns = COMPARE_NS - head.saturating_sub(self.compared_frame) as f64 * self.nominal_ns;
            if let Some(estimated) = self.estimated.as_ref().filter(|estimated| estimated.is_settled()) {
                self.batch.begin(
                    estimated,
                    head,
                    frames,
                    ((spacing_ns - since_ns).min(compare_ns) / self.nominal_ns) as u64,
                );
            }
        }
        None
    }

    /// True once published times are so far ahead that a new epoch has to begin, and the estimate
    /// is calm.
    fn is_far_ahead(&mut self, ahead_ns: i64, point: Measured) -> bool {
        let first = self.estimated.as_ref().is_some_and(|estimated| estimated.locked_s() < FIRST_SECONDS);
        let limit_ns = if first && point.is_arrival { FAR_AHEAD_NS.0 } else { FAR_AHEAD_NS.1 };
        if ahead_ns <= limit_ns || self.suspicion.is_some() {
            self.far_ahead = None;
            return false;
        }
        let now_ns = point.utc_ns;
        let far = self.far_ahead.get_or_insert(FarAhead { since_ns: now_ns, fell_at_ns: now_ns, ahead_ns });
        if ahead_ns.saturating_sub(far.ahead_ns) > FALL_NS {
            (far.fell_at_ns, far.ahead_ns) = (now_ns, ahead_ns);
        }
        now_ns.saturating_sub(far.fell_at_ns) >= CALM_NS.0 || now_ns.saturating_sub(far.since_ns) >= CALM_NS.1
    }

    /// Forgets what was known of chunks that were late, early or far ahead.
    fn forget(&mut self) {
        (self.suspicion, self.is_suspected, self.far_ahead) = (None, false, None);
    }

    /// True if a chunk begins far before the end of the timeline. A long chunk that arrives now may
    /// begin there, but not arrive there.
    fn is_behind(&self, head: u64, point: Measured) -> bool {
        let end_ns = self.published.map_or(point.utc_ns, |published| published.utc_at(head));
        end_ns.saturating_sub(point.utc_ns) > BEHIND_NS
    }

    fn begin_estimate(&mut self, period_ns: f64, first: Measured) -> &mut Estimate {
        let idle = self.idle.take();
        let estimated = self.estimated.insert(idle.unwrap_or_else(|| Estimate::new(self.nominal_ns)));
        estimated.begin(period_ns, first);
        estimated
    }

    /// The first anchor of a buffer.
    fn begin(&mut self, head: u64, point: Measured, clock: &dyn Clock) -> Anchor {
        let first_ns = self.begin_estimate(self.nominal_ns, point).predict(head);
        (self.gap, self.clock_changed) = (None, false);
        self.compare_anew(head, clock);
        let anchor = self.with_timing(Anchor::new(head, first_ns, self.nominal_ns), 0);
        self.publish(anchor)
    }

    /// A new writer: the estimated clock begins at its first chunk with the period published last.
    /// That period may have been bent, so it is bounded; else many short-lived writers would bend
    /// it further and further. A gap of known length counts unless more was lost.
    fn take_over(
        &mut self,
        head: u64,
        point: Measured,
        gap: Option<(GapReason, Option<i64>)>,
        end_ns: i64,
        clock: &dyn Clock,
    ) -> Anchor {
        let is_behind = self.is_behind(head, point);
        let bounds = (self.nominal_ns * (1.0 - SLEW.0), self.nominal_ns * (1.0 + SLEW.0));
        let period_ns =
            self.published.map_or(self.nominal_ns, |published| published.period_ns()).clamp(bounds.0, bounds.1);
        let estimated = self.begin_estimate(period_ns, point);
        let late_ns = estimated.predict(head).saturating_sub(end_ns);
        let is_known = gap.is_some_and(|(_, duration_ns)| duration_ns.is_some());
        if is_known && !is_behind && late_ns <= GAP_NS {
            estimated.shift(late_ns.saturating_neg());
        }
        self.clock_changed = false;
        self.compare_anew(head, clock);
        let reason = gap.map_or(GapReason::WriterChanged, |(reason, _)| reason);
        if is_behind { self.begin_epoch(head, reason) } else { self.jump(head, reason, 0) }
    }

    /// Begins the estimate anew with a clock that was named. Times move at once.
    fn change_clock(
        &mut self,
        head: u64,
        point: Measured,
        gap: Option<(GapReason, Option<i64>)>,
        clock: &dyn Clock,
    ) -> Anchor {
        self.forget();
        self.compare_anew(head, clock);
        if let Some(estimated) = &mut self.estimated {
            estimated.restart(point);
        }
        let ahead_ns = self.ahead_ns(head);
        match gap {
            Some((reason, _)) if ahead_ns <= SAME_NS => self.jump(head, reason, 0),
            _ if ahead_ns > SAME_NS => self.begin_epoch(head, GapReason::ClockStep),
            _ if ahead_ns < -SAME_NS => self.jump(head, GapReason::ClockStep, ahead_ns.saturating_neg()),
            _ => self.slew(head),
        }
    }

    /// Begins to compare with the wall clock.
    fn compare_anew(&mut self, head: u64, clock: &dyn Clock) {
        self.wall_clock.begin(clock);
        self.compared_frame = head;
    }

    /// Compares with the wall clock. Takes a slew into the estimate, and returns a step.
    fn compare(&mut self, head: u64, clock: &dyn Clock) -> Option<i64> {
        let estimated = self.estimated.as_mut()?;
        if self.clock == ClockSource::Sender && !estimated.is_arrival() {
            // The sender's clock does not move with this machine's.
            self.compared_frame = head;
            return None;
        }
        self.compared_frame = head;
        match self.wall_clock.compare(clock) {
            Change::None => None,
            Change::Step(ns) => Some(ns),
            Change::Slew(ns, rate) => {
                estimated.slew(head, ns, rate);
                None
            }
        }
    }

    /// After a step, the estimated clock moves with the wall clock. The published one jumps forward
    /// with it, or begins a new epoch. `None` if the times passed do not follow the wall clock.
    fn after_step(&mut self, head: u64, point: Measured, step_ns: i64) -> Option<Anchor> {
        if let Some(estimated) = &mut self.estimated {
            let before_ns = point.utc_ns.saturating_sub(estimated.predict(point.frame));
            estimated.shift(step_ns);
            let error_ns = point.utc_ns.saturating_sub(estimated.predict(point.frame));
            let explained_ns = hole::threshold_ns(estimated).max(STEP_NS);
            if error_ns.saturating_abs() <= explained_ns || (point.is_arrival && error_ns > 0) {
                estimated.update(point, error_ns.saturating_abs() as f64, 1);
            } else if before_ns.saturating_abs() <= explained_ns {
                estimated.shift(step_ns.saturating_neg());
                return None;
            } else {
                // Audio was lost as well.
                estimated.restart(point);
            }
        }
        self.forget();
        let ahead_ns = self.ahead_ns(head);
        // After a step forward the first estimate may be early by its jitter.
        let begins_epoch = if step_ns < 0 { ahead_ns >= STEP_NS / 2 } else { ahead_ns > BEHIND_NS };
        if begins_epoch {
            return Some(self.begin_epoch(head, GapReason::ClockStep));
        }
        // Negative steps are those of epochs.
        Some(self.jump(head, GapReason::ClockStep, step_ns.max(0)))
    }
}
