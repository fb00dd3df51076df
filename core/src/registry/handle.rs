//! The allocator: one buffer for each source, made exactly once, found without blocking.

use std::fmt;
use std::path::Path;

#[cfg(feature = "observe")]
use super::ending::Ending;
use super::lookup::Map;
use super::lost::Loss;
use crate::buffer::{CaptureBuffer, Committer, Shared, SourceClaim, SourceClaims};
use crate::clock::Clock;
use crate::domain::{KEPT_LOGS, OpenDomain, Swept};
use crate::error::{Error, Result};
use crate::lifetime::AllocateOptions;
use crate::memory::{Budget, Pool, PoolStats, RegistryStats};
use crate::spec::Spec;
use crate::sync::{Arc, OwnLock, Owner, PlainArc, Weak, count};
#[cfg(feature = "observe")]
use crate::track::Watched;
use crate::track::{Outcome, Tracker, sum_up_ended};

/// The allocator of capture buffers: maps each source to its one buffer.
///
/// A clone is another handle on the same registry. Any thread may call any method concurrently:
///
/// - Finding a buffer never blocks: [`Registry::with`] and [`Registry::contains`] take no lock,
///   allocate nothing after a thread's first call, and touch no shared counter.
///   [`Registry::get`] adds one to the handle count.
/// - Allocating publishes an empty slot by compare-and-set. The thread that published it makes the
///   ring. Other callers for the same source wait for that ring, and for nothing else. Exactly one
///   ring is made.
///
/// In a forked child it finds and reads; every other method that can fail returns
/// [`Error::Forked`]. See [`docs::domains`](crate::docs::domains#forks).
///
/// ```
/// use capbuf::{Length, Registry, SampleFormat, Spec};
///
/// let registry = Registry::private();
/// let spec = Spec::new(Length::Seconds(60.0), 48_000, 1, SampleFormat::S16)?;
/// let first = registry.get_or_allocate("rtsp://camera/1", spec)?;
/// let again = registry.get_or_allocate("rtsp://camera/1", spec)?;
/// assert!(first.same_as(&again));
/// assert_eq!(registry.stats().rings_mapped, 1);
/// assert!(registry.allocate("rtsp://camera/1", spec).is_err());
/// # Ok::<(), capbuf::Error>(())
/// ```
#[derive(Clone)]
pub struct Registry(
    pub(super) Arc<Inner>,
    /// The last action, if there is one.
    #[cfg(feature = "observe")]
    pub(super) Option<PlainArc<Ending>>,
);

pub(super) struct Inner {
    /// The process that made it: a child may only read.
    pub(super) owner: Owner,
    pub(super) map: Map,
    /// `None` in a private registry.
    pub(super) domain: Option<PlainArc<OpenDomain>>,
    pub(super) source_claims: PlainArc<SourceClaims>,
    pub(super) budget: PlainArc<Budget>,
    pub(super) max_buffer_bytes: u64,
    pub(super) committer: Option<PlainArc<Committer>>,
    pub(super) clock: PlainArc<dyn Clock>,
    pub(super) tracker: PlainArc<Tracker>,
    /// Set in a private registry that keeps the memory of removed buffers.
    pub(super) pool: Option<PlainArc<Pool>>,
    /// Buffers removed from this registry; a live reference is one still held.
    pub(super) removed: OwnLock<Vec<Weak<Shared>>>,
    pub(super) losses: OwnLock<Vec<Loss>>,
    #[cfg(feature = "observe")]
    pub(super) watches: OwnLock<Vec<PlainArc<Watched>>>,
}

impl Registry {
    /// Returns the limit in bytes for one buffer.
    pub fn max_buffer_bytes(&self) -> u64 {
        self.0.max_buffer_bytes
    }

    /// Returns the clock for arrival times and ages.
    pub fn clock(&self) -> &PlainArc<dyn Clock> {
        &self.0.clock
    }

    /// Returns the name of the domain; `None` for a private registry.
    pub fn domain(&self) -> Option<&str> {
        self.0.domain.as_ref().map(|domain| domain.name())
    }

    /// Returns the folder of the domain; `None` for a private registry.
    pub fn path(&self) -> Option<&Path> {
        self.0.domain.as_ref().map(|domain| domain.path())
    }

    /// Makes the buffer of a source; fails if it has one, in any process of the domain.
    ///
    /// Allocates; blocks only while another caller makes the buffer of this source.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`] if the source has a buffer, which stays unchanged; otherwise as
    /// [`Registry::get_or_allocate`].
    #[track_caller]
    pub fn allocate(&self, source: &str, spec: Spec) -> Result<CaptureBuffer> {
        self.allocate_with(source, spec, &AllocateOptions::new())
    }

    /// Makes the buffer of a source with `options`: see [`Registry::allocate`].
    ///
    /// # Errors
    /// As [`Registry::allocate`].
    #[track_caller]
    pub fn allocate_with(&self, source: &str, spec: Spec, options: &AllocateOptions) -> Result<CaptureBuffer> {
        self.check_process()?;
        let begun = self.0.tracker.begin();
        let allocated = self.find_or_make(source, spec, options).and_then(|(buffer, outcome)| {
            if outcome.is_allocation() {
                return Ok((buffer, outcome));
            }
            Err(Error::AlreadyExists { source_name: buffer.source().clone(), existing: *buffer.spec() })
        });
        self.tracked(begun, source, allocated)
    }

    /// Finds the buffer of a source, or makes it: exactly once for all concurrent callers, in all
    /// processes of the domain.
    ///
    /// A hit costs a lookup and a handle. A miss allocates; other callers for the same source wait
    /// for it.
    ///
    /// # Errors
    /// [`Error::SpecMismatch`] if the source has a buffer with another spec, which stays unchanged.
    /// It is replaced only if its recorder was killed and this process has claimed the source: see
    /// [`RegistryBuilder::grace`](super::RegistryBuilder::grace).
    ///
    /// Also [`Error::InvalidSource`]; [`Error::OverBudget`], [`Error::OutOfMemory`] and
    /// [`Error::OutOfSpace`], returned to all waiting callers, after which the source has no buffer
    /// and can be allocated again. In a domain also [`Error::System`], [`Error::Forbidden`],
    /// [`Error::LayoutMismatch`] and [`Error::Corrupt`].
    #[inline]
    #[track_caller]
    pub fn get_or_allocate(&self, source: &str, spec: Spec) -> Result<CaptureBuffer> {
        self.get_or_allocate_with(source, spec, &AllocateOptions::new())
    }

    /// Finds the buffer of a source, or makes it with `options`: see [`Registry::get_or_allocate`].
    ///
    /// # Errors
    /// As [`Registry::get_or_allocate`].
    #[track_caller]
    pub fn get_or_allocate_with(&self, source: &str, spec: Spec, options: &AllocateOptions) -> Result<CaptureBuffer> {
        let begun = self.0.tracker.begin();
        if begun.is_none()
            && let Some(buffer) = self.hit(source, |buffer| *buffer.spec() == spec)
        {
            return Ok(buffer);
        }
        let found = self.find_or_make(source, spec, options);
        let found = found.and_then(|(other, outcome)| {
            let is_replaced = *other.spec() != spec && self.remove_orphan(&other)?;
            if is_replaced { self.find_or_make(source, spec, options) } else { Ok((other, outcome)) }
        });
        let found = found.and_then(|(buffer, outcome)| {
            if *buffer.spec() == spec {
                return Ok((buffer, outcome));
            }
            Err(Error::SpecMismatch { source_name: buffer.source().clone(), existing: *buffer.spec(), requested: spec })
        });
        self.tracked(begun, source, found)
    }

    /// Returns a handle on the buffer of a source if the map holds one with this spec: the hit of
    /// [`Registry::get_or_allocate`], counted and tracked as such.
    ///
    /// Never blocks and never allocates a buffer. A miss is not recorded: the caller continues with
    /// `get_or_allocate`. For bindings, which run only the miss on a thread of its own.
    #[doc(hidden)]
    #[track_caller]
    pub fn get_allocated(&self, source: &str, spec: Spec) -> Option<CaptureBuffer> {
        let buffer = self.hit(source, |buffer| *buffer.spec() == spec)?;
        let begun = self.0.tracker.begin();
        self.tracked(begun, source, Ok((buffer, Outcome::AlreadyThere))).ok()
    }

    /// Runs `use_buffer` with the buffer of a source, if it has one.
    ///
    /// Lock-free: one arc-swap load, one hash, one compare; no allocation after a thread's first
    /// call, no contended counter. A buffer that is being allocated counts as absent. In a domain a
    /// source missing in the map is looked up in the domain's folder (system calls), and mapped if
    /// found there.
    ///
    /// While `use_buffer` runs, a guard keeps the shard of `source` (one of 128) alive, and with it
    /// the memory of all buffers in that shard, removed ones included. A helper thread frees that
    /// memory shortly after the last guard ends: keep `use_buffer` short, or get a handle with
    /// [`Registry::get`].
    #[inline]
    pub fn with<R>(&self, source: &str, use_buffer: impl FnOnce(&CaptureBuffer) -> R) -> Option<R> {
        let loaded = self.0.map.load(source);
        if let Some(buffer) = loaded.buffer(source)
            && self.still_has(buffer)
        {
            return Some(use_buffer(buffer));
        }
        drop(loaded);
        self.find_elsewhere(source).ok()?.as_ref().map(use_buffer)
    }

    /// Returns a handle on the buffer of a source, if it has one. Costs [`Registry::with`] and an
    /// increment of the handle count.
    ///
    /// `None` also if the buffer can't be opened: [`Registry::try_get`] says why.
    #[inline]
    #[track_caller]
    pub fn get(&self, source: &str) -> Option<CaptureBuffer> {
        self.try_get(source).ok().flatten()
    }

    /// Returns a handle on the buffer of a source, `None` if it has none: as [`Registry::get`], but
    /// an error if a buffer can't be looked up or opened.
    ///
    /// # Errors
    /// In a domain [`Error::System`] if its folder can't be looked at, [`Error::Forbidden`],
    /// [`Error::LayoutMismatch`] and [`Error::Corrupt`].
    #[inline]
    #[track_caller]
    pub fn try_get(&self, source: &str) -> Result<Option<CaptureBuffer>> {
        let begun = self.0.tracker.begin();
        let loaded = self.0.map.load(source);
        // Under the guard: a handle on a removed buffer could be the last one, and unmap it.
        let found = loaded.buffer(source).filter(|buffer| self.still_has(buffer)).cloned();
        drop(loaded);
        let mut buffer = match found {
            Some(found) => Some(found),
            None => self.find_elsewhere(source)?,
        };
        if let (Some(begun), Some(buffer)) = (begun, &mut buffer) {
            buffer.taken = self.0.tracker.hold(&begun, source, buffer.id());
        }
        Ok(buffer)
    }

    /// Returns true if looking up a source opens a file of the domain, which may wait for another
    /// process that is removing it. For bindings, which then use another thread for the lookup.
    #[doc(hidden)]
    pub fn lookup_may_wait(&self, source: &str) -> bool {
        let loaded = self.0.map.load(source);
        let is_mapped = loaded.buffer(source).is_some_and(|buffer| self.still_has(buffer));
        drop(loaded);
        let has_file =
            || self.checked_domain().ok().flatten().is_some_and(|domain| domain.may_have(source) == Ok(true));
        !is_mapped && has_file()
    }

    /// Returns true if a source has a buffer, at the cost of [`Registry::with`]. False also if that
    /// can't be looked up.
    pub fn contains(&self, source: &str) -> bool {
        self.try_contains(source).unwrap_or(false)
    }

    /// Returns true if a source has a buffer, at the cost of [`Registry::with`].
    ///
    /// # Errors
    /// As [`Registry::try_get`].
    pub fn try_contains(&self, source: &str) -> Result<bool> {
        let loaded = self.0.map.load(source);
        if loaded.buffer(source).is_some_and(|buffer| self.still_has(buffer)) {
            return Ok(true);
        }
        drop(loaded);
        Ok(self.find_elsewhere(source)?.is_some())
    }

    /// Removes the buffer of a source from the registry, for all processes of its domain.
    ///
    /// Existing handles can still read; the writer gets [`Error::Removed`]; waiting reads end. The
    /// memory is freed with the last handle. Waits for a buffer that is being made, then removes
    /// it. Also removes a damaged buffer that can't be mapped. Allocates.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the source has no buffer; in a domain also [`Error::System`].
    #[track_caller]
    pub fn remove(&self, source: &str) -> Result<()> {
        self.check_process()?;
        let begun = self.0.tracker.begin();
        let removed = self.take_out(source);
        if removed.is_ok() {
            count(&self.0.tracker.counts.removed);
        }
        if let Some(begun) = begun
            && let Ok(id) = removed
        {
            self.0.tracker.end(&begun, source, Outcome::Removed, id.unwrap_or_default());
        }
        removed.map(|_| ())
    }

    /// Removes what dead processes left in the domain; does nothing in a private registry.
    ///
    /// Opening a domain does this too, if it finds a dead process. Visits every buffer of the
    /// domain. Files that can't be used stay: see [`Registry::unusable_files`].
    ///
    /// # Errors
    /// [`Error::System`] if the folder can't be listed or changed; what can be swept is.
    pub fn sweep(&self) -> Result<Swept> {
        self.check_process()?;
        let Some(domain) = self.checked_domain()? else { return Ok(Swept::default()) };
        let swept = domain.sweep()?;
        // What fails is tried again by the next sweep.
        let _ = sum_up_ended(&domain, KEPT_LOGS);
        Ok(swept)
    }

    /// Returns an error for each file in the domain's folder that can't be used: a damaged buffer,
    /// a file of another user or mode, one that this library did not make. Such files stop nothing
    /// else. [`Registry::remove`] removes a damaged buffer.
    ///
    /// # Errors
    /// [`Error::System`] if the folder can't be listed.
    pub fn unusable_files(&self) -> Result<Vec<Error>> {
        self.checked_domain()?.map_or_else(|| Ok(Vec::new()), |domain| domain.unusable())
    }

    /// Removes a buffer that is damaged, or of another layout, by the name of its file: the name of
    /// its source can't be read. False if there is none in such a file.
    #[doc(hidden)]
    pub fn remove_unusable(&self, file_name: &str) -> Result<bool> {
        self.checked_domain()?.map_or(Ok(false), |domain| domain.remove_unusable(file_name))
    }

    /// Claims the exclusive right to open a source, before it has a buffer.
    ///
    /// For programs that open devices and streams: the second one gets an error before it connects
    /// to a camera that accepts one connection. Independent of the writer's lease, acquired when
    /// the buffer exists. Takes a lock, allocates.
    ///
    /// # Errors
    /// [`Error::WriterBusy`] while another claim on the source is held; [`Error::InvalidSource`].
    ///
    /// ```
    /// let registry = capbuf::Registry::private();
    /// let claim = registry.claim_source("rtsp://camera/1")?;
    /// assert!(registry.claim_source("rtsp://camera/1").is_err());
    /// drop(claim);
    /// registry.claim_source("rtsp://camera/1")?;
    /// # Ok::<(), capbuf::Error>(())
    /// ```
    pub fn claim_source(&self, source: &str) -> Result<SourceClaim> {
        self.check_process()?;
        SourceClaim::claim(source, &self.0.source_claims, self.checked_domain()?.as_ref())
    }

    /// Returns handles on all buffers, ordered by source name. Allocates. Buffers that are
    /// allocated or removed meanwhile may be included or not. In a domain it maps all buffers, and
    /// skips files that are not buffers.
    ///
    /// Empty also if the domain can't be listed: [`Registry::try_buffers`] says why.
    pub fn buffers(&self) -> Vec<CaptureBuffer> {
        self.try_buffers().unwrap_or_default()
    }

    /// Returns handles on all buffers, as [`Registry::buffers`].
    ///
    /// # Errors
    /// In a domain [`Error::System`] if its folder or a file in it can't be looked at.
    pub fn try_buffers(&self) -> Result<Vec<CaptureBuffer>> {
        let Some(domain) = self.checked_domain()? else {
            let mut buffers = self.0.map.handles();
            buffers.sort_by(|one, other| one.source().cmp(other.source()));
            return Ok(buffers);
        };
        let mut buffers = Vec::new();
        for source in domain.sources()? {
            match self.try_get(source.as_str()) {
                Ok(found) => buffers.extend(found),
                Err(error @ Error::System { .. }) => return Err(error),
                // This one can't be used; the others can.
                Err(_) => {}
            }
        }
        Ok(buffers)
    }

    /// Returns the state of the pool of removed buffers' memory, see
    /// [`RegistryBuilder::pool_bytes`](crate::RegistryBuilder::pool_bytes).
    pub fn pool_stats(&self) -> PoolStats {
        self.0.pool.as_ref().map(|pool| pool.stats()).unwrap_or_default()
    }

    /// Frees the pool of removed buffers' memory. Memory that is being zeroed stays.
    ///
    /// # Errors
    /// None; earlier versions had a pool in domains.
    pub fn trim_pool(&self) -> Result<()> {
        self.check_process()?;
        if let Some(pool) = &self.0.pool {
            pool.trim();
        }
        Ok(())
    }

    /// Returns the numbers of rings mapped and unmapped, and the bytes in use, including removed
    /// buffers that are still held.
    pub fn stats(&self) -> RegistryStats {
        self.0.budget.stats()
    }

    /// Fails in a child of the process that made the registry, which may only read with it.
    ///
    /// # Errors
    /// [`Error::Forked`].
    #[doc(hidden)]
    pub fn check_process(&self) -> Result<()> {
        if !self.0.owner.is_parent() {
            return Ok(());
        }
        let what =
            self.domain().map_or("the private registry".to_owned(), |name| format!("the registry of domain {name}"));
        Err(Error::Forked { what })
    }

    /// Frees replaced shards of the map, as the helper thread does.
    #[cfg(all(test, loom))]
    pub(crate) fn free_retired(&self) {
        self.0.map.retired().free_unused();
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("stats", &self.stats()).finish_non_exhaustive()
    }
}
