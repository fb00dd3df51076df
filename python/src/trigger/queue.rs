//! The queue of clips between the thread of a trigger and its Python iterator.

use std::collections::VecDeque;
use std::sync::{Arc, MutexGuard};

use capbuf::OwnLock;
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
pub(super) struct ClipQueue(Arc<OwnLock<State>>);

/// The sending end; dropped by the trigger's thread after its last clip.
pub(super) struct ClipSender(Arc<OwnLock<State>>);

/// Creates an empty queue.
pub(super) fn clip_queue() -> (ClipSender, ClipQueue) {
    let state = Arc::<OwnLock<State>>::default();
    (ClipSender(Arc::clone(&state)), ClipQueue(state))
}

/// `None` in a forked child, which the thread of the trigger is not in.
fn lock(state: &OwnLock<State>) -> Option<MutexGuard<'_, State>> {
    state.lock()
}

impl ClipSender {
    pub(super) fn push(&self, clip: Result<ClipInfo>) {
        let Some(mut state) = lock(&self.0) else { return };
        state.clips.push_back(clip);
        if state.clips.len() > CAPACITY {
            state.clips.pop_front();
            state.dropped += 1;
        }
    }
}

impl Drop for ClipSender {
    fn drop(&mut self) {
        if let Some(mut state) = lock(&self.0) {
            state.has_ended = true;
        }
    }
}

impl ClipQueue {
    /// Takes the oldest clip.
    pub(super) fn pop(&self) -> Option<Result<ClipInfo>> {
        lock(&self.0)?.clips.pop_front()
    }

    /// True if the sender is dropped. Clips may be left.
    pub(super) fn has_ended(&self) -> bool {
        lock(&self.0).is_none_or(|state| state.has_ended)
    }

    /// The number of clips that a full queue dropped.
    pub(super) fn dropped(&self) -> u64 {
        lock(&self.0).map_or(0, |state| state.dropped)
    }
}
