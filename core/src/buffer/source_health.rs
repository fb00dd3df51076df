//! The health of a source, as its feeder publishes it to every process that has the buffer mapped.

use std::time::Duration;

use super::handle::CaptureBuffer;
use super::shared::Shared;
use super::source_claim::SourceClaim;
use crate::domain::SourceRecord;
use crate::error::Result;
use crate::memory::{HEALTH_REASON_BYTES, copy};
use crate::source_state::SourceState;
use crate::sync::Ordering;
use crate::time::Extent;

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
    ///
    /// `orphaned_left` is that of `shared`.
    pub(crate) fn of(shared: &Shared, orphaned_left: Option<Duration>) -> Option<Self> {
        // A recorder that has not opened its source yet has not written into the buffer.
        let domain = shared.membership.as_ref().map(|membership| membership.domain());
        let record = domain.and_then(|domain| domain.source_record(shared.source.as_str()));
        if let Some(health) = record.as_ref().and_then(Self::of_record) {
            return Some(health);
        }
        if orphaned_left.is_some() {
            return Some(Self::orphaned(shared));
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
        let is_gone = |liveness| domain.is_some_and(|domain| !domain.is_alive(liveness));
        if !state.has_ended() && is_gone(line.liveness.load(Ordering::Relaxed)) {
            let reason = format!("its process died while it was {state}");
            return Some(Self { state: SourceState::Failed, since_utc_ns, restarts, reason });
        }
        Some(Self { state, since_utc_ns, restarts, reason })
    }

    /// The health of a source whose recorder was killed, while its buffer stays for a grace time.
    /// It began with the recorder's last audio or state, so two looks find the same.
    fn orphaned(shared: &Shared) -> Self {
        let line = &shared.region.header().health;
        let newest_utc_ns = Extent::of(&shared.region).map_or(0, |extent| extent.newest_utc_ns());
        // SYNC none: for display.
        let since_utc_ns = line.since_utc_ns.load(Ordering::Relaxed).max(newest_utc_ns);
        let restarts = line.restarts.load(Ordering::Relaxed);
        Self::new(SourceState::Failed, since_utc_ns, restarts, "orphaned: its recorder was killed")
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
