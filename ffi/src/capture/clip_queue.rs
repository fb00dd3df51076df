//! The queue from a trigger's thread to the threads that take its clips.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use ::capbuf_capture::{ClipInfo, Result};

/// The limit of queued clips.
const CAPACITY: usize = 1024;

/// A bounded queue of written clips and failures. The oldest is dropped when it is full.
#[derive(Default)]
pub(crate) struct ClipQueue {
    waiting: Mutex<VecDeque<Result<ClipInfo>>>,
    pushed: Condvar,
}

impl ClipQueue {
    pub(crate) fn push(&self, clip: Result<ClipInfo>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() == CAPACITY {
            waiting.pop_front();
        }
        waiting.push_back(clip);
        self.pushed.notify_one();
    }

    /// Returns the oldest clip, and waits for one up to `timeout`.
    pub(crate) fn next(&self, timeout: Duration) -> Option<Result<ClipInfo>> {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.pushed.wait_timeout_while(waiting, timeout, |waiting| waiting.is_empty());
        waited.unwrap_or_else(PoisonError::into_inner).0.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn failed(number: usize) -> Result<ClipInfo> {
        Err(::capbuf_capture::Error::Config { source_name: number.to_string(), reason: "planted".to_owned() })
    }

    #[test]
    fn empty_queue_returns_nothing() {
        assert!(ClipQueue::default().next(Duration::ZERO).is_none());
    }

    #[test]
    fn full_queue_drops_the_oldest_clip() {
        let queue = ClipQueue::default();
        (0..CAPACITY + 2).for_each(|number| queue.push(failed(number)));
        assert_eq!(queue.next(Duration::ZERO), Some(failed(2)));
        assert_eq!(std::iter::from_fn(|| queue.next(Duration::ZERO)).count(), CAPACITY - 1);
    }

    #[test]
    fn pushed_clip_wakes_a_waiting_thread() {
        let queue = Arc::new(ClipQueue::default());
        let trigger = Arc::clone(&queue);
        let pushing = std::thread::spawn(move || trigger.push(failed(1)));
        assert_eq!(queue.next(Duration::MAX), Some(failed(1)));
        pushing.join().expect("the pushing thread does not panic");
    }
}
