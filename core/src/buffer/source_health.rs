//! How the one who feeds a buffer is doing, as he tells it to everyone who has it mapped.

use std::fmt;

use super::handle::CaptureBuffer;
use super::shared::Shared;
use super::source_claim::SourceClaim;
use crate::error::Result;
use crate::memory::{HEALTH_REASON_BYTES, copy};
use crate::sync::Ordering;

/// What a supervised source is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u32)]
pub enum SourceState {
    /// It is known, and nothing was begun.
    Idle = 1,
    /// It is being opened.
    Starting = 2,
    /// Audio flows.
    Running = 3,
    /// It is open, and what comes is nothing, or not what it should be. It is being closed.
    Stalled = 4,
    /// It was lost, or could not be opened; it will be tried again soon.
    BackingOff = 5,
    /// It has failed again and again; it is tried now and then only.
    CircuitOpen = 6,
    /// It was asked to stop, and did.
    Stopped = 7,
    /// It has ended by itself, as a file does.
    Finished = 8,
    /// It failed for good.
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

    fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|state| *state as u32 == number)
    }
}

impl fmt::Display for SourceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How a source is doing, as its feeder told last.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SourceHealth {
    /// What it is doing.
    pub state: SourceState,
    /// Since when, in ns of UTC.
    pub since_utc_ns: i64,
    /// How often it was opened again after it had run.
    pub restarts: u64,
    /// Why, in words, without credentials; empty where nothing is wrong.
    pub reason: String,
}

impl SourceClaim {
    /// Tells everyone who has the buffer mapped, in every process, how its source is doing.
    ///
    /// A reason is cut to 200 bytes, and must hold no credentials. Some stores; makes a system call in a domain. Not for the audio
    /// thread.
    ///
    /// # Errors
    /// [`Error::System`](crate::Error::System) if this process, a forked child, can't take a liveness lock of its own.
    pub fn tell(&self, buffer: &CaptureBuffer, status: &SourceHealth) -> Result<()> {
        let shared = &buffer.shared;
        let line = &shared.region.header().health;
        let domain = shared.membership.as_ref().map(|membership| membership.domain());
        let liveness = domain.map(|domain| domain.liveness()).transpose()?.map_or(0, |liveness| liveness.number());
        let reason = cut(&status.reason);
        // SYNC none: told for display, by the one who holds the claim. Who looks in between may see parts of two.
        line.liveness.store(liveness, Ordering::Relaxed);
        copy::copy_in(&line.reason, 0, reason.as_bytes());
        line.reason_bytes.store(reason.len() as u32, Ordering::Relaxed);
        line.since_utc_ns.store(status.since_utc_ns, Ordering::Relaxed);
        line.restarts.store(status.restarts, Ordering::Relaxed);
        line.state.store(status.state as u32, Ordering::Relaxed);
        Ok(())
    }
}

impl SourceHealth {
    /// Makes what is to be told.
    pub fn new(state: SourceState, since_utc_ns: i64, restarts: u64, reason: impl Into<String>) -> Self {
        Self { state, since_utc_ns, restarts, reason: reason.into() }
    }

    /// What was told last, if anything: of a process that has died since, that it did.
    pub(crate) fn of(shared: &Shared) -> Option<Self> {
        let line = &shared.region.header().health;
        // SYNC none: told for display.
        let state = SourceState::from_number(line.state.load(Ordering::Relaxed))?;
        let mut reason = [0; HEALTH_REASON_BYTES];
        copy::copy_out(&line.reason, 0, &mut reason);
        let told = reason.get(..line.reason_bytes.load(Ordering::Relaxed) as usize).unwrap_or_default();
        let reason = String::from_utf8_lossy(told).replace(char::is_control, " ");
        let (since_utc_ns, restarts) =
            (line.since_utc_ns.load(Ordering::Relaxed), line.restarts.load(Ordering::Relaxed));
        let has_ended = matches!(state, SourceState::Stopped | SourceState::Finished | SourceState::Failed);
        let domain = shared.membership.as_ref().map(|membership| membership.domain());
        let is_gone = |liveness| domain.is_some_and(|domain| !domain.is_alive(liveness));
        if !has_ended && is_gone(line.liveness.load(Ordering::Relaxed)) {
            let reason = format!("its process ended without a word while it was {state}");
            return Some(Self { state: SourceState::Failed, since_utc_ns, restarts, reason });
        }
        Some(Self { state, since_utc_ns, restarts, reason })
    }
}

/// The beginning of a text that there is room for.
fn cut(text: &str) -> &str {
    let end = (0..=HEALTH_REASON_BYTES.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Length, Registry, SampleFormat, Spec};

    #[test]
    fn what_is_told_is_seen_by_everyone_and_cut_where_it_is_too_long() {
        let registry = Registry::private();
        let spec = Spec::new(Length::Frames(10), 8000, 1, SampleFormat::S16).unwrap();
        let buffer = registry.get_or_allocate("x", spec).unwrap();
        assert_eq!(buffer.status().health, None);
        let claim = registry.claim_source("x").unwrap();
        for state in SourceState::ALL {
            let told = SourceHealth::new(state, 5, 7, "because");
            claim.tell(&buffer, &told).unwrap();
            assert_eq!(buffer.status().health, Some(told));
        }
        claim.tell(&buffer, &SourceHealth::new(SourceState::Stalled, 5, 7, "ü".repeat(150))).unwrap();
        assert_eq!(buffer.status().health.unwrap().reason, "ü".repeat(100));
    }
}
