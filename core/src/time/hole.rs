//! Distinguishes audio that is missing from audio that is late.
//!
//! A chunk that comes much later than expected may be late: then what follows makes up for it. Only
//! what is not made up for is a hole. Until that is known nothing is taken from the chunks in
//! question.

use super::estimate::{Estimate, Measured};

/// A hole in arrivals is at least this long. A shorter one looks as a longer delay does.
pub(super) const GAP_NS: i64 = 750_000_000;
/// A hole is at least this long where times are passed, and this many times their mean deviation.
const LEAST_HOLE_NS: f64 = 5e6;
const DEVIATIONS: f64 = 8.0;
/// Deviations are known after this many chunks.
const KNOWN_AFTER: u64 = 20;
/// By times passed a hole is believed after this many chunks and this much time.
const PASSED_CHUNKS: u32 = 3;
const PASSED_FOR_NS: i64 = 100_000_000;
/// By arrivals it is believed after this much time in which nothing was made up...
const ARRIVED_FOR_NS: i64 = 500_000_000;
/// ...or this long after it was first seen.
const LONGEST_NS: i64 = 30_000_000_000;
/// A delay that lasts as long as this is no late chunk.
const LASTS_NS: i64 = 200_000_000;
/// A source that catches up comes at least this much faster than real time.
const CATCH_UP: f64 = 0.05;

/// The chunks that are in question.
#[derive(Debug, Clone, Copy)]
pub(super) struct Suspicion {
    /// Measured times of the first chunk, and of the one after which nothing was made up.
    first_ns: i64,
    since_ns: i64,
    /// The least deviation of the chunks before `since_ns`.
    before_ns: i64,
    /// The least deviation since, and its point.
    least_ns: i64,
    least: Measured,
    chunks: u32,
    sum_ns: i64,
}

/// The meaning of a chunk's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Judgement {
    /// It is on time, or late by what jitter explains.
    OnTime,
    /// Not known yet.
    Open,
    /// It is later than before, and whether audio is missing or takes longer cannot be known.
    Longer,
    /// Times have moved by this much, in ns.
    Moved(i64),
}

/// The deviation beyond which a chunk is in question.
pub(super) fn threshold_ns(estimate: &Estimate) -> i64 {
    if estimate.updates() < KNOWN_AFTER {
        return GAP_NS;
    }
    ((DEVIATIONS * estimate.spread_ns()).max(LEAST_HOLE_NS) as i64).min(GAP_NS)
}

/// Judges a point that deviates from the estimate by `error_ns`.
pub(super) fn judge(
    suspicion: &mut Option<Suspicion>,
    estimate: &Estimate,
    point: Measured,
    error_ns: i64,
) -> Judgement {
    let threshold_ns = threshold_ns(estimate);
    let is_late = error_ns > threshold_ns;
    let is_early = error_ns < -threshold_ns && !estimate.is_arrival();
    let Some(open) = suspicion else {
        // A deviation that grew slowly is one of the rate.
        let grew_ns = error_ns.saturating_sub(estimate.last_error_ns()).saturating_abs();
        if (is_late || is_early) && (grew_ns > threshold_ns / 2 || error_ns.saturating_abs() > GAP_NS) {
            *suspicion = Some(Suspicion::new(point, error_ns));
            let may_be_longer = estimate.is_arrival() && error_ns < GAP_NS;
            return if may_be_longer { Judgement::Longer } else { Judgement::Open };
        }
        return Judgement::OnTime;
    };
    let same_side = if open.least_ns > 0 { is_late } else { is_early };
    if !same_side {
        *suspicion = None;
        return Judgement::OnTime;
    }
    let moved = if estimate.is_arrival() { open.arrived(point, error_ns) } else { open.passed(point, error_ns) };
    match moved {
        None if estimate.is_arrival() && error_ns < GAP_NS => Judgement::Longer,
        Some(ns) => {
            *suspicion = None;
            Judgement::Moved(ns)
        }
        None => Judgement::Open,
    }
}

impl Suspicion {
    /// True if it is more than a chunk that comes late, at the time of a point.
    pub(super) fn is_grave(&self, now: Measured) -> bool {
        let lasts = now.utc_ns.saturating_sub(self.first_ns) >= LASTS_NS;
        !now.is_arrival || lasts || self.least_ns > GAP_NS
    }

    /// The error of published times if it is justified.
    pub(super) fn largest_ns(&self) -> i64 {
        self.least_ns.saturating_abs()
    }

    fn new(point: Measured, error_ns: i64) -> Self {
        Self {
            first_ns: point.utc_ns,
            since_ns: point.utc_ns,
            before_ns: error_ns,
            least_ns: error_ns,
            least: point,
            chunks: 1,
            sum_ns: error_ns,
        }
    }

    /// Times passed: the mean deviation once there are enough of them.
    fn passed(&mut self, point: Measured, error_ns: i64) -> Option<i64> {
        self.chunks += 1;
        self.sum_ns = self.sum_ns.saturating_add(error_ns);
        let lasted_ns = point.utc_ns.saturating_sub(self.first_ns);
        let enough = self.chunks >= PASSED_CHUNKS && lasted_ns >= PASSED_FOR_NS;
        enough.then(|| self.sum_ns / i64::from(self.chunks))
    }

    /// Arrivals: the least deviation once nothing was made up for a while.
    fn arrived(&mut self, point: Measured, error_ns: i64) -> Option<i64> {
        if error_ns < self.least_ns {
            (self.least_ns, self.least) = (error_ns, point);
        }
        let waited_ns = point.utc_ns.saturating_sub(self.since_ns);
        if error_ns.saturating_sub(self.least_ns) > waited_ns / 2 {
            // Nothing came meanwhile.
            (self.since_ns, self.before_ns) = (point.utc_ns, self.least_ns);
            return None;
        }
        if waited_ns < ARRIVED_FOR_NS || self.least_ns < GAP_NS {
            return None;
        }
        let made_up_ns = self.before_ns.saturating_sub(self.least_ns);
        let catches_up = made_up_ns as f64 > CATCH_UP * waited_ns as f64;
        if catches_up && point.utc_ns.saturating_sub(self.first_ns) < LONGEST_NS {
            (self.since_ns, self.before_ns, self.least_ns) = (point.utc_ns, self.least_ns, error_ns);
            self.least = point;
            return None;
        }
        Some(self.least_ns)
    }
}
