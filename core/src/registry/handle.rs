//! The allocator: one buffer for each source, made exactly once, found without waiting.

use std::fmt;
use std::path::Path;
use std::sync::Mutex;

use super::lookup::published::Published;
use super::lookup::slot::Held;
use crate::buffer::{CaptureBuffer, Committer, Shared, SourceClaim, SourceClaims};
use crate::clock::Clock;
use crate::domain::{Domain, Swept};
use crate::error::{Error, Result};
use crate::lifetime::AllocateOptions;
use crate::memory::{Budget, Pool, PoolStats, RegistryStats};
use crate::spec::Spec;
use crate::sync::{Arc, PlainArc, Weak, count};
use crate::track::{Outcome, Tracker, Watched};

/// The allocator of capture buffers: from a source to the one buffer it has.
///
/// Cloning it gives another handle on the same registry. All methods may be called from any thread at the same time:
///
/// - Finding a buffer waits for nobody: [`Registry::with`] and [`Registry::contains`] take no lock, allocate nothing and
///   touch no shared counter (a thread's first call sets its cache up). [`Registry::get`] adds one to the handle count.
/// - Allocating is a compare-and-set: an empty slot is published, who published it makes the ring, everyone else who asks
///   for that source waits for that one ring, and nobody for anything else. Exactly one ring is made.
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
pub struct Registry(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) map: Published,
    /// `None` in a private registry.
    pub(super) domain: Option<PlainArc<Domain>>,
    pub(super) source_claims: PlainArc<SourceClaims>,
    pub(super) budget: PlainArc<Budget>,
    pub(super) max_buffer_bytes: u64,
    pub(super) committer: Option<PlainArc<Committer>>,
    pub(super) clock: PlainArc<dyn Clock>,
    pub(super) tracker: PlainArc<Tracker>,
    /// In a private registry that keeps the memory of removed buffers.
    pub(super) pool: Option<PlainArc<Pool>>,
    /// Those that were removed from here and that somebody holds.
    pub(super) removed: Mutex<Vec<Weak<Shared>>>,
    pub(super) watches: Mutex<Vec<PlainArc<Watched>>>,
}

impl Registry {
    /// The most bytes that one buffer may have.
    pub fn max_buffer_bytes(&self) -> u64 {
        self.0.max_buffer_bytes
    }

    /// The clock that its buffers tell time by.
    pub fn clock(&self) -> &PlainArc<dyn Clock> {
        &self.0.clock
    }

    /// The name of the domain; `None` for a private registry.
    pub fn domain(&self) -> Option<&str> {
        self.0.domain.as_ref().map(|domain| domain.name())
    }

    /// The folder of the domain; `None` for a private registry.
    pub fn path(&self) -> Option<&Path> {
        self.0.domain.as_ref().map(|domain| domain.path())
    }

    /// Makes the buffer of a source that has none, in no process of the domain.
    ///
    /// Allocates; waits only while somebody else is just making this source's buffer.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`] if the source has a buffer (the buffer stays as it is); otherwise as
    /// [`Registry::get_or_allocate`].
    #[track_caller]
    pub fn allocate(&self, source: &str, spec: Spec) -> Result<CaptureBuffer> {
        self.allocate_with(source, spec, &AllocateOptions::new())
    }

    /// Makes the buffer of a source that has none, as the options say: [`Registry::allocate`].
    ///
    /// # Errors
    /// As [`Registry::allocate`].
    #[track_caller]
    pub fn allocate_with(&self, source: &str, spec: Spec, options: &AllocateOptions) -> Result<CaptureBuffer> {
        let begun = self.0.tracker.begin();
        let allocated = self.find_or_make(source, spec, options).and_then(|(buffer, outcome)| {
            if outcome.is_allocation() {
                return Ok((buffer, outcome));
            }
            Err(Error::AlreadyExists { source_name: buffer.source().clone(), existing: *buffer.spec() })
        });
        self.tracked(begun, source, allocated)
    }

    /// Finds the buffer of a source, or makes it if there is none, exactly once however many ask, in however many processes.
    ///
    /// A hit costs a lookup and a handle. A miss allocates; others who ask for the same source wait for it.
    ///
    /// # Errors
    /// [`Error::SpecMismatch`] if the source has a buffer of another shape, which stays as it is; [`Error::InvalidSource`];
    /// [`Error::OverBudget`], [`Error::OutOfMemory`] and [`Error::OutOfSpace`], given to everyone who waited, after which the
    /// source has no buffer and can be asked for again. In a domain also [`Error::System`], [`Error::Forbidden`],
    /// [`Error::LayoutMismatch`], [`Error::Corrupt`] and [`Error::TooManyProcesses`].
    #[inline]
    #[track_caller]
    pub fn get_or_allocate(&self, source: &str, spec: Spec) -> Result<CaptureBuffer> {
        self.get_or_allocate_with(source, spec, &AllocateOptions::new())
    }

    /// Finds the buffer of a source, or makes it as the options say: [`Registry::get_or_allocate`].
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
        let found = self.find_or_make(source, spec, options).and_then(|(buffer, outcome)| {
            if *buffer.spec() == spec {
                return Ok((buffer, outcome));
            }
            Err(Error::SpecMismatch { source_name: buffer.source().clone(), existing: *buffer.spec(), requested: spec })
        });
        self.tracked(begun, source, found)
    }

    /// Runs `use_buffer` with the buffer of a source, if it has one.
    ///
    /// Waits for nobody, allocates nothing, touches no shared counter. A buffer that is just being made counts as not
    /// there. While `use_buffer` runs the memory stays, also if the source is removed: then the last to use it lets it go, with a lock
    /// and system calls. In a domain a source that this registry
    /// has not met is looked for in the domain's folder (system calls), and mapped if it is there.
    #[inline]
    pub fn with<R>(&self, source: &str, use_buffer: impl FnOnce(&CaptureBuffer) -> R) -> Option<R> {
        let is_within = match self.0.map.hold(source) {
            Held::InPlace(held) => {
                if let Some(buffer) = held.buffer()
                    && self.still_has(buffer)
                {
                    return Some(use_buffer(buffer));
                }
                false
            }
            Held::Within => true,
            Held::Nothing => false,
        };
        self.count_or_find(source, is_within).as_ref().map(use_buffer)
    }

    /// A handle on the buffer of a source that is not used in place: this thread uses another one so or is ending, or it is not there.
    #[cold]
    #[inline(never)]
    fn count_or_find(&self, source: &str, is_within: bool) -> Option<CaptureBuffer> {
        let counted = is_within.then(|| self.0.map.get(source)).flatten();
        counted.filter(|buffer| self.still_has(buffer)).or_else(|| self.find_elsewhere(source))
    }

    /// A handle on the buffer of a source, if it has one. Like [`Registry::with`], and adds one to the handle count.
    #[inline]
    #[track_caller]
    pub fn get(&self, source: &str) -> Option<CaptureBuffer> {
        let begun = self.0.tracker.begin();
        let mut buffer = self.0.map.get(source).filter(|buffer| self.still_has(buffer));
        buffer = buffer.or_else(|| self.find_elsewhere(source));
        if let (Some(begun), Some(buffer)) = (begun, &mut buffer) {
            buffer.taken = self.0.tracker.hold(&begun, source, buffer.id());
        }
        buffer
    }

    /// Tells whether a source has a buffer, at the cost of [`Registry::with`].
    pub fn contains(&self, source: &str) -> bool {
        self.with(source, |_| ()).is_some()
    }

    /// Takes the buffer of a source out of the registry, for all processes of its domain.
    ///
    /// Handles stay valid and go on reading; its writer gets [`Error::Removed`]; waiting reads end. The memory goes back
    /// when the last handle ends. A buffer that is just being made is waited for and then removed. One that is damaged, and that
    /// nobody can map any more, is removed all the same. Allocates.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the source has no buffer; in a domain also [`Error::System`].
    #[track_caller]
    pub fn remove(&self, source: &str) -> Result<()> {
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

    /// Takes away what processes of the domain left that died; in a private registry there is nothing to sweep.
    ///
    /// Opening a domain does this, too, if it finds a dead process. Looks at every buffer of the domain.
    ///
    /// # Errors
    /// [`Error::System`] where the folder can't be listed or changed.
    pub fn sweep(&self) -> Result<Swept> {
        self.0.domain.as_ref().map_or_else(|| Ok(Swept::default()), |domain| domain.sweep())
    }

    /// Claims to be the one who feeds a source, from before it is opened and has a buffer.
    ///
    /// For who opens devices and streams: a second one is told so before it connects to a camera that takes one connection. It has
    /// nothing to do with the buffer's writer, which is taken when there is a buffer. Takes a lock, allocates.
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
        SourceClaim::claim(source, &self.0.source_claims, self.0.domain.as_deref())
    }

    /// Handles on all buffers, by the order of their sources' names. A snapshot; allocates. In a domain all are mapped by this;
    /// files that are no buffers are left out.
    pub fn buffers(&self) -> Vec<CaptureBuffer> {
        if let Some(domain) = &self.0.domain {
            // What can't be listed has no buffers to show.
            let sources = domain.sources().unwrap_or_default();
            return sources.iter().filter_map(|source| self.get(source.as_str())).collect();
        }
        let mut buffers = self.0.map.handles();
        buffers.sort_by(|one, other| one.source().cmp(other.source()));
        buffers
    }

    /// What is kept of removed buffers' memory, see
    /// [`RegistryBuilder::pool_bytes`](crate::RegistryBuilder::pool_bytes).
    pub fn pool_stats(&self) -> PoolStats {
        match (&self.0.pool, &self.0.domain) {
            (Some(pool), _) => pool.stats(),
            (None, Some(domain)) => domain.pool_stats(),
            (None, None) => PoolStats::default(),
        }
    }

    /// Gives back what is kept of removed buffers' memory; in a domain, whoever kept it. What is just being overwritten stays.
    ///
    /// # Errors
    /// [`Error::System`] where a domain's folder can't be listed or changed.
    pub fn trim_pool(&self) -> Result<()> {
        if let Some(pool) = &self.0.pool {
            pool.trim();
        }
        self.0.domain.as_ref().map_or(Ok(()), |domain| domain.trim_to(0).map(|_| ()))
    }

    /// What was mapped and what of it is alive, handles of removed buffers included.
    pub fn stats(&self) -> RegistryStats {
        self.0.budget.stats()
    }

    /// The buffers in the map, of a private registry all there are.
    pub(crate) fn mapped_buffers(&self) -> Vec<CaptureBuffer> {
        self.0.map.handles()
    }

    pub(crate) fn domain_itself(&self) -> Option<&PlainArc<Domain>> {
        self.0.domain.as_ref()
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("stats", &self.stats()).finish_non_exhaustive()
    }
}
