//! The findings of a watch, shared by its thread, its event readers and its registry.

use std::collections::VecDeque;
use std::sync::{Condvar, MutexGuard};

use super::anomaly::Anomaly;
use crate::sync::OwnLock;

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
    state: OwnLock<State>,
    pub(crate) changed: Condvar,
}

impl Watched {
    /// `None` in a child of the process that watches.
    pub(crate) fn lock(&self) -> Option<MutexGuard<'_, State>> {
        self.state.lock()
    }

    /// True in a child of the process that watches.
    pub(crate) fn is_inherited(&self) -> bool {
        self.state.is_inherited()
    }

    /// All anomalies found so far.
    pub(crate) fn found(&self) -> Vec<Anomaly> {
        self.lock().map(|state| state.found.clone()).unwrap_or_default()
    }
}
