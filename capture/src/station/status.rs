//! The status of a source of a station.

use std::fmt;

use capbuf::{CaptureBuffer, SourceState};

use crate::state::{State, Transition};

/// The status of a source of a station, at one moment.
#[derive(Clone)]
#[non_exhaustive]
pub struct SourceStatus {
    /// The name of its buffer.
    pub name: String,
    /// Its state.
    pub state: State,
    /// The number of times it was opened again after it had run.
    pub restarts: u64,
    /// Its last changes of state, the oldest first.
    pub history: Vec<Transition>,
    /// Its buffer, once the source has been opened the first time.
    pub buffer: Option<CaptureBuffer>,
}

impl fmt::Debug for SourceStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceStatus")
            .field("name", &capbuf::redact(&self.name))
            .field("state", &self.state)
            .field("restarts", &self.restarts)
            .field("history", &self.history)
            .field("buffer", &self.buffer)
            .finish()
    }
}

impl SourceStatus {
    /// Returns whether the source feeds its buffer.
    pub fn is_running(&self) -> bool {
        self.state.kind() == SourceState::Running
    }
}
