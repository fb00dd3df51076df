//! The exclusive right to feed a source, held from before the source is opened.
//!
//! A buffer's writer exists only once there is a buffer, and a buffer only once the source has
//! reported its format. Two processes that open one camera must meet before that. The claim also
//! carries the state of a source that has no buffer yet.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::MutexGuard;

use super::source_health::SourceHealth;
use crate::domain::{Domain, DomainClaim};
use crate::error::{Error, Result};
use crate::source::Source;
use crate::sync::{OwnLock, Owner, PlainArc};

/// The claims on the sources of one private registry.
#[derive(Default)]
pub(crate) struct SourceClaims(OwnLock<Claims>);

#[derive(Default)]
struct Claims {
    /// Number of the last claim.
    last: u64,
    sources: BTreeMap<Source, Entry>,
}

/// A source that is claimed, or has a published state.
struct Entry {
    claim: u64,
    is_claimed: bool,
    health: Option<SourceHealth>,
}

/// The exclusive right to feed a source. Released when dropped or, in a domain, when its process
/// dies.
pub struct SourceClaim {
    source: Source,
    owner: Owner,
    claim: Claim,
}

enum Claim {
    InProcess(InProcess),
    InDomain(DomainClaim),
}

struct InProcess {
    claims: PlainArc<SourceClaims>,
    source: Source,
    number: u64,
}

impl SourceClaim {
    pub(crate) fn claim(
        source: &str,
        claims: &PlainArc<SourceClaims>,
        domain: Option<&PlainArc<Domain>>,
    ) -> Result<Self> {
        let source = Source::new(source)?;
        let claim = match domain {
            Some(domain) => Claim::InDomain(domain.claim_source(&source)?),
            None => Claim::InProcess(InProcess::claim(&source, claims)?),
        };
        Ok(Self { source, owner: Owner::this(), claim })
    }

    /// Checks that the claim is still held, and takes it again if its file was taken away. Call it
    /// about once a second: files in shared memory can be removed by others at any time.
    ///
    /// Some system calls. Does nothing in a private registry.
    ///
    /// # Errors
    /// [`Error::WriterBusy`] if another process has the claim now; [`Error::Removed`] if the folder
    /// of the domain was taken away: claim the source again then.
    pub fn check(&self) -> Result<()> {
        match &self.claim {
            Claim::InDomain(claim) => claim.check(),
            Claim::InProcess(_) => Ok(()),
        }
    }

    /// Lets others claim the source, as dropping does. The state published last stays visible until
    /// this value is dropped, or another claim is taken: so a source that failed for good is still
    /// listed. Takes locks.
    pub fn release(&self) {
        match &self.claim {
            Claim::InDomain(claim) => claim.release(),
            Claim::InProcess(claim) => claim.with_entry(|entry| entry.is_claimed = false),
        }
    }

    /// Takes back what was published where sources without a buffer are looked up.
    ///
    /// # Errors
    /// As [`SourceClaim::publish`].
    #[doc(hidden)]
    pub fn withdraw(&self) -> Result<()> {
        self.check_process()?;
        match &self.claim {
            Claim::InDomain(claim) => claim.withdraw(),
            Claim::InProcess(claim) => {
                claim.with_entry(|entry| entry.health = None);
                Ok(())
            }
        }
    }

    /// Fails in a child of the process that took the claim.
    pub(super) fn check_process(&self) -> Result<()> {
        if self.owner.is_parent() { Err(Error::forked("claim", &self.source)) } else { Ok(()) }
    }

    /// Stores a health where sources without a buffer are looked up.
    pub(super) fn publish_by_source(&self, health: &SourceHealth) -> Result<()> {
        match &self.claim {
            Claim::InDomain(claim) => {
                let SourceHealth { state, since_utc_ns, restarts, reason } = health;
                claim.publish(*state as u32, *since_utc_ns, *restarts, reason)
            }
            Claim::InProcess(claim) => {
                claim.with_entry(|entry| {
                    if entry.is_claimed {
                        entry.health = Some(health.clone());
                    }
                });
                Ok(())
            }
        }
    }
}

impl SourceClaims {
    /// `None` in a child of the process of the registry.
    fn lock(&self) -> Option<MutexGuard<'_, Claims>> {
        self.0.lock()
    }

    /// The sources with a published state, by name.
    pub(crate) fn published(&self) -> Vec<(Source, SourceHealth)> {
        let Some(claims) = self.lock() else { return Vec::new() };
        claims.sources.iter().filter_map(|(source, entry)| Some((source.clone(), entry.health.clone()?))).collect()
    }
}

impl InProcess {
    fn claim(source: &Source, claims: &PlainArc<SourceClaims>) -> Result<Self> {
        let mut locked = claims.lock().ok_or_else(|| Error::forked("claim", source))?;
        if locked.sources.get(source).is_some_and(|entry| entry.is_claimed) {
            return Err(Error::WriterBusy { source_name: source.clone(), holder: None });
        }
        locked.last += 1;
        let number = locked.last;
        locked.sources.insert(source.clone(), Entry { claim: number, is_claimed: true, health: None });
        drop(locked);
        Ok(Self { claims: PlainArc::clone(claims), source: source.clone(), number })
    }

    /// Calls `change` unless the source was claimed again.
    fn with_entry(&self, change: impl FnOnce(&mut Entry)) {
        let Some(mut claims) = self.claims.lock() else { return };
        if let Some(entry) = claims.sources.get_mut(&self.source).filter(|entry| entry.claim == self.number) {
            change(entry);
        }
    }
}

impl Drop for InProcess {
    fn drop(&mut self) {
        let Some(mut claims) = self.claims.lock() else { return };
        if claims.sources.get(&self.source).is_some_and(|entry| entry.claim == self.number) {
            claims.sources.remove(&self.source);
        }
    }
}

impl fmt::Debug for SourceClaim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SourceClaim").field(&self.source).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Registry, SourceState};

    fn registries() -> (tempfile::TempDir, [Registry; 2]) {
        let folder = tempfile::tempdir().unwrap();
        let shared = Registry::builder().domains_folder(folder.path()).open("birds").unwrap();
        (folder, [Registry::private(), shared])
    }

    fn listed(registry: &Registry) -> Vec<(String, SourceState, String)> {
        let sources = registry.sources().unwrap().into_iter();
        sources
            .filter_map(|info| {
                let health = info.health?;
                Some((info.source.as_str().to_owned(), health.state, health.reason))
            })
            .collect()
    }

    fn health(state: SourceState, reason: &str) -> SourceHealth {
        SourceHealth::new(state, 5, 0, reason)
    }

    #[test]
    fn source_without_buffer_is_listed_while_its_claim_or_its_last_state_is_held() {
        let (_folder, registries) = registries();
        for registry in registries {
            let claim = registry.claim_source("rtsp://me:sesame@cam/1").unwrap();
            assert!(registry.sources().unwrap().is_empty(), "nothing is published yet");
            for (state, reason) in [(SourceState::Starting, ""), (SourceState::Failed, "no such camera")] {
                claim.publish(None, &health(state, reason)).unwrap();
                assert_eq!(listed(&registry), [("rtsp://me:sesame@cam/1".to_owned(), state, reason.to_owned())]);
            }
            assert!(registry.sources().unwrap()[0].buffer.is_none());
            assert!(registry.claim_source("rtsp://me:sesame@cam/1").is_err());
            claim.withdraw().unwrap();
            assert!(registry.sources().unwrap().is_empty());
            assert!(registry.claim_source("rtsp://me:sesame@cam/1").is_err(), "still claimed");
            claim.publish(None, &health(SourceState::Failed, "no such camera")).unwrap();
            claim.release();
            claim.publish(None, &health(SourceState::Running, "")).unwrap();
            assert_eq!(listed(&registry)[0].1, SourceState::Failed, "a released claim publishes nothing");
            // A sweep takes nothing away from a living process.
            registry.sweep().unwrap();
            assert_eq!(listed(&registry).len(), 1);
            drop(claim);
            assert!(registry.sources().unwrap().is_empty());
        }
    }

    #[test]
    fn released_claim_leaves_the_state_of_the_next_one() {
        let (_folder, registries) = registries();
        for registry in registries {
            let failed = registry.claim_source("x").unwrap();
            failed.publish(None, &health(SourceState::Failed, "gone")).unwrap();
            failed.release();
            let next = registry.claim_source("x").unwrap();
            assert!(registry.sources().unwrap().is_empty(), "a new claim begins without a state");
            next.publish(None, &health(SourceState::Starting, "")).unwrap();
            drop(failed);
            assert_eq!(listed(&registry), [("x".to_owned(), SourceState::Starting, String::new())]);
            assert!(registry.claim_source("x").is_err(), "still claimed");
        }
    }
}
