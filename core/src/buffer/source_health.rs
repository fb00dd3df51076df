//! The health of a source, as its feeder publishes it to every process that has the buffer mapped.

use std::fmt;
use std::time::Duration;

use super::handle::CaptureBuffer;
use super::shared::Shared;
use super::source_claim::SourceClaim;
use crate::clock::duration_to_ns;
use crate::domain::SourceRecord;
use crate::error::Result;
use crate::memory::{HEALTH_REASON_BYTES, copy};
use crate::sync::Ordering;

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

    fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|state| *state as u32 == number)
    }
}

impl fmt::Display for SourceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The health of a source, as its feeder published it last.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SourceHealth {
    /// Its state.
    pub state: SourceState,
    /// The time the state began, in ns of UTC.
    pub since_utc_ns: i64,
    /// Number of times it was opened again after it had run.
    pub restarts: u64,
    /// The reason, without credentials; empty if nothing is wrong.
    pub reason: String,
}

impl SourceClaim {
    /// Publishes the health of the source to every process of the domain: also before the source
    /// has a `buffer`, see [`Registry::sources`](crate::Registry::sources).
    ///
    /// A reason is cut to 200 bytes, and must hold no credentials. Locks, and makes system calls in
    /// a domain: not for the audio thread.
    ///
    /// # Errors
    /// [`Error::Forked`](crate::Error::Forked) in a child of the process that took the claim;
    /// [`Error::System`](crate::Error::System) if the state can't be stored.
    pub fn publish(&self, buffer: Option<&CaptureBuffer>, health: &SourceHealth) -> Result<()> {
        self.check_process()?;
        let health = SourceHealth { reason: cut(&health.reason).to_owned(), ..health.clone() };
        if let Some(buffer) = buffer {
            store(buffer, &health)?;
        }
        self.publish_by_source(&health)
    }
}

/// Stores a health in the header of a buffer, where it stays when the claim is dropped.
fn store(buffer: &CaptureBuffer, health: &SourceHealth) -> Result<()> {
    let shared = &buffer.shared;
    shared.check_writable()?;
    let line = &shared.region.header().health;
    let domain = shared.membership.as_ref().map(|membership| membership.domain());
    let liveness = domain.map(|domain| domain.liveness()).transpose()?.map_or(0, |liveness| liveness.number());
    // SYNC none: for display, stored by the holder of the claim. A reader in between may see a mix
    // of two.
    line.liveness.store(liveness, Ordering::Relaxed);
    copy::copy_in(&line.reason, 0, health.reason.as_bytes());
    line.reason_bytes.store(health.reason.len() as u32, Ordering::Relaxed);
    line.since_utc_ns.store(health.since_utc_ns, Ordering::Relaxed);
    line.restarts.store(health.restarts, Ordering::Relaxed);
    line.state.store(health.state as u32, Ordering::Relaxed);
    Ok(())
}

impl SourceHealth {
    /// Creates a value to publish.
    pub fn new(state: SourceState, since_utc_ns: i64, restarts: u64, reason: impl Into<String>) -> Self {
        Self { state, since_utc_ns, restarts, reason: reason.into() }
    }

    /// The health that a living recorder published last. `None` for a state unknown here.
    pub(crate) fn of_record(record: &SourceRecord) -> Option<Self> {
        let state = SourceState::from_number(record.state)?;
        Some(Self::new(state, record.since_utc_ns, record.restarts, record.reason.clone()))
    }

    /// The health published last; if its process has died since, that it failed.
    pub(crate) fn of(shared: &Shared) -> Option<Self> {
        // A recorder that has not opened its source yet has not written into the buffer.
        let domain = shared.membership.as_ref().map(|membership| membership.domain());
        let record = domain.and_then(|domain| domain.source_record(shared.source.as_str()));
        if let Some(health) = record.as_ref().and_then(Self::of_record) {
            return Some(health);
        }
        if let Some(orphaned) = Self::orphaned(shared) {
            return Some(orphaned);
        }
        let line = &shared.region.header().health;
        // SYNC none: for display.
        let state = SourceState::from_number(line.state.load(Ordering::Relaxed))?;
        let mut reason = [0; HEALTH_REASON_BYTES];
        copy::copy_out(&line.reason, 0, &mut reason);
        let stored = reason.get(..line.reason_bytes.load(Ordering::Relaxed) as usize).unwrap_or_default();
        let reason = String::from_utf8_lossy(stored).replace(char::is_control, " ");
        let (since_utc_ns, restarts) =
            (line.since_utc_ns.load(Ordering::Relaxed), line.restarts.load(Ordering::Relaxed));
        let has_ended = matches!(state, SourceState::Stopped | SourceState::Finished | SourceState::Failed);
        let is_gone = |liveness| domain.is_some_and(|domain| !domain.is_alive(liveness));
        if !has_ended && is_gone(line.liveness.load(Ordering::Relaxed)) {
            let reason = format!("its process died while it was {state}");
            return Some(Self { state: SourceState::Failed, since_utc_ns, restarts, reason });
        }
        Some(Self { state, since_utc_ns, restarts, reason })
    }

    /// The health of a source whose recorder was killed, while its buffer stays for a grace time.
    fn orphaned(shared: &Shared) -> Option<Self> {
        let left = shared.membership.as_ref()?.orphaned_left(&shared.region)?;
        let header = shared.region.header();
        // SYNC none: for display.
        let grace = Duration::from_secs(header.grace_s.load(Ordering::Relaxed).into());
        let since_utc_ns = shared.clock.utc_ns().saturating_sub(duration_to_ns(grace.saturating_sub(left)));
        let restarts = header.health.restarts.load(Ordering::Relaxed);
        let reason = format!("orphaned ({} s left): its recorder was killed", left.as_secs());
        Some(Self::new(SourceState::Failed, since_utc_ns, restarts, reason))
    }
}

/// The longest prefix of a text that fits.
fn cut(text: &str) -> &str {
    let end = (0..=HEALTH_REASON_BYTES.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Length, Registry, SampleFormat, Spec};

    #[test]
    fn published_health_is_seen_by_every_handle_and_a_long_reason_is_cut() {
        let registry = Registry::private();
        let spec = Spec::new(Length::Frames(10), 8000, 1, SampleFormat::S16).unwrap();
        let buffer = registry.get_or_allocate("x", spec).unwrap();
        assert_eq!(buffer.status().health, None);
        let claim = registry.claim_source("x").unwrap();
        for state in SourceState::ALL {
            let published = SourceHealth::new(state, 5, 7, "because");
            claim.publish(Some(&buffer), &published).unwrap();
            assert_eq!(buffer.status().health, Some(published));
        }
        claim.publish(Some(&buffer), &SourceHealth::new(SourceState::Stalled, 5, 7, "ü".repeat(150))).unwrap();
        assert_eq!(buffer.status().health.unwrap().reason, "ü".repeat(100));
    }
}
