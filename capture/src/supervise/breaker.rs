//! A limit on retries of a source that keeps failing.

use std::time::Duration;

/// Opens after a number of failures in a row; then the source is retried at long intervals, until
/// it runs for ten seconds.
///
/// ```
/// use std::time::Duration;
/// use capbuf_capture::CircuitBreaker;
///
/// let mut breaker = CircuitBreaker::new(3, Duration::from_secs(60));
/// let failed_at_once = Duration::ZERO;
/// let open: Vec<_> = (0..4).map(|_| breaker.after_run(failed_at_once).is_some()).collect();
/// assert_eq!(open, [false, false, true, true]);
/// // A run of an hour closes it.
/// assert_eq!(breaker.after_run(Duration::from_secs(3600)), None);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct CircuitBreaker {
    opens_after: u32,
    retry_every: Duration,
    failures: u32,
}

/// A run of this length resets the count.
const RAN_WELL: Duration = Duration::from_secs(10);

impl CircuitBreaker {
    /// Opens after `opens_after` failures in a row, at least one; retries every `retry_every` then.
    pub fn new(opens_after: u32, retry_every: Duration) -> Self {
        Self { opens_after: opens_after.max(1), retry_every, failures: 0 }
    }

    /// Sets the number of failures in a row after which it opens, at least one.
    pub fn opens_after(self, failures: u32) -> Self {
        Self { opens_after: failures.max(1), ..self }
    }

    /// Sets the interval of retries while it is open.
    pub fn retry_every(self, delay: Duration) -> Self {
        Self { retry_every: delay, ..self }
    }

    /// Counts a failure after a run of length `ran`, and returns the delay until the next attempt
    /// if the circuit is open.
    pub fn after_run(&mut self, ran: Duration) -> Option<Duration> {
        self.failures = if ran >= RAN_WELL { 1 } else { self.failures.saturating_add(1) };
        (self.failures >= self.opens_after).then_some(self.retry_every)
    }

    /// Returns the failures in a row, none after a run of ten seconds or more.
    pub fn failures(&self) -> u32 {
        self.failures
    }
}

impl Default for CircuitBreaker {
    /// Opens after ten failures, which takes some minutes; then retries every minute.
    fn default() -> Self {
        Self::new(10, Duration::from_secs(60))
    }
}
