//! The state of a capture, and its changes.

use std::fmt;
use std::time::Duration;

use capbuf::SourceState;

use crate::error::Error;

/// The state of a capture.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum State {
    /// The source is being opened.
    Starting,
    /// The source feeds the buffer.
    Running,
    /// The source was lost or could not be opened; it is opened again after a delay.
    BackingOff {
        /// The error.
        reason: Error,
        /// Failures since the source last ran: the number of the next attempt.
        attempts: u32,
        /// The time until the next attempt.
        left: Duration,
    },
    /// The source has ended, as a file does.
    Finished,
    /// The source failed, and is not opened again.
    Failed {
        /// The error.
        reason: Error,
    },
    /// The source was stopped.
    Stopped,
    /// The source was not started.
    Idle,
    /// The source violates a watchdog rule; it is being closed, to be opened again.
    Stalled {
        /// The violation.
        reason: Error,
    },
    /// The circuit breaker is open: the source keeps failing, and is retried at long intervals.
    CircuitOpen {
        /// The last error.
        reason: Error,
        /// Failures in a row.
        failures: u32,
        /// The time until the next attempt.
        left: Duration,
    },
}

impl State {
    /// Returns the state without its data, as other processes and languages see it.
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

    /// Returns the error, in states that have one.
    pub fn reason(&self) -> Option<&Error> {
        match self {
            Self::Stalled { reason }
            | Self::BackingOff { reason, .. }
            | Self::CircuitOpen { reason, .. }
            | Self::Failed { reason } => Some(reason),
            _ => None,
        }
    }

    /// Returns whether the state is final.
    pub fn has_ended(&self) -> bool {
        matches!(self, Self::Finished | Self::Failed { .. } | Self::Stopped)
    }

    /// Returns the field of the time until the next attempt.
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

/// A change of state.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transition {
    /// Its time, in ns of UTC.
    pub utc_ns: i64,
    /// The new state.
    pub state: SourceState,
    /// The error, in states that have one. For a running source: what is remarkable about it, as a
    /// format that changed, a rate that is corrected, or a track of zeros beside others.
    pub reason: Option<String>,
}
