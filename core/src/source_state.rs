//! The states of a supervised source.

use std::fmt;

/// The state of a supervised source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u32)]
pub enum SourceState {
    /// Known, nothing begun.
    Idle = 1,
    /// Being opened.
    Starting = 2,
    /// Audio flows.
    Running = 3,
    /// Open, but delivers nothing, or not the expected audio. It is being closed.
    Stalled = 4,
    /// Lost, or could not be opened; it will be retried soon.
    BackingOff = 5,
    /// Failed again and again; it is retried rarely.
    CircuitOpen = 6,
    /// Stopped on request.
    Stopped = 7,
    /// Ended by itself, as a file does.
    Finished = 8,
    /// Failed for good.
    Failed = 9,
}

impl SourceState {
    /// All states, in the order of their numbers.
    pub const ALL: [Self; 9] = [
        Self::Idle,
        Self::Starting,
        Self::Running,
        Self::Stalled,
        Self::BackingOff,
        Self::CircuitOpen,
        Self::Stopped,
        Self::Finished,
        Self::Failed,
    ];

    /// The name used in all languages and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Stalled => "stalled",
            Self::BackingOff => "backing off",
            Self::CircuitOpen => "circuit open",
            Self::Stopped => "stopped",
            Self::Finished => "finished",
            Self::Failed => "failed",
        }
    }

    /// True if no recorder works on the source any more.
    pub(crate) fn has_ended(self) -> bool {
        matches!(self, Self::Stopped | Self::Finished | Self::Failed)
    }

    pub(crate) fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|state| *state as u32 == number)
    }
}

impl fmt::Display for SourceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
