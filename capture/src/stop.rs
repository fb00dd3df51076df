//! The request to stop, and sleeping until it comes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

/// A request to stop that many threads may look at and sleep on. Clones are the same request.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    requested: AtomicBool,
    sleeping: Mutex<()>,
    woken: Condvar,
    /// Those that are requested with this one.
    parts: Mutex<Vec<Weak<Self>>>,
}

impl Shared {
    fn request(&self) {
        {
            let _sleeping = self.sleeping.lock().unwrap_or_else(PoisonError::into_inner);
            // The lock orders the request with the sleepers' look at it; others need no order.
            self.requested.store(true, Ordering::Relaxed);
            self.woken.notify_all();
        }
        let parts = std::mem::take(&mut *self.parts.lock().unwrap_or_else(PoisonError::into_inner));
        parts.iter().filter_map(Weak::upgrade).for_each(|part| part.request());
    }
}

impl Stop {
    /// Makes a request that has not been made yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a request that is made with this one, and can be made alone: to stop a part of something.
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
        {
            let mut parts = self.shared.parts.lock().unwrap_or_else(PoisonError::into_inner);
            parts.retain(|part| part.strong_count() > 0);
            parts.push(Arc::downgrade(&part.shared));
        }
        // Looked at after it was entered: a request in between has missed the part, or is seen here.
        if self.is_requested() {
            part.request();
        }
        part
    }

    /// Asks to stop, and wakes everyone who sleeps until then. Asking again changes nothing.
    pub fn request(&self) {
        self.shared.request();
    }

    /// Tells whether stopping was asked. One relaxed load; may be late by as long as a store takes to be seen.
    pub fn is_requested(&self) -> bool {
        self.shared.requested.load(Ordering::Relaxed)
    }

    /// Sleeps, but not longer than until stopping is asked, and tells whether it is.
    pub fn sleep(&self, duration: Duration) -> bool {
        let until = Instant::now().checked_add(duration);
        let mut sleeping = self.shared.sleeping.lock().unwrap_or_else(PoisonError::into_inner);
        while !self.is_requested() {
            // Too far in the future to be told: as good as never.
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
    fn a_request_ends_a_sleep_that_would_last_for_ever() {
        let stop = Stop::new();
        let sleeper = std::thread::spawn({
            let stop = stop.clone();
            move || stop.sleep(Duration::MAX)
        });
        stop.request();
        assert!(sleeper.join().expect("the sleeper does not panic"));
        assert!(stop.sleep(Duration::MAX), "asked once, asked for ever");
    }

    #[test]
    fn without_a_request_a_sleep_ends_by_itself() {
        let stop = Stop::new();
        assert!(!stop.sleep(Duration::from_millis(1)));
        assert!(!stop.is_requested());
    }
}
