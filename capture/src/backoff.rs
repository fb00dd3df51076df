//! How long to wait before a lost source is opened again.

use std::time::Duration;

/// Delays that grow while a source keeps failing, and are forgotten once it has run well for a while.
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

/// Each so long that a source ran takes one doubling back.
const FORGIVEN_AFTER: Duration = Duration::from_secs(10);
/// What a multiplication by 2^doublings can take.
const MAX_DOUBLINGS: u32 = 31;

impl Backoff {
    /// Begins with the first delay, which doubles with each failure up to the longest.
    pub fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest: longest.max(first), jitter: 0.0, doublings: 0 }
    }

    /// Begins with another first delay. The longest is no shorter.
    pub fn first(self, first: Duration) -> Self {
        Self { first, longest: self.longest.max(first), ..self }
    }

    /// Goes up to another longest delay: no shorter than the first.
    pub fn longest(self, longest: Duration) -> Self {
        Self { longest: longest.max(self.first), ..self }
    }

    /// Makes each delay longer or shorter at random, by this part of it at most: a hundred cameras behind one switch must not
    /// all come back in the same instant. Held to 0.0 to 1.0.
    pub fn jitter(mut self, part: f64) -> Self {
        self.jitter = if part.is_nan() { 0.0 } else { part.clamp(0.0, 1.0) };
        self
    }

    /// Takes a failure in, after a run of so long, and tells how long to wait now.
    ///
    /// Each ten seconds of that run take one doubling back, so that a source that fails once an hour is back at once, and
    /// one that comes up only to fall over again is not hammered.
    pub fn after_run(&mut self, ran: Duration) -> Duration {
        let forgiven = u32::try_from(ran.as_secs() / FORGIVEN_AFTER.as_secs()).unwrap_or(u32::MAX);
        self.doublings = self.doublings.saturating_sub(forgiven);
        let delay = self.first.saturating_mul(1 << self.doublings);
        if delay < self.longest && self.doublings < MAX_DOUBLINGS {
            self.doublings += 1;
        }
        self.jittered(delay.min(self.longest))
    }

    /// A delay of about so long.
    pub(crate) fn jittered(&self, delay: Duration) -> Duration {
        if self.jitter == 0.0 {
            return delay;
        }
        let part = 1.0 + self.jitter * (2.0 * fastrand::f64() - 1.0);
        Duration::try_from_secs_f64(delay.as_secs_f64() * part).unwrap_or(delay)
    }
}

impl Default for Backoff {
    /// Half a second, doubling up to half a minute, each a fifth longer or shorter at random.
    fn default() -> Self {
        Self::new(Duration::from_millis(500), Duration::from_secs(30)).jitter(0.2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEVER_RAN: Duration = Duration::ZERO;

    #[test]
    fn parts_of_the_default_are_changed_as_if_it_were_made_anew() {
        let second = Duration::from_secs;
        for (first, longest) in [(1, 60), (60, 1), (40, 30)] {
            let anew = Backoff::new(second(first), second(longest)).jitter(0.2);
            assert_eq!(Backoff::default().first(second(first)).longest(second(longest)), anew);
        }
        assert_eq!(Backoff::default().first(second(40)), Backoff::new(second(40), second(30)).jitter(0.2));
    }

    #[test]
    fn delays_grow_to_the_longest_and_stay_there() {
        let mut backoff = Backoff::default().jitter(0.0);
        let delays: Vec<_> = (0..1000).map(|_| backoff.after_run(NEVER_RAN).as_millis()).collect();
        assert_eq!(delays[..8], [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
        assert!(delays[8..].iter().all(|delay| *delay == 30_000));
    }

    #[test]
    fn a_stable_span_is_forgiving_and_a_short_one_is_not() {
        let mut backoff = Backoff::default().jitter(0.0);
        for _ in 0..1000 {
            backoff.after_run(NEVER_RAN);
        }
        assert_eq!(backoff.after_run(Duration::from_secs(9)), Duration::from_secs(30), "it fell over again");
        assert_eq!(backoff.after_run(Duration::from_secs(30)), Duration::from_secs(4));
        assert_eq!(backoff.after_run(Duration::from_secs(3600)), Duration::from_millis(500), "as if never failed");
    }

    #[test]
    fn absurd_settings_neither_overflow_nor_panic() {
        let mut backoff = Backoff::new(Duration::MAX, Duration::ZERO);
        assert_eq!(backoff.after_run(NEVER_RAN), Duration::MAX);
        assert_eq!(backoff.after_run(Duration::MAX), Duration::MAX);
        let mut none = Backoff::new(Duration::ZERO, Duration::ZERO);
        assert_eq!(none.after_run(NEVER_RAN), Duration::ZERO);
    }

    #[test]
    fn no_two_sources_come_back_at_the_same_time_and_none_much_later_or_earlier() {
        let delays: Vec<_> = (0..1000).map(|_| Backoff::default().after_run(NEVER_RAN).as_micros()).collect();
        assert!(delays.iter().all(|delay| (400_000..=600_000).contains(delay)));
        let (earliest, latest) = (delays.iter().min().expect("some"), delays.iter().max().expect("some"));
        assert!(latest - earliest > 100_000, "{earliest} to {latest} us");
    }
}
