//! Clocks: the system's, or one that a test moves by hand.

use std::fmt::Debug;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::sync::{AtomicI64, Ordering};

/// A source of wall-clock and monotonic time, used by a registry and all its buffers.
pub trait Clock: Debug + Send + Sync {
    /// Nanoseconds of UTC since 1970. Steps when the machine's clock is set.
    ///
    /// Called on the audio thread when a chunk is written without its capture time: it must not
    /// block.
    fn utc_ns(&self) -> i64;

    /// Nanoseconds since a fixed point, never stepped, counting while the machine is suspended.
    ///
    /// Called on the audio thread now and then: it must not block.
    fn monotonic_ns(&self) -> i64;

    /// Nanoseconds since a fixed point, at the rate of the machine's oscillator: never slewed by a
    /// time daemon. By default the monotonic time.
    ///
    /// Called on the audio thread twice a second: it must not block.
    fn raw_ns(&self) -> i64 {
        self.monotonic_ns()
    }

    /// Blocks the calling thread for `duration` of monotonic time. Never called on the audio
    /// thread.
    fn sleep(&self, duration: Duration);
}

/// The machine's clocks: `CLOCK_REALTIME`, `CLOCK_BOOTTIME` and `CLOCK_MONOTONIC_RAW`, read through
/// the kernel's mapped page where possible.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

/// Converts a duration to ns, saturating.
pub(crate) fn duration_to_ns(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

/// A comparison of a machine's clocks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Offsets {
    pub(crate) utc_minus_monotonic_ns: i64,
    pub(crate) utc_minus_raw_ns: i64,
    pub(crate) raw_ns: i64,
    /// The time that passed between the readings.
    pub(crate) within_ns: i64,
}

/// Compares the clocks: the closest of a few readings; `None` if the thread was preempted in all.
pub(crate) fn offsets(clock: &dyn Clock) -> Option<Offsets> {
    const CLOSE_NS: i64 = 5_000;
    const HELD_UP_NS: i64 = 5_000_000;
    let mut closest: Option<Offsets> = None;
    for _ in 0..5 {
        let before_ns = clock.monotonic_ns();
        let (utc_ns, raw_ns) = (clock.utc_ns(), clock.raw_ns());
        let within_ns = clock.monotonic_ns().saturating_sub(before_ns);
        let utc_minus_monotonic_ns = utc_ns.saturating_sub(before_ns);
        let read =
            Offsets { utc_minus_monotonic_ns, utc_minus_raw_ns: utc_ns.saturating_sub(raw_ns), raw_ns, within_ns };
        if closest.is_none_or(|closest| within_ns < closest.within_ns) {
            closest = Some(read);
        }
        if within_ns < CLOSE_NS {
            break;
        }
    }
    closest.filter(|closest| closest.within_ns < HELD_UP_NS)
}

fn read(clock: ClockId) -> i64 {
    let time = clock_gettime(clock);
    time.tv_sec.saturating_mul(1_000_000_000).saturating_add(time.tv_nsec)
}

impl Clock for SystemClock {
    fn utc_ns(&self) -> i64 {
        read(ClockId::Realtime)
    }

    fn monotonic_ns(&self) -> i64 {
        read(ClockId::Boottime)
    }

    fn raw_ns(&self) -> i64 {
        read(ClockId::MonotonicRaw)
    }

    fn sleep(&self, duration: Duration) {
        std::thread::sleep(duration);
    }
}

/// A clock that moves only by hand, so that hours can be tested in milliseconds.
///
/// ```
/// use std::time::Duration;
/// use capbuf::{Clock, ManualClock};
///
/// let clock = ManualClock::new(1_000_000_000);
/// clock.advance(Duration::from_secs(5));
/// clock.step_utc(-3_600_000_000_000);
/// assert_eq!(clock.utc_ns(), 6_000_000_000 - 3_600_000_000_000);
/// assert_eq!(clock.monotonic_ns(), 5_000_000_000);
/// ```
#[derive(Debug, Default)]
pub struct ManualClock {
    monotonic_ns: AtomicI64,
    utc_minus_monotonic_ns: AtomicI64,
    moving: Mutex<()>,
    moved: Condvar,
}

impl ManualClock {
    /// Creates a clock at `utc_ns` whose monotonic time is 0.
    pub fn new(utc_ns: i64) -> Self {
        Self { utc_minus_monotonic_ns: AtomicI64::new(utc_ns), ..Self::default() }
    }

    /// Advances both clocks, and wakes sleepers whose time has come.
    pub fn advance(&self, duration: Duration) {
        let ns = duration_to_ns(duration);
        let _moving = self.moving.lock().unwrap_or_else(PoisonError::into_inner);
        // SYNC none: a clock orders nothing; the lock orders the change with the sleepers' check.
        self.monotonic_ns.fetch_add(ns, Ordering::Relaxed);
        self.moved.notify_all();
    }

    /// Steps the wall clock, as an administrator or a time daemon would. No time passes.
    pub fn step_utc(&self, step_ns: i64) {
        self.utc_minus_monotonic_ns.fetch_add(step_ns, Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn utc_ns(&self) -> i64 {
        self.monotonic_ns().saturating_add(self.utc_minus_monotonic_ns.load(Ordering::Relaxed))
    }

    fn monotonic_ns(&self) -> i64 {
        self.monotonic_ns.load(Ordering::Relaxed)
    }

    fn sleep(&self, duration: Duration) {
        let ns = duration_to_ns(duration);
        let until_ns = self.monotonic_ns().saturating_add(ns);
        let mut moving = self.moving.lock().unwrap_or_else(PoisonError::into_inner);
        while self.monotonic_ns() < until_ns {
            moving = self.moved.wait(moving).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
