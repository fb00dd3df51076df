//! What a capture is doing, and what it has done.

use std::fmt;
use std::time::Duration;

use capbuf::SourceState;

use crate::error::Error;

/// What a capture is doing.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum State {
    /// It is opening its source.
    Starting,
    /// Audio flows.
    Running,
    /// Backing off: the source was lost, or could not be opened; it will be opened again.
    BackingOff {
        /// Why it was lost, or could not be opened.
        reason: Error,
        /// How often it has been lost or failed to open since it last ran: the number of the next attempt.
        attempts: u32,
        /// How long is left until the next attempt.
        left: Duration,
    },
    /// The source has ended, as a file does.
    Finished,
    /// It failed for good.
    Failed {
        /// Why.
        reason: Error,
    },
    /// It was stopped.
    Stopped,
    /// Nothing was begun.
    Idle,
    /// What comes is nothing, or not what it should be; the source is being closed, to be opened again.
    Stalled {
        /// What is wrong.
        reason: Error,
    },
    /// The source has failed at once so often that it is tried now and then only.
    CircuitOpen {
        /// Why it failed last.
        reason: Error,
        /// Failures in a row.
        failures: u32,
        /// How long is left until the next attempt.
        left: Duration,
    },
}

impl State {
    /// Its name, as in reports and in other languages.
    pub fn kind(&self) -> SourceState {
        match self {
            Self::Idle => SourceState::Idle,
            Self::Starting => SourceState::Starting,
            Self::Running => SourceState::Running,
            Self::Stalled { .. } => SourceState::Stalled,
            Self::BackingOff { .. } => SourceState::BackingOff,
            Self::CircuitOpen { .. } => SourceState::CircuitOpen,
            Self::Finished => SourceState::Finished,
            Self::Failed { .. } => SourceState::Failed,
            Self::Stopped => SourceState::Stopped,
        }
    }

    /// Why it is not running, if there is a reason.
    pub fn reason(&self) -> Option<&Error> {
        match self {
            Self::Stalled { reason }
            | Self::BackingOff { reason, .. }
            | Self::CircuitOpen { reason, .. }
            | Self::Failed { reason } => Some(reason),
            _ => None,
        }
    }

    /// Tells whether it is over: it will not run again.
    pub fn has_ended(&self) -> bool {
        matches!(self, Self::Finished | Self::Failed { .. } | Self::Stopped)
    }

    /// How long is left until the next attempt, to be set.
    pub(crate) fn left_mut(&mut self) -> Option<&mut Duration> {
        match self {
            Self::BackingOff { left, .. } | Self::CircuitOpen { left, .. } => Some(left),
            _ => None,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Idle => f.write_str("idle"),
            Self::Starting => f.write_str("starting"),
            Self::Running => f.write_str("running"),
            Self::Stalled { reason } => write!(f, "stalled: {reason}"),
            Self::BackingOff { reason, attempts, left } => {
                write!(f, "lost, attempt {attempts} in {:.1} s: {reason}", left.as_secs_f64())
            }
            Self::CircuitOpen { reason, failures, left } => {
                write!(f, "failed {failures} times in a row, next attempt in {:.0} s: {reason}", left.as_secs_f64())
            }
            Self::Finished => f.write_str("finished"),
            Self::Failed { reason } => write!(f, "failed: {reason}"),
            Self::Stopped => f.write_str("stopped"),
        }
    }
}

/// A change of a capture's state.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transition {
    /// When, in ns of UTC.
    pub utc_ns: i64,
    /// The state that began.
    pub state: SourceState,
    /// Why, where something is wrong.
    pub reason: Option<String>,
}
