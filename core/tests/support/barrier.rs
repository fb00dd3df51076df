//! A barrier that ends a test when one of its threads panics, where `std::sync::Barrier` would
//! hang.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// A reusable barrier. When a participant panics, the other participants panic at the barrier.
pub struct PanicBarrier {
    threads: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: usize,
    round: u64,
    has_panicked: bool,
}

/// A thread's part in a barrier, held while the thread may panic.
pub struct Participant<'a>(&'a PanicBarrier);

impl PanicBarrier {
    pub fn new(threads: usize) -> Self {
        Self { threads, state: Mutex::default(), changed: Condvar::new() }
    }

    /// Registers the current thread. A panic while the returned value is alive opens the barrier.
    pub fn join(&self) -> Participant<'_> {
        Participant(self)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Participant<'_> {
    /// Blocks until all threads have called this. Panics once a participant has panicked.
    pub fn wait(&self) {
        let mut state = self.0.state();
        let round = state.round;
        state.waiting += 1;
        if state.waiting == self.0.threads {
            (state.waiting, state.round) = (0, round + 1);
            self.0.changed.notify_all();
        }
        while state.round == round && !state.has_panicked {
            state = self.0.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let has_panicked = state.has_panicked;
        drop(state);
        assert!(!has_panicked, "another thread of this test panicked");
    }
}

impl Drop for Participant<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.state().has_panicked = true;
            self.0.changed.notify_all();
        }
    }
}
