//! What the times of frames must be like, told from what the source and the clocks really did.

use std::sync::Arc;
use std::time::Duration;

use capbuf::{Clock, Gap, GapReason, ManualClock};

use crate::naive::Naive;
use crate::play::START_NS;
use crate::script::{Shape, Told};

/// A gap that the writer was told to record, of a known length or not.
type Pending = Option<(GapReason, Option<i64>)>;

/// What happened to the chunk that was written last.
struct Chunk {
    pending: Pending,
    first_of_writer: bool,
    measured_ns: i64,
    captured: bool,
    /// The true time of its first frame.
    true_ns: f64,
    frames: u64,
    lost_ns: i64,
}

pub struct Times {
    clock: Arc<ManualClock>,
    period_ns: f64,
    true_period_ns: f64,
    jitter_ns: i64,
    /// When the next frame begins, since the start, by a wall clock that nobody sets.
    source_ns: f64,
    pending: Pending,
    /// Lost since the last chunk without the writer of the next one being told, and with.
    lost_ns: i64,
    told_lost_ns: i64,
    first_of_writer: bool,
    /// How far the clock was set and no gap says so yet; `None` if that can't be known.
    step_ns: Option<i64>,
    set_ns: i64,
    /// Something was lost or set of which the writer can't know in full: times are off then, and only bounds hold.
    vague: bool,
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
            told_lost_ns: 0,
            first_of_writer: true,
            step_ns: Some(0),
            set_ns: 0,
            vague: false,
            chunk: None,
        }
    }

    /// Lets the time of so many frames pass; the time to tell of the first frame that begins in them, or none.
    pub fn pass(&mut self, frames: u64, told: Told, begun: bool) -> Option<i64> {
        let true_ns = self.source_ns;
        self.source_ns += frames as f64 * self.true_period_ns;
        let until_ns = self.source_ns as i64 - self.clock.monotonic_ns();
        self.clock.advance(Duration::from_nanos(until_ns.max(0).unsigned_abs()));
        let partial_ns = if begun { self.period_ns as i64 } else { 0 };
        let utc_ns = match told {
            Told::Captured { off } => Some(START_NS + self.set_ns + true_ns as i64 + off * self.jitter_ns / 1000),
            Told::Arrived => None,
        };
        if frames > 0 {
            let arrived_ns = self.clock.utc_ns() - (frames as f64 * self.period_ns) as i64;
            self.chunk = Some(Chunk {
                pending: self.pending.take(),
                first_of_writer: std::mem::take(&mut self.first_of_writer),
                measured_ns: utc_ns.unwrap_or(arrived_ns),
                captured: utc_ns.is_some(),
                true_ns,
                frames,
                lost_ns: std::mem::take(&mut self.lost_ns),
            });
            self.told_lost_ns = 0;
        }
        utc_ns.map(|utc_ns| utc_ns + partial_ns)
    }

    pub fn lost(&mut self, lost: Duration, told: Option<(GapReason, bool)>) {
        let lost_ns = lost.as_nanos() as i64;
        self.source_ns += lost_ns as f64;
        match told {
            None => self.lost_ns += lost_ns,
            Some((reason, known)) => {
                self.told_lost_ns += lost_ns;
                let duration_ns = known.then_some(lost_ns);
                let total_ns = match self.pending {
                    None => duration_ns,
                    Some((_, sooner_ns)) => sooner_ns.zip(duration_ns).map(|(sooner, later)| sooner + later),
                };
                self.pending = Some((reason, total_ns));
            }
        }
    }

    pub fn set_clock(&mut self, step_ns: i64) {
        self.clock.step_utc(step_ns);
        self.step_ns = self.step_ns.map(|sooner_ns| sooner_ns + step_ns);
        self.set_ns += step_ns;
        self.vague |= step_ns != 0;
    }

    pub fn new_writer(&mut self) {
        self.pending = None;
        self.lost_ns += std::mem::take(&mut self.told_lost_ns);
        self.first_of_writer = true;
    }

    pub fn new_buffer(&mut self) {
        self.new_writer();
        self.lost_ns = 0;
        self.vague = false;
    }

    /// Checks the times of the chunk that was just written.
    pub fn check(&mut self, naive: &Naive, first: u64, before_ns: i64, all_seen: bool) {
        let chunk = self.chunk.take().expect("it was just written");
        let begins_ns = naive.begins_ns[first as usize];
        let gap = naive.gap_at(first);
        let begin_ns = begins_ns.unwrap_or(before_ns);
        if first == 0 {
            (self.step_ns, self.vague) = (Some(0), false);
            assert!(gap.is_none(), "nothing was before");
            if let Some(begins_ns) = begins_ns {
                assert!(begins_ns.abs_diff(chunk.measured_ns) <= 1, "the first frame's time is as it was told");
            }
        } else if all_seen {
            assert!(begin_ns >= before_ns, "times run backwards");
            assert!(gap.is_some() || begin_ns == before_ns, "what is no gap follows on");
            self.check_gap(&chunk, gap, begin_ns, before_ns);
        } else {
            // What was done of it isn't known.
            self.vague |= chunk.lost_ns != 0 || self.step_ns != Some(0);
            self.step_ns = self.step_ns.filter(|step_ns| *step_ns == 0);
        }
        // A line through a few points far apart says little of what comes far after them.
        self.vague |= chunk.frames as f64 * self.period_ns > 2e9;
        let periods = if self.vague { 0.97..1.03 } else { 0.9975..1.0025 };
        let first_readable = first.max(naive.oldest);
        for frame in first_readable..first + chunk.frames {
            let lasts_ns = (naive.begin_ns(frame + 1) - naive.begin_ns(frame)) as f64;
            let (least, most) = (self.period_ns * periods.start - 1.0, self.period_ns * periods.end + 1.0);
            assert!((least..=most).contains(&lasts_ns), "frame {frame} lasts {lasts_ns} ns of {}", self.period_ns);
            let true_ns =
                START_NS as f64 + self.set_ns as f64 + chunk.true_ns + (frame - first) as f64 * self.true_period_ns;
            let off_ns = (naive.begin_ns(frame) as f64 - true_ns).abs();
            // The first time, which may have jittered, the jitter of now, and the drift that is not found yet.
            let bound_ns = 3.0 * self.jitter_ns as f64 + 0.0008 * self.source_ns.min(20e9) + 2000.0;
            assert!(self.vague || off_ns <= bound_ns, "frame {frame} is {off_ns} ns off, more than {bound_ns}");
        }
    }

    fn check_gap(&mut self, chunk: &Chunk, gap: Option<Gap>, begin_ns: i64, before_ns: i64) {
        // Arrivals are taken back by the period that was found, which is only nearly the nominal one.
        let slack_ns = if chunk.captured { 1 } else { (chunk.frames as f64 * self.period_ns * 0.025) as u64 + 2 };
        let measured = |begin_ns: i64| begin_ns.abs_diff(chunk.measured_ns.max(before_ns)) <= slack_ns;
        if let Some(gap) = gap.filter(|gap| gap.reason == GapReason::ClockStep && gap.clock_step_ns != 0) {
            assert!(
                self.step_ns.is_none_or(|step_ns| gap.clock_step_ns == step_ns),
                "{gap:?}, set by {:?}",
                self.step_ns
            );
            self.step_ns = Some(0);
            self.vague = true;
            return;
        }
        assert!(gap.is_none_or(|gap| gap.clock_step_ns == 0), "nobody set the clock: {gap:?}");
        match (chunk.pending, gap) {
            _ if chunk.first_of_writer => {
                let gap = gap.expect("another writer begins after a gap");
                self.step_ns = Some(0);
                assert_eq!(gap.reason, chunk.pending.map_or(GapReason::WriterChanged, |(reason, _)| reason));
                let told_ns = chunk.pending.and_then(|(_, known_ns)| known_ns);
                assert!(measured(begin_ns) || told_ns == Some(begin_ns - before_ns), "{gap:?}");
                self.vague |=
                    (told_ns.is_some() && chunk.lost_ns != 0) || begin_ns > chunk.measured_ns + self.jitter_ns;
            }
            (Some((reason, None)), gap) => {
                let gap = gap.expect("it was told");
                assert_eq!(gap.reason, reason);
                assert!(measured(begin_ns), "{gap:?} begins again at the time told, {}", chunk.measured_ns);
            }
            (Some((reason, Some(known_ns))), gap) => {
                let gap = gap.expect("it was told");
                assert_eq!(gap.reason, reason);
                let told = gap.duration_ns == known_ns;
                assert!(told || self.vague || chunk.lost_ns > 0, "{gap:?} was told to be {known_ns} ns long");
                self.vague |= chunk.lost_ns != 0;
            }
            (None, Some(gap)) => {
                assert_eq!(gap.reason, GapReason::Detected);
                let least_ns = 750_000_000 - 3 * self.jitter_ns - 10_000_000;
                assert!(self.vague || chunk.lost_ns >= least_ns, "{gap:?}, and {} ns were lost", chunk.lost_ns);
                assert!(self.vague || measured(begin_ns), "{gap:?}");
            }
            (None, None) => {
                let most_ns = 750_000_000 + 3 * self.jitter_ns + 20_000_000;
                assert!(self.vague || chunk.lost_ns <= most_ns, "{} ns were lost and no gap tells", chunk.lost_ns);
                self.vague |= chunk.lost_ns != 0;
            }
        }
    }
}
