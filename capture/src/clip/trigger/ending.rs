//! The end of a trigger, requested in one of two ways.

use crate::stop::Stop;

/// Requests the end of a trigger. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Ending {
    /// No more firings; the pending clip waits for its audio.
    finish: Stop,
    /// Nothing is waited for. Requests `finish`, too.
    at_once: Stop,
}

impl Ending {
    pub(super) fn new() -> Self {
        let at_once = Stop::new();
        Self { finish: at_once.part(), at_once }
    }

    /// Returns the request to end after the pending clip; requested with [`Ending::at_once`], too.
    pub(super) fn finish(&self) -> &Stop {
        &self.finish
    }

    /// Returns the request to end without waiting for audio.
    pub(super) fn at_once(&self) -> &Stop {
        &self.at_once
    }
}
