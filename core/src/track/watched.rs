//! The findings of a watch, shared by its thread, its event readers and its registry.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::anomaly::Anomaly;

/// Events that wait to be read; the oldest are dropped first.
pub(crate) const WAITING: usize = 1024;

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) events: VecDeque<Anomaly>,
    pub(crate) dropped: u64,
    pub(crate) found: Vec<Anomaly>,
    pub(crate) is_over: bool,
}

/// The state that a watch's thread and its event readers share.
#[derive(Debug, Default)]
pub(crate) struct Watched {
    state: Mutex<State>,
    pub(crate) changed: Condvar,
}

impl Watched {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All anomalies found so far.
    pub(crate) fn found(&self) -> Vec<Anomaly> {
        self.lock().found.clone()
    }
}
