//! The entry of one source: published empty, filled once.

use crate::buffer::CaptureBuffer;
use crate::error::{Error, Result};
use crate::source::Source;
use crate::sync::OnceLock;
use crate::sync::fork;

/// The entry of one source.
///
/// Holds the registry's own handle on the buffer, which goes when the last table with the slot
/// does.
pub(crate) struct Slot {
    filled: OnceLock<std::result::Result<CaptureBuffer, Box<Error>>>,
    pub(crate) source: Source,
    /// The hash of `source`, which decides shard and bucket.
    pub(crate) hash: u64,
    /// The fork generation of the process that fills it.
    generation: u32,
}

impl Slot {
    pub(crate) fn new(source: Source, hash: u64) -> Self {
        Self { filled: OnceLock::new(), source, hash, generation: fork::generation() }
    }

    /// Stores the outcome and wakes waiting callers. Called once, by the thread that published the
    /// slot.
    pub(crate) fn fill(&self, outcome: Result<CaptureBuffer>) {
        // SYNC filled (fill): releases the buffer to every caller that finds the slot filled.
        let _ = self.filled.set(outcome.map_err(Box::new));
    }

    /// The buffer, unless the slot is still empty or filling it failed.
    #[inline]
    pub(crate) fn buffer(&self) -> Option<&CaptureBuffer> {
        // SYNC filled (observe): acquires the buffer.
        self.filled.get()?.as_ref().ok()
    }

    /// Waits until the slot is filled.
    pub(crate) fn wait(&self) -> std::result::Result<&CaptureBuffer, &Error> {
        // SYNC filled (wait): acquires the buffer.
        self.filled.wait().as_ref().map_err(|error| &**error)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.filled.get().is_none()
    }

    /// True if the slot is empty and its filler is a thread of a parent process, which a fork left
    /// behind.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.generation != fork::generation() && self.is_empty()
    }

    /// A slot as a forked child sees one that its parent published.
    #[cfg(test)]
    pub(super) fn of_parent(source: &str, hash: u64) -> Self {
        let generation = fork::generation().wrapping_sub(1);
        Self { generation, ..Self::new(Source::new(source).unwrap(), hash) }
    }
}
