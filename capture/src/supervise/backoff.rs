//! The delays before a lost source is opened again.

use std::time::Duration;

/// Delays that grow while a source keeps failing, and shrink after it has run.
///
/// ```
/// use std::time::Duration;
/// use capbuf_capture::Backoff;
///
/// let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(8));
/// let never_ran = Duration::ZERO;
/// let delays: Vec<u64> = (0..5).map(|_| backoff.after_run(never_ran).as_secs()).collect();
/// assert_eq!(delays, [1, 2, 4, 8, 8]);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    jitter: f64,
    doublings: u32,
}

/// A run of this length undoes one doubling.
const FORGIVEN_AFTER: Duration = Duration::from_secs(10);
/// The largest exponent for which `1 << doublings` fits in an `u32`.
const MAX_DOUBLINGS: u32 = 31;

impl Backoff {
    /// Starts with delay `first`, which doubles with each failure up to `longest`.
    pub fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest: longest.max(first), jitter: 0.0, doublings: 0 }
    }

    /// Sets the first delay. Raises the longest to it if necessary.
    pub fn first(self, first: Duration) -> Self {
        Self { first, longest: self.longest.max(first), ..self }
    }

    /// Sets the longest delay, at least the first.
    pub fn longest(self, longest: Duration) -> Self {
        Self { longest: longest.max(self.first), ..self }
    }

    /// Randomizes each delay by up to `part` of it in both directions, so that a hundred cameras
    /// behind one switch do not all come back in the same instant. Clamped to 0.0..=1.0.
    pub fn jitter(mut self, part: f64) -> Self {
        self.jitter = if part.is_nan() { 0.0 } else { part.clamp(0.0, 1.0) };
        self
    }

    /// Counts a failure after a run of length `ran`, and returns the delay until the next attempt.
    ///
    /// Every ten seconds of the run undo one doubling: a source that fails once an hour is retried
    /// soon, one that fails again shortly after each start is not.
    pub fn after_run(&mut self, ran: Duration) -> Duration {
        let forgiven = u32::try_from(ran.as_secs() / FORGIVEN_AFTER.as_secs()).unwrap_or(u32::MAX);
        self.doublings = self.doublings.saturating_sub(forgiven);
        let delay = self.first.saturating_mul(1 << self.doublings);
        if delay < self.longest && self.doublings < MAX_DOUBLINGS {
            self.doublings += 1;
        }
        self.jittered(delay.min(self.longest))
    }

    /// Returns `delay` with the jitter applied.
    pub(crate) fn jittered(&self, delay: Duration) -> Duration {
        if self.jitter == 0.0 {
            return delay;
        }
        let part = 1.0 + self.jitter * (2.0 * fastrand::f64() - 1.0);
        Duration::try_from_secs_f64(delay.as_secs_f64() * part).unwrap_or(delay)
    }
}

impl Default for Backoff {
    /// Half a second, doubling up to 30 seconds, with a jitter of 20 %.
    fn default() -> Self {
        Self::new(Duration::from_millis(500), Duration::from_secs(30)).jitter(0.2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEVER_RAN: Duration = Duration::ZERO;

    #[test]
    fn builder_methods_equal_the_constructor() {
        let second = Duration::from_secs;
        for (first, longest) in [(1, 60), (60, 1), (40, 30)] {
            let expected = Backoff::new(second(first), second(longest)).jitter(0.2);
            assert_eq!(Backoff::default().first(second(first)).longest(second(longest)), expected);
        }
        assert_eq!(Backoff::default().first(second(40)), Backoff::new(second(40), second(30)).jitter(0.2));
    }

    #[test]
    fn delays_double_up_to_the_longest() {
        let mut backoff = Backoff::default().jitter(0.0);
        let delays: Vec<_> = (0..1000).map(|_| backoff.after_run(NEVER_RAN).as_millis()).collect();
        assert_eq!(delays[..8], [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
        assert!(delays[8..].iter().all(|delay| *delay == 30_000));
    }

    #[test]
    fn each_ten_seconds_of_a_run_undo_one_doubling() {
        let mut backoff = Backoff::default().jitter(0.0);
        for _ in 0..1000 {
            backoff.after_run(NEVER_RAN);
        }
        assert_eq!(backoff.after_run(Duration::from_secs(9)), Duration::from_secs(30), "nine seconds undo none");
        assert_eq!(backoff.after_run(Duration::from_secs(30)), Duration::from_secs(4));
        assert_eq!(backoff.after_run(Duration::from_secs(3600)), Duration::from_millis(500), "an hour undoes all");
    }

    #[test]
    fn extreme_settings_neither_overflow_nor_panic() {
        let mut backoff = Backoff::new(Duration::MAX, Duration::ZERO);
        assert_eq!(backoff.after_run(NEVER_RAN), Duration::MAX);
        assert_eq!(backoff.after_run(Duration::MAX), Duration::MAX);
        let mut none = Backoff::new(Duration::ZERO, Duration::ZERO);
        assert_eq!(none.after_run(NEVER_RAN), Duration::ZERO);
    }

    #[test]
    fn jitter_spreads_delays_within_its_bounds() {
        let delays: Vec<_> = (0..1000).map(|_| Backoff::default().after_run(NEVER_RAN).as_micros()).collect();
        assert!(delays.iter().all(|delay| (400_000..=600_000).contains(delay)));
        let (earliest, latest) = (delays.iter().min().expect("some"), delays.iter().max().expect("some"));
        assert!(latest - earliest > 100_000, "{earliest} to {latest} us");
    }
}
