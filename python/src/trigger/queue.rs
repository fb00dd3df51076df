//! The queue of clips between the thread of a trigger and its Python iterator.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use capbuf_capture::{ClipInfo, Result};

/// The capacity; a full queue drops its oldest clip.
const CAPACITY: usize = 1024;

#[derive(Default)]
struct State {
    clips: VecDeque<Result<ClipInfo>>,
    dropped: u64,
    has_ended: bool,
}

/// The receiving end.
pub(super) struct ClipQueue(Arc<Mutex<State>>);

/// The sending end; dropped by the trigger's thread after its last clip.
pub(super) struct ClipSender(Arc<Mutex<State>>);

/// Creates an empty queue.
pub(super) fn clip_queue() -> (ClipSender, ClipQueue) {
    let state = Arc::<Mutex<State>>::default();
    (ClipSender(Arc::clone(&state)), ClipQueue(state))
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ClipSender {
    pub(super) fn push(&self, clip: Result<ClipInfo>) {
        let mut state = lock(&self.0);
        state.clips.push_back(clip);
        if state.clips.len() > CAPACITY {
            state.clips.pop_front();
            state.dropped += 1;
        }
    }
}

impl Drop for ClipSender {
    fn drop(&mut self) {
        lock(&self.0).has_ended = true;
    }
}

impl ClipQueue {
    /// Takes the oldest clip.
    pub(super) fn pop(&self) -> Option<Result<ClipInfo>> {
        lock(&self.0).clips.pop_front()
    }

    /// True if the sender is dropped. Clips may be left.
    pub(super) fn has_ended(&self) -> bool {
        lock(&self.0).has_ended
    }

    /// The number of clips that a full queue dropped.
    pub(super) fn dropped(&self) -> u64 {
        lock(&self.0).dropped
    }
}
