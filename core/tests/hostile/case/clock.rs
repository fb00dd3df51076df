//! A clock that never blocks.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use capbuf::Clock;

use super::START_NS;

/// More sleeps than all waiting reads of a case make: each sleeps at least 2 ms and waits at most 5
/// ms.
const MAX_SLEEPS: u64 = 100_000;

/// Advances by 1 us at each reading and by the whole duration at each sleep.
#[derive(Debug, Default)]
pub struct SteppingClock {
    now_ns: AtomicI64,
    sleeps: AtomicU64,
}

impl Clock for SteppingClock {
    fn utc_ns(&self) -> i64 {
        START_NS + self.now_ns.fetch_add(1000, Ordering::Relaxed)
    }

    fn monotonic_ns(&self) -> i64 {
        self.now_ns.fetch_add(1000, Ordering::Relaxed)
    }

    fn sleep(&self, duration: Duration) {
        assert!(self.sleeps.fetch_add(1, Ordering::Relaxed) < MAX_SLEEPS, "a read waits forever");
        self.now_ns.fetch_add(duration.as_nanos() as i64, Ordering::Relaxed);
    }
}
