//! Stop requests, and sleeps that they interrupt.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, PoisonError, Weak};
use std::time::{Duration, Instant};

use capbuf::OwnLock;

/// A stop request that threads can poll and sleep on. Clones share it.
///
/// In a forked child it stops nothing: the threads are its parent's.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    requested: AtomicBool,
    sleeping: OwnLock<()>,
    woken: Condvar,
    /// Requests made with this one.
    parts: OwnLock<Vec<Weak<Self>>>,
}

impl Shared {
    fn request(&self) {
        {
            let Some(_sleeping) = self.sleeping.lock() else { return };
            // The lock orders the store with the check of sleepers; pollers need no order.
            self.requested.store(true, Ordering::Relaxed);
            self.woken.notify_all();
        }
        let parts = self.parts.lock().map(|mut parts| std::mem::take(&mut *parts)).unwrap_or_default();
        parts.iter().filter_map(Weak::upgrade).for_each(|part| part.request());
    }
}

impl Stop {
    /// Creates a stop that is not requested.
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates a stop that is requested together with this one, and can be requested alone.
    ///
    /// ```
    /// let whole = capbuf_capture::Stop::new();
    /// let part = whole.part();
    /// part.request();
    /// assert!(part.is_requested() && !whole.is_requested());
    /// let other = whole.part();
    /// whole.request();
    /// assert!(other.is_requested());
    /// ```
    pub fn part(&self) -> Self {
        let part = Self::new();
        if let Some(mut parts) = self.shared.parts.lock() {
            parts.retain(|part| part.strong_count() > 0);
            parts.push(Arc::downgrade(&part.shared));
        }
        // Checked after the registration: a request in between has either missed the part, or is
        // seen here.
        if self.is_requested() {
            part.request();
        }
        part
    }

    /// Requests the stop, and wakes all sleeping threads. Idempotent.
    pub fn request(&self) {
        self.shared.request();
    }

    /// Returns whether the stop was requested. One relaxed load: the result may lag behind.
    pub fn is_requested(&self) -> bool {
        self.shared.requested.load(Ordering::Relaxed)
    }

    /// Sleeps for `duration` or until the stop is requested, and returns whether it is. A child
    /// does not sleep on a stop of its parent.
    pub fn sleep(&self, duration: Duration) -> bool {
        let until = Instant::now().checked_add(duration);
        let Some(mut sleeping) = self.shared.sleeping.lock() else { return self.is_requested() };
        while !self.is_requested() {
            // `None` is beyond the range of `Instant`: forever.
            let left = until.map_or(Duration::MAX, |until| until.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return false;
            }
            sleeping = self.shared.woken.wait_timeout(sleeping, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_ends_an_unlimited_sleep() {
        let stop = Stop::new();
        let sleeper = std::thread::spawn({
            let stop = stop.clone();
            move || stop.sleep(Duration::MAX)
        });
        stop.request();
        assert!(sleeper.join().expect("the sleeper does not panic"));
        assert!(stop.sleep(Duration::MAX), "a request is permanent");
    }

    #[test]
    fn sleep_without_a_request_ends_by_itself() {
        let stop = Stop::new();
        assert!(!stop.sleep(Duration::from_millis(1)));
        assert!(!stop.is_requested());
    }
}
