//! The result of a reconfiguration.

use std::fmt;

/// The changes of a reconfiguration, by the names of sources, each list sorted.
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Changes {
    /// Not touched: no frame of them is lost.
    pub unchanged: Vec<String>,
    /// Started.
    pub started: Vec<String>,
    /// Restarted, because their locator or supervision changed. The buffer stays, with a gap of
    /// reason [`GapReason::Reconfigured`](capbuf::GapReason::Reconfigured).
    pub restarted: Vec<String>,
    /// Restarted in a buffer of another length, with as much of the old audio as fits, and a gap as
    /// above. The source is closed because its writer is bound to the buffer.
    pub resized: Vec<String>,
    /// Restarted in a new buffer without the old audio, because the format changed.
    pub reformatted: Vec<String>,
    /// Stopped.
    pub stopped: Vec<String>,
}

impl fmt::Debug for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |names: &[String]| names.iter().map(|name| capbuf::redact(name)).collect::<Vec<_>>();
        f.debug_struct("Changes")
            .field("unchanged", &shown(&self.unchanged))
            .field("started", &shown(&self.started))
            .field("restarted", &shown(&self.restarted))
            .field("resized", &shown(&self.resized))
            .field("reformatted", &shown(&self.reformatted))
            .field("stopped", &shown(&self.stopped))
            .finish()
    }
}

impl Changes {
    /// Returns whether nothing was changed.
    pub fn is_empty(&self) -> bool {
        let Self { started, restarted, resized, reformatted, stopped, .. } = self;
        [started, restarted, resized, reformatted, stopped].iter().all(|names| names.is_empty())
    }
}
