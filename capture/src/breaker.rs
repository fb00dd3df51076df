//! When to stop hammering a source that fails at once, again and again.

use std::time::Duration;

/// Opens after so many failures in a row; from then on a source is tried now and then only, until it runs for a while.
///
/// ```
/// use std::time::Duration;
/// use capbuf_capture::CircuitBreaker;
///
/// let mut breaker = CircuitBreaker::new(3, Duration::from_secs(60));
/// let at_once = Duration::ZERO;
/// let open: Vec<_> = (0..4).map(|_| breaker.after_run(at_once).is_some()).collect();
/// assert_eq!(open, [false, false, true, true]);
/// // It ran for an hour before it failed again: that is another matter.
/// assert_eq!(breaker.after_run(Duration::from_secs(3600)), None);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct CircuitBreaker {
    opens_after: u32,
    retry_every: Duration,
    failures: u32,
}

/// Who ran so long has not failed at once.
const RAN_WELL: Duration = Duration::from_secs(10);

impl CircuitBreaker {
    /// Opens after so many failures in a row, at least one; then the source is tried so often.
    pub fn new(opens_after: u32, retry_every: Duration) -> Self {
        Self { opens_after: opens_after.max(1), retry_every, failures: 0 }
    }

    /// Opens after another number of failures in a row, at least one.
    pub fn opens_after(self, failures: u32) -> Self {
        Self { opens_after: failures.max(1), ..self }
    }

    /// Tries the source this often once it is open.
    pub fn retry_every(self, delay: Duration) -> Self {
        Self { retry_every: delay, ..self }
    }

    /// Takes a failure in, after a run of so long, and tells how long to wait if the circuit is open now.
    pub fn after_run(&mut self, ran: Duration) -> Option<Duration> {
        self.failures = if ran >= RAN_WELL { 1 } else { self.failures.saturating_add(1) };
        (self.failures >= self.opens_after).then_some(self.retry_every)
    }

    /// Failures in a row, none of them after a run of ten seconds.
    pub fn failures(&self) -> u32 {
        self.failures
    }
}

impl Default for CircuitBreaker {
    /// Ten failures, which takes some minutes; then each minute.
    fn default() -> Self {
        Self::new(10, Duration::from_secs(60))
    }
}
