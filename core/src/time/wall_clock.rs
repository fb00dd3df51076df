//! Steps and slews of the wall clock, seen from the machine's steady clocks.

use crate::clock::{Clock, Offsets, offsets};

/// A change of the wall clock against the monotonic one by this much is a step; less is a slew.
pub(super) const STEP_NS: i64 = 20_000_000;
/// The largest slew of time daemons is 100 000 ppm. Beyond it the machine was suspended.
const FASTEST_SLEW: f64 = 0.11;

/// A slew is measured by readings this close together, and this far apart.
const CLOSE_NS: i64 = 100_000;
const LEAST_PASSED_NS: i64 = 250_000_000;

/// The wall clock at the last comparison.
#[derive(Debug, Default)]
pub(super) struct WallClock {
    /// `None` before the first comparison.
    last: Option<Offsets>,
}

/// A change of the wall clock since the last comparison.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Change {
    None,
    /// It was set, by this much.
    Step(i64),
    /// It was slewed by this much, at this rate.
    Slew(i64, f64),
}

impl WallClock {
    /// Begins a comparison.
    pub(super) fn begin(&mut self, clock: &dyn Clock) {
        self.last = offsets(clock);
    }

    /// Compares. Reads clocks, twenty times at most.
    pub(super) fn compare(&mut self, clock: &dyn Clock) -> Change {
        let Some(now) = offsets(clock) else { return Change::None };
        let Some(before) = self.last.replace(now) else { return Change::None };
        let step_ns = now.utc_minus_monotonic_ns.saturating_sub(before.utc_minus_monotonic_ns);
        if step_ns.saturating_abs() >= STEP_NS {
            return Change::Step(step_ns);
        }
        let passed_ns = now.raw_ns.saturating_sub(before.raw_ns);
        if now.within_ns > CLOSE_NS || passed_ns < LEAST_PASSED_NS {
            self.last = Some(before);
            return Change::None;
        }
        let slew_ns = now.utc_minus_raw_ns.saturating_sub(before.utc_minus_raw_ns);
        let rate = slew_ns as f64 / passed_ns as f64;
        if rate.abs() < FASTEST_SLEW { Change::Slew(slew_ns, rate) } else { Change::None }
    }
}
