//! The estimated clock of a source: from the times passed, or from arrivals.
//!
//! One interface for both estimators: the delay-locked loop for times passed, whose jitter is
//! symmetric, and the lower envelope for arrivals, which are late and never early. Corrections of
//! the wall clock's rate, which no source takes part in, are kept out of both.

use super::delay_locked_loop::DelayLockedLoop;
use super::lower_envelope::LowerEnvelope;

/// A measured point of a source's clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measured {
    /// For arrivals the frame after the last one of the chunk.
    pub(crate) frame: u64,
    pub(crate) utc_ns: i64,
    pub(crate) is_arrival: bool,
}

impl Measured {
    /// The first frame of a chunk from `head` on as if its time had been passed.
    pub(crate) fn as_passed(self, head: u64, period_ns: f64) -> Self {
        let duration_ns = (self.frame.saturating_sub(head).cast_signed() as f64 * period_ns) as i64;
        Self { frame: head, utc_ns: self.utc_ns.saturating_sub(duration_ns), is_arrival: false }
    }
}

/// The estimated clock.
#[derive(Debug)]
pub(crate) struct Estimate {
    nominal_ns: f64,
    passed: DelayLockedLoop,
    arrived: Box<LowerEnvelope>,
    is_arrival: bool,
    /// The rate at which the wall clock is being slewed, and from which frame on.
    slewed: (f64, u64),
    /// Mean deviation of the times, and from how many it is known, up to `SPREAD_CHUNKS`.
    spread_ns: f64,
    spread_chunks: f64,
    last_error_ns: i64,
    /// Doubt about the phase after times have moved.
    moved_ns: f64,
}

/// Chunks over which deviations are averaged.
const SPREAD_CHUNKS: f64 = 500.0;
/// The deviation expected before any is seen, and how many chunks it counts as.
const FIRST_SPREAD: (f64, f64) = (20e6, 4.0);
/// A bound in units of the standard deviation. The lowest delays of a network are not spread
/// evenly, so that theirs is wider.
const BOUND_SIGMAS: f64 = 4.0;
const ARRIVAL_SIGMAS: f64 = 10.0;
/// The uncertainty that is always left: rounding, and the time between two clock readings.
const LEAST_NS: f64 = 50_000.0;
/// Arrivals are taken for late by up to this until some were seen for `ARRIVALS_UNSEEN_S`.
const UNSEEN_NS: f64 = 1e9;
const ARRIVALS_UNSEEN_S: f64 = 2.0;

impl Estimate {
    pub(crate) fn new(nominal_ns: f64) -> Self {
        Self {
            nominal_ns,
            passed: DelayLockedLoop::new(nominal_ns, nominal_ns, 0, 0),
            arrived: Box::new(LowerEnvelope::new(nominal_ns, nominal_ns, 0, 0)),
            is_arrival: false,
            slewed: (0.0, 0),
            spread_ns: FIRST_SPREAD.0,
            spread_chunks: FIRST_SPREAD.1,
            last_error_ns: 0,
            moved_ns: 0.0,
        }
    }

    /// Begins at a measured point, with the best guess of the period. Allocates nothing.
    pub(crate) fn begin(&mut self, period_ns: f64, first: Measured) {
        let Measured { frame, utc_ns, is_arrival } = first;
        self.is_arrival = is_arrival;
        self.passed = DelayLockedLoop::new(self.nominal_ns, period_ns, frame, utc_ns);
        *self.arrived = LowerEnvelope::new(self.nominal_ns, period_ns, frame, utc_ns);
        (self.spread_ns, self.spread_chunks) = FIRST_SPREAD;
        (self.slewed, self.last_error_ns, self.moved_ns) = ((0.0, frame), 0, 0.0);
    }

    /// Begins anew at a measured point, with the period as it is.
    pub(crate) fn restart(&mut self, first: Measured) {
        let Measured { frame, utc_ns, is_arrival } = first;
        if is_arrival != self.is_arrival {
            return self.begin(self.steady_period_ns(), first);
        }
        if is_arrival {
            self.arrived.restart(frame, utc_ns);
        } else {
            self.passed.restart(frame, utc_ns);
        }
        (self.slewed.1, self.last_error_ns) = (frame, 0);
    }

    pub(crate) fn is_arrival(&self) -> bool {
        self.is_arrival
    }

    /// Estimated period of a frame, without the slew of the wall clock.
    fn steady_period_ns(&self) -> f64 {
        if self.is_arrival { self.arrived.period_ns() } else { self.passed.period_ns() }
    }

    /// Estimated period of a frame.
    pub(crate) fn period_ns(&self) -> f64 {
        self.steady_period_ns() * (1.0 + self.slewed.0)
    }

    /// Estimated time of a frame.
    pub(crate) fn predict(&self, frame: u64) -> i64 {
        let steady_ns = if self.is_arrival { self.arrived.predict(frame) } else { self.passed.predict(frame) };
        steady_ns.saturating_add(self.slewed_ns(frame))
    }

    /// By how much the wall clock was slewed since the last comparison.
    fn slewed_ns(&self, frame: u64) -> i64 {
        let frames = frame.wrapping_sub(self.slewed.1).cast_signed() as f64;
        (self.slewed.0 * frames * self.nominal_ns) as i64
    }

    /// Notes that the wall clock was slewed by `ns` until a frame, and goes on at `rate`.
    pub(crate) fn slew(&mut self, frame: u64, ns: i64, rate: f64) {
        let surplus_ns = self.slewed_ns(frame).saturating_sub(ns) as f64;
        self.arrived.raise(self.slewed.1, frame, surplus_ns);
        self.shift(ns);
        self.slewed = (rate, frame);
    }

    /// Moves the clock: the wall clock was set, or audio of known length was lost.
    pub(crate) fn shift(&mut self, ns: i64) {
        self.passed.shift(ns);
        self.arrived.shift(ns);
    }

    /// Takes a measured point that differs from the estimate by `error_ns`, the mean of `chunks`,
    /// or for arrivals their least late one. `spread_ns` is the mean of all absolute errors.
    pub(crate) fn update(&mut self, point: Measured, spread_ns: f64, chunks: u64) {
        let error_ns = point.utc_ns.saturating_sub(self.predict(point.frame));
        let count = chunks as f64;
        self.spread_chunks = (self.spread_chunks + count).min(SPREAD_CHUNKS);
        self.spread_ns += (spread_ns - self.spread_ns) * (count / self.spread_chunks).min(1.0);
        self.last_error_ns = error_ns;
        let steady_ns = point.utc_ns.saturating_sub(self.slewed_ns(point.frame));
        if self.is_arrival {
            self.arrived.update(point.frame, steady_ns, chunks);
        } else {
            self.passed.set_spread(self.spread_ns);
            self.passed.update(point.frame, steady_ns, chunks);
            self.moved_ns *= 1.0 - (self.passed.phase_gain() * count).min(1.0);
        }
    }

    /// Notes that times have moved by `ns`, as the chunk at a point shows, which deviates by
    /// `error_ns`.
    pub(crate) fn moved(&mut self, point: Measured, error_ns: i64, ns: i64) {
        if self.is_arrival {
            // The least late of the chunks since is on the new line.
            let late_ns = error_ns.saturating_sub(ns);
            self.arrived
                .restart(point.frame, point.utc_ns.saturating_sub(self.slewed_ns(point.frame)).saturating_sub(late_ns));
        } else {
            self.shift(ns);
            self.last_error_ns = error_ns.saturating_sub(ns);
            self.moved_ns = self.spread_ns;
        }
    }

    pub(crate) fn nominal_ns(&self) -> f64 {
        self.nominal_ns
    }

    /// The mean deviation of the times.
    pub(crate) fn spread_ns(&self) -> f64 {
        self.spread_ns
    }

    /// Deviation of the last measured point.
    pub(crate) fn last_error_ns(&self) -> i64 {
        self.last_error_ns
    }

    /// Seconds of audio since it began.
    pub(crate) fn locked_s(&self) -> f64 {
        if self.is_arrival { self.arrived.locked_s() } else { self.passed.locked_s() }
    }

    /// True once a single update changes little.
    pub(crate) fn is_settled(&self) -> bool {
        if self.is_arrival { self.updates() >= 64 } else { self.passed.is_settled() }
    }

    /// The number of chunks since it began.
    pub(crate) fn updates(&self) -> u64 {
        if self.is_arrival { self.arrived.chunks() } else { self.passed.updates() }
    }

    /// A bound of the error that the deviations seen explain, at a frame and `ahead_ns` later.
    pub(crate) fn explained_ns(&self, frame: u64, ahead_ns: f64) -> f64 {
        if self.is_arrival {
            let (phase_ns, rate) = self.arrived.doubt(frame);
            // The least of n delays is at about one nth of their mean; those of a second are alike.
            let few_ns = self.spread_ns / (1.0 + self.arrived.locked_s());
            return BOUND_SIGMAS * phase_ns.max(few_ns / 2.0) + rate * ahead_ns + LEAST_NS;
        }
        let sigma_ns = 1.25 * self.spread_ns * self.passed.phase_gain().sqrt();
        BOUND_SIGMAS * sigma_ns + LEAST_NS
    }

    /// A bound of the error of the estimated clock, at a frame and `ahead_ns` later.
    pub(crate) fn uncertainty_ns(&self, frame: u64, ahead_ns: f64) -> f64 {
        let explained_ns = self.explained_ns(frame, ahead_ns);
        if !self.is_arrival {
            return explained_ns + self.moved_ns + self.passed.unresolved_ns();
        }
        let explained_ns = explained_ns * ARRIVAL_SIGMAS / BOUND_SIGMAS;
        let unseen_ns = if self.locked_s() < ARRIVALS_UNSEEN_S { UNSEEN_NS } else { 0.0 };
        (explained_ns + self.arrived.recent_height_ns()).max(unseen_ns)
    }

    /// The estimated clock from a frame on.
    pub(crate) fn line(&self, frame: u64) -> EstimatedClock {
        EstimatedClock::new(frame, self.predict(frame), self.period_ns())
    }
}

/// The estimated clock until the next update, in integers. Valid from its frame on.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct EstimatedClock {
    frame: u64,
    utc_ns: i64,
    /// Nanoseconds per frame, in units of 2^-32.
    period_q32: u64,
}

impl EstimatedClock {
    fn new(frame: u64, utc_ns: i64, period_ns: f64) -> Self {
        Self { frame, utc_ns, period_q32: (period_ns * (1_u64 << 32) as f64) as u64 }
    }

    pub(crate) fn frame(&self) -> u64 {
        self.frame
    }

    /// Frames since its first one, and the time of `frame`; `None` on overflow.
    #[inline]
    pub(crate) fn predict(&self, frame: u64) -> Option<(u64, i64)> {
        let since_frames = frame - self.frame;
        let since_ns = (u128::from(since_frames) * u128::from(self.period_q32) + (1 << 31)) >> 32;
        Some((since_frames, self.utc_ns.checked_add(i64::try_from(since_ns).ok()?)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integer_clock_equals_the_estimate_for_a_second() {
        for (rate, drift) in [(1.0, 1.02), (1000.0, 0.98), (44_100.0, 1.000_2), (48_000.0, 1.0), (768_000.0, 0.999)] {
            let nominal_ns = 1e9 / rate;
            let first = Measured { frame: 1 << 40, utc_ns: 1_700_000_000_000_000_000, is_arrival: false };
            let mut estimate = Estimate::new(nominal_ns);
            estimate.begin(nominal_ns * drift, first);
            let begin = (1 << 40) + 1;
            let line = estimate.line(begin);
            for frames in (0..=10).map(|tenth| (rate * f64::from(tenth) / 10.0) as u64) {
                let (since_frames, line_ns) = line.predict(begin + frames).unwrap();
                assert!(
                    since_frames == frames && line_ns.abs_diff(estimate.predict(begin + frames)) <= 2,
                    "{frames} at {rate}"
                );
            }
        }
        let late = EstimatedClock::new(0, i64::MAX - 5, 1e9);
        assert_eq!((late.predict(0), late.predict(1)), (Some((0, i64::MAX - 5)), None), "there is no such time");
    }
}
