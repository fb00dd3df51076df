//! Waiting for a condition instead of a guessed time.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use capbuf::{Clock, SystemClock};

/// Polls `condition`. Fails after two minutes, so that a broken test ends.
pub fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(120);
    while !condition() {
        assert!(Instant::now() < deadline, "waited two minutes for: {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// The system clock, counting calls of `sleep`: a read that has slept once is waiting.
#[derive(Debug, Default)]
pub struct CountedSleeps(AtomicU64);

impl CountedSleeps {
    /// Returns once a thread has begun to sleep on this clock.
    pub fn wait_for_sleeper(&self) {
        wait_until("a read to sleep", || self.0.load(Ordering::Acquire) > 0);
    }
}

impl Clock for CountedSleeps {
    fn utc_ns(&self) -> i64 {
        SystemClock.utc_ns()
    }

    fn monotonic_ns(&self) -> i64 {
        SystemClock.monotonic_ns()
    }

    fn sleep(&self, duration: Duration) {
        self.0.fetch_add(1, Ordering::Release);
        SystemClock.sleep(duration);
    }
}

/// Sets a flag when it is dropped, also by a panic, so that threads looping on the flag end.
pub struct StopOnDrop<'a>(pub &'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
