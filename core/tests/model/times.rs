//! Checks the times of frames against what the simulated source and clocks did.

use std::sync::Arc;
use std::time::Duration;

use capbuf::{Clock, Gap, GapReason, ManualClock};

use crate::naive::Naive;
use crate::play::START_NS;
use crate::script::{Shape, Timing};

/// A gap reported to the writer and not recorded yet, with its length if known.
type Pending = Option<(GapReason, Option<i64>)>;

/// The newest chunk.
struct Chunk {
    pending: Pending,
    first_of_writer: bool,
    measured_ns: i64,
    /// Capture time that was passed, or time of arrival.
    known_ns: i64,
    captured: bool,
    /// True time of its first frame, since the start.
    true_ns: f64,
    frames: u64,
    lost_ns: i64,
}

pub struct Times {
    clock: Arc<ManualClock>,
    period_ns: f64,
    true_period_ns: f64,
    jitter_ns: i64,
    /// True time of the next frame since the start, without clock steps.
    source_ns: f64,
    pending: Pending,
    /// Loss since the last chunk that was not reported to its next writer, and loss that was.
    lost_ns: i64,
    reported_lost_ns: i64,
    first_of_writer: bool,
    /// Clock steps that no gap has recorded yet; `None` if unknown.
    step_ns: Option<i64>,
    /// Sum of all clock steps.
    set_ns: i64,
    /// The writer cannot know all losses and steps: times are wrong within bounds.
    is_inexact: bool,
    chunk: Option<Chunk>,
}

impl Times {
    pub fn new(shape: &Shape, clock: Arc<ManualClock>) -> Self {
        let period_ns = 1e9 / f64::from(shape.rate);
        Self {
            clock,
            period_ns,
            true_period_ns: period_ns * (1.0 + f64::from(shape.ppm) * 1e-6),
            jitter_ns: shape.jitter_us * 1000,
            source_ns: 0.0,
            pending: None,
            lost_ns: 0,
            reported_lost_ns: 0,
            first_of_writer: true,
            step_ns: Some(0),
            set_ns: 0,
            is_inexact: false,
            chunk: None,
        }
    }

    /// Advances the clock by the duration of `frames`. Returns the time to pass with the write,
    /// that of the first byte's frame.
    pub fn pass(&mut self, frames: u64, timing: Timing, has_partial: bool) -> Option<i64> {
        let true_ns = self.source_ns;
        self.source_ns += frames as f64 * self.true_period_ns;
        let until_ns = self.source_ns as i64 - self.clock.monotonic_ns();
        self.clock.advance(Duration::from_nanos(until_ns.max(0).unsigned_abs()));
        let partial_ns = if has_partial { self.period_ns as i64 } else { 0 };
        let utc_ns = match timing {
            Timing::Captured { off } => Some(START_NS + self.set_ns + true_ns as i64 + off * self.jitter_ns / 1000),
            Timing::Arrived => None,
        };
        if frames > 0 {
            let arrived_ns = self.clock.utc_ns() - (frames as f64 * self.period_ns) as i64;
            self.chunk = Some(Chunk {
                pending: self.pending.take(),
                first_of_writer: std::mem::take(&mut self.first_of_writer),
                measured_ns: utc_ns.unwrap_or(arrived_ns),
                known_ns: utc_ns.unwrap_or_else(|| self.clock.utc_ns()),
                captured: utc_ns.is_some(),
                true_ns,
                frames,
                lost_ns: std::mem::take(&mut self.lost_ns),
            });
            self.reported_lost_ns = 0;
        }
        utc_ns.map(|utc_ns| utc_ns + partial_ns)
    }

    pub fn lost(&mut self, lost: Duration, reported: Option<(GapReason, bool)>) {
        let lost_ns = lost.as_nanos() as i64;
        self.source_ns += lost_ns as f64;
        match reported {
            None => self.lost_ns += lost_ns,
            Some((reason, known)) => {
                self.reported_lost_ns += lost_ns;
                let duration_ns = known.then_some(lost_ns);
                let total_ns = match self.pending {
                    None => duration_ns,
                    Some((_, earlier_ns)) => earlier_ns.zip(duration_ns).map(|(earlier, later)| earlier + later),
                };
                self.pending = Some((reason, total_ns));
            }
        }
    }

    pub fn set_clock(&mut self, step_ns: i64) {
        self.clock.step_utc(step_ns);
        self.step_ns = self.step_ns.map(|earlier_ns| earlier_ns + step_ns);
        self.set_ns += step_ns;
        self.is_inexact |= step_ns != 0;
    }

    pub fn new_writer(&mut self) {
        self.pending = None;
        self.lost_ns += std::mem::take(&mut self.reported_lost_ns);
        self.first_of_writer = true;
    }

    pub fn new_buffer(&mut self) {
        self.new_writer();
        self.lost_ns = 0;
        self.is_inexact = false;
    }

    /// Checks the times of the chunk just written, which starts at `first`. `is_known`: the gap
    /// before it, if any, was reported by a read.
    pub fn check(&mut self, naive: &Naive, first: u64, before_ns: i64, is_known: bool) {
        let chunk = self.chunk.take().expect("a chunk was just written");
        let begins_ns = naive.begins_ns[first as usize];
        let gap = naive.gap_at(first);
        let begin_ns = begins_ns.unwrap_or(before_ns);
        if first == 0 {
            (self.step_ns, self.is_inexact) = (Some(0), false);
            assert!(gap.is_none(), "a gap before the first frame");
            if let Some(begins_ns) = begins_ns {
                assert!(begins_ns.abs_diff(chunk.measured_ns) <= 1, "the first frame has its measured time");
            }
        } else if is_known {
            self.check_epoch(&chunk, gap, begin_ns, before_ns);
            assert!(gap.is_some() || begin_ns == before_ns, "without a gap the chunk continues");
            self.check_gap(&chunk, gap, begin_ns, before_ns);
        } else {
            // The effect of losses and steps is not visible.
            self.is_inexact |= chunk.lost_ns != 0 || self.step_ns != Some(0);
            self.step_ns = self.step_ns.filter(|step_ns| *step_ns == 0);
        }
        // The rate measured over few chunks far apart is inexact.
        self.is_inexact |= chunk.frames as f64 * self.period_ns > 2e9;
        // Times that deviate by more than their jitter are corrected by up to 2 %.
        let periods = match (self.is_inexact, self.jitter_ns) {
            (true, _) => 0.94..1.06,
            (false, 1..) => 0.97..1.03,
            (false, _) => 0.9975..1.0025,
        };
        for frame in first.max(naive.oldest)..first + chunk.frames {
            let lasts_ns = (naive.begin_ns(frame + 1) - naive.begin_ns(frame)) as f64;
            let (least, most) = (self.period_ns * periods.start - 1.0, self.period_ns * periods.end + 1.0);
            assert!((least..=most).contains(&lasts_ns), "frame {frame} lasts {lasts_ns} ns of {}", self.period_ns);
            let true_ns =
                START_NS as f64 + self.set_ns as f64 + chunk.true_ns + (frame - first) as f64 * self.true_period_ns;
            let off_ns = (naive.begin_ns(frame) as f64 - true_ns).abs();
            // Jitter of the first time, jitter now, and drift that is not measured yet.
            let bound_ns = 3.0 * self.jitter_ns as f64 + 0.0008 * self.source_ns.min(20e9) + 2000.0;
            assert!(self.is_inexact || off_ns <= bound_ns, "frame {frame} is {off_ns} ns off, more than {bound_ns}");
        }
    }

    /// Checks that an epoch begins exactly where a clock was set back.
    fn check_epoch(&self, chunk: &Chunk, gap: Option<Gap>, begin_ns: i64, before_ns: i64) {
        let behind_ns = before_ns - chunk.known_ns;
        let may_be_new = chunk.first_of_writer || matches!(chunk.pending, Some((_, None)));
        if may_be_new && (behind_ns - 750_000_000).abs() > 1_000_000 {
            let is_behind = behind_ns > 750_000_000;
            assert!(
                is_behind == (begin_ns < before_ns),
                "{behind_ns} ns behind, times change by {}",
                begin_ns - before_ns
            );
        }
        if begin_ns < before_ns {
            let gap = gap.expect("a gap where an epoch begins");
            assert_eq!((gap.duration_ns, gap.clock_step_ns), (0, begin_ns - before_ns), "{gap:?}");
            assert!(may_be_new || self.is_inexact || self.step_ns != Some(0), "the clock was not set: {gap:?}");
        } else {
            assert!(gap.is_none_or(|gap| gap.clock_step_ns >= 0), "times do not go back: {gap:?}");
        }
    }

    fn check_gap(&mut self, chunk: &Chunk, gap: Option<Gap>, begin_ns: i64, before_ns: i64) {
        // An arrival's capture time is computed with the measured period, which is within 3.5 % of
        // the nominal one.
        let slack_ns = if chunk.captured { 1 } else { (chunk.frames as f64 * self.period_ns * 0.035) as u64 + 2 };
        let measured = |begin_ns: i64| begin_ns.abs_diff(chunk.measured_ns.max(before_ns)) <= slack_ns;
        let is_after_unknown = chunk.first_of_writer || matches!(chunk.pending, Some((_, None)));
        let is_corrected = |gap: &Gap| gap.reason == GapReason::Detected && begin_ns < before_ns && !is_after_unknown;
        if gap.as_ref().is_some_and(is_corrected) {
            assert!(self.is_inexact, "times were right: {gap:?}");
            self.step_ns = Some(0);
            return;
        }
        if let Some(gap) = gap.filter(|gap| begin_ns < before_ns && gap.reason != GapReason::ClockStep) {
            assert!(is_after_unknown && begin_ns.abs_diff(chunk.measured_ns) <= slack_ns, "{gap:?}");
            assert_eq!(gap.reason, chunk.pending.map_or(GapReason::WriterChanged, |(reason, _)| reason));
            (self.step_ns, self.is_inexact) = (Some(0), true);
            return;
        }
        if let Some(gap) = gap.filter(|gap| gap.reason == GapReason::ClockStep && gap.clock_step_ns != 0) {
            assert!(
                gap.clock_step_ns < 0 || self.step_ns.is_none_or(|step_ns| gap.clock_step_ns == step_ns),
                "{gap:?} after a step of {:?}",
                self.step_ns
            );
            self.step_ns = Some(0);
            self.is_inexact = true;
            return;
        }
        assert!(gap.is_none_or(|gap| gap.clock_step_ns == 0), "the clock was not set: {gap:?}");
        let may_be_step = !is_after_unknown && self.step_ns.is_none_or(|step_ns| step_ns < 0);
        if may_be_step && gap.is_some_and(|gap| gap.reason == GapReason::ClockStep) {
            // Set back, but times did not go back. Or the script reported a gap with this reason.
            self.step_ns = if chunk.pending.is_some() { None } else { Some(0) };
            self.is_inexact = true;
            return;
        }
        match (chunk.pending, gap) {
            _ if chunk.first_of_writer => {
                let gap = gap.expect("a gap before another writer's chunk");
                self.step_ns = Some(0);
                assert_eq!(gap.reason, chunk.pending.map_or(GapReason::WriterChanged, |(reason, _)| reason));
                let reported_ns = chunk.pending.and_then(|(_, known_ns)| known_ns);
                assert!(measured(begin_ns) || reported_ns == Some(begin_ns - before_ns), "{gap:?}");
                self.is_inexact |=
                    (reported_ns.is_some() && chunk.lost_ns != 0) || begin_ns > chunk.measured_ns + self.jitter_ns;
            }
            (Some((reason, None)), gap) => {
                let gap = gap.expect("the reported gap");
                assert_eq!(gap.reason, reason);
                assert!(measured(begin_ns), "{gap:?} does not end at the measured time {}", chunk.measured_ns);
                // A step of the wall clock is part of the gap.
                self.step_ns = Some(0);
            }
            (Some((reason, Some(known_ns))), gap) => {
                let gap = gap.expect("the reported gap");
                assert_eq!(gap.reason, reason);
                let is_reported = gap.duration_ns == known_ns;
                let by_jitter = (known_ns..=known_ns + 3 * self.jitter_ns).contains(&gap.duration_ns);
                assert!(
                    is_reported || by_jitter || self.is_inexact || chunk.lost_ns > 0,
                    "{gap:?} was reported to be {known_ns} ns long"
                );
                self.is_inexact |= chunk.lost_ns != 0;
            }
            (None, Some(gap)) => {
                assert_eq!(gap.reason, GapReason::Detected);
                if gap.duration_ns <= chunk.lost_ns + 2 * self.jitter_ns {
                    // Jitter that stays looks as a loss does, and adds to one.
                    self.is_inexact |= chunk.lost_ns != 0;
                    return;
                }
                let least_ns = 750_000_000 - 3 * self.jitter_ns - 10_000_000;
                assert!(self.is_inexact || chunk.lost_ns >= least_ns, "{gap:?} after a loss of {} ns", chunk.lost_ns);
                assert!(self.is_inexact || measured(begin_ns), "{gap:?}");
            }
            (None, None) => {
                let most_ns = 750_000_000 + 3 * self.jitter_ns + 20_000_000;
                // By arrivals a loss is believed once it is not made up for.
                let may_be_late = !chunk.captured;
                assert!(
                    self.is_inexact || may_be_late || chunk.lost_ns <= most_ns,
                    "no gap after a loss of {} ns",
                    chunk.lost_ns
                );
                self.is_inexact |= chunk.lost_ns != 0;
            }
        }
    }
}
