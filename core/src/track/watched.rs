//! What a watch found, between its thread, those who take its events, and its registry.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::anomaly::Anomaly;

/// How many events wait to be taken; the oldest go first.
pub(crate) const WAITING: usize = 1024;

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) events: VecDeque<Anomaly>,
    pub(crate) dropped: u64,
    pub(crate) found: Vec<Anomaly>,
    pub(crate) is_over: bool,
}

/// What a watch's thread and those who take its events share.
#[derive(Debug, Default)]
pub(crate) struct Watched {
    state: Mutex<State>,
    pub(crate) changed: Condvar,
}

impl Watched {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything that was found so far.
    pub(crate) fn found(&self) -> Vec<Anomaly> {
        self.lock().found.clone()
    }
}
