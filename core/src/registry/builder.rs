//! Settings of a registry, and the functions that create or open one.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::handle::{Inner, Registry};
use super::lookup::Map;
use crate::clock::{Clock, SystemClock};
use crate::domain::{self, OpenDomain};
use crate::error::Result;
use crate::memory::PoolSettings;
use crate::memory::{Budget, Pool};
use crate::sync::{Arc, OwnLock, Owner, PlainArc};
use crate::track::{Tracker, asked_by_environment};

impl Registry {
    /// Creates a registry private to this process, with the default settings.
    pub fn private() -> Self {
        Self::builder().build()
    }

    /// Returns a builder with the default settings.
    pub fn builder() -> RegistryBuilder {
        RegistryBuilder::default()
    }

    /// Opens, or creates, the named domain: a set of buffers shared by all processes of this user.
    ///
    /// A daemon records, a model in another process reads the same memory, a shell cuts a clip from
    /// it. A name has 1 to 64 letters, digits, `.`, `_` and `-`. Opening sweeps what dead processes
    /// left. See [`docs::domains`](crate::docs::domains).
    ///
    /// # Errors
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) if `domain` is not a valid name;
    /// [`Error::Forbidden`](crate::Error::Forbidden) if its folder belongs to another user or is
    /// open to others; [`Error::System`](crate::Error::System) if the folder can't be created or
    /// opened.
    pub fn open(domain: &str) -> Result<Self> {
        Self::builder().open(domain)
    }

    /// Opens the domain named by the environment's `CAPBUF_DOMAIN`, or `default` without one.
    ///
    /// # Errors
    /// As [`Registry::open`].
    pub fn open_default() -> Result<Self> {
        Self::builder().open_default()
    }

    pub(crate) fn with_options(options: RegistryBuilder, domain: Option<PlainArc<OpenDomain>>) -> Self {
        let is_asked = options.track_allocations.is_none() && asked_by_environment();
        let on = options.track_allocations.or(is_asked.then_some(true));
        // A registry that refuses tracking is switched by its own process only.
        let is_switched = cfg!(feature = "observe") && on != Some(false);
        let tracker =
            Tracker::new(on, is_switched, options.tracked_sources, domain.clone(), PlainArc::clone(&options.clock));
        let pool = Pool::new(options.pool, PlainArc::clone(&options.clock));
        let pool = Some(pool).filter(|pool| pool.is_on() && domain.is_none());
        let inner = Inner {
            pool,
            tracker,
            owner: Owner::this(),
            removed: OwnLock::default(),
            losses: OwnLock::default(),
            #[cfg(feature = "observe")]
            watches: OwnLock::default(),
            map: Map::new(),
            domain,
            source_claims: PlainArc::default(),
            budget: Budget::new(options.budget()),
            max_buffer_bytes: options.max_buffer_bytes,
            committer: options.commit_ahead.then(PlainArc::default),
            clock: options.clock,
        };
        let registry = Self(
            Arc::new(inner),
            #[cfg(feature = "observe")]
            None,
        );
        #[cfg(feature = "observe")]
        if is_asked {
            if registry.domain().is_none() {
                return registry.with_printed_reports();
            }
            registry.point_to_reports();
        }
        registry
    }
}

/// Settings of a registry: limits, memory, tracking and clock.
#[derive(Debug)]
pub struct RegistryBuilder {
    budget_bytes: Option<u64>,
    domains_folder: Option<PathBuf>,
    grace: Option<Duration>,
    pub(crate) pool: PoolSettings,
    pub(crate) track_allocations: Option<bool>,
    pub(crate) tracked_sources: Option<usize>,
    pub(crate) max_buffer_bytes: u64,
    pub(crate) commit_ahead: bool,
    pub(crate) clock: PlainArc<dyn Clock>,
}

impl Default for RegistryBuilder {
    fn default() -> Self {
        Self {
            budget_bytes: None,
            domains_folder: None,
            grace: None,
            pool: PoolSettings::default(),
            track_allocations: None,
            tracked_sources: None,
            max_buffer_bytes: 2 << 30,
            commit_ahead: true,
            clock: PlainArc::new(SystemClock),
        }
    }
}

impl RegistryBuilder {
    /// Sets the limit in bytes for all buffers together. Default: half of the machine's memory.
    ///
    /// In a domain it bounds the buffers that this registry allocates. All buffers of a domain are
    /// bounded by the available shared memory.
    pub fn budget_bytes(mut self, bytes: u64) -> Self {
        self.budget_bytes = Some(bytes);
        self
    }

    /// Sets the limit in bytes for one buffer, and for one segment read from it. Default: 2 GiB.
    pub fn max_buffer_bytes(mut self, bytes: u64) -> Self {
        self.max_buffer_bytes = bytes;
        self
    }

    /// Sets whether a helper thread commits the memory of new buffers in advance, so that writers
    /// meet no page faults. Default: true. Otherwise pages are committed as they are written.
    pub fn commit_ahead(mut self, commit: bool) -> Self {
        self.commit_ahead = commit;
        self
    }

    /// Sets the clock for arrival times and ages. Default: the system's.
    pub fn clock(mut self, clock: PlainArc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Sets how many bytes of removed buffers' memory to keep for new buffers of the same size.
    /// Default: 0.
    ///
    /// Pooled memory is zeroed before reuse, and never while a handle on the removed buffer exists.
    /// It counts toward the budget, and is freed when the budget runs out.
    ///
    /// Without effect in a domain, which frees a removed buffer's memory with its last handle:
    /// making a file is faster there than mapping and zeroing an old one.
    pub fn pool_bytes(mut self, bytes: u64) -> Self {
        self.pool.bytes = bytes;
        self
    }

    /// Sets how long pooled memory is kept. Default: ten minutes.
    pub fn pool_age(mut self, age: Duration) -> Self {
        self.pool.age = age;
        self
    }

    /// Sets whether attempts to allocate are recorded from the start. Default: true if the
    /// environment's `DEBUG_BUFFER_ALLOC` is `true`, `1`, `yes` or `on`, which also has the report
    /// of a private registry printed to stderr; false if it is unset, empty, `false`, `0`, `no` or
    /// `off`. Another value is reported on stderr. See [`docs::tracking`](crate::docs::tracking).
    pub fn track_allocations(mut self, track: bool) -> Self {
        self.track_allocations = Some(track);
        self
    }

    /// Sets the number of sources that the tracker has room for, rounded up to a power of two, at
    /// most 65 536. In a full tracker a new source replaces the one requested least recently.
    ///
    /// Default: 16 384 (18 MB, committed as needed); in a domain 2 048 (2.9 MB of shared memory for
    /// each process that tracks).
    pub fn tracked_sources(mut self, sources: usize) -> Self {
        self.tracked_sources = Some(sources);
        self
    }

    /// Sets the folder that contains the domains. It is created if missing, and must be accessible
    /// to this user only. Default: the environment's `CAPBUF_DIR`, or `/dev/shm/capbuf-UID` without
    /// one.
    pub fn domains_folder(mut self, folder: impl AsRef<Path>) -> Self {
        self.domains_folder = Some(folder.as_ref().to_owned());
        self
    }

    /// Sets how long a buffer of [`Lifetime::WhileOpen`](crate::Lifetime::WhileOpen) stays when
    /// this process is killed while it records it: at most seven days, rounded up to seconds. Zero:
    /// until the next sweep. Default: the environment's `CAPBUF_GRACE` in seconds, or ten minutes
    /// without one. See [`docs::domains`](crate::docs::domains).
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = Some(grace);
        self
    }

    /// Opens, or creates, the named domain with these settings: see [`Registry::open`].
    ///
    /// # Errors
    /// As [`Registry::open`]; [`Error::InvalidArgument`](crate::Error::InvalidArgument) for a grace
    /// time that is not allowed.
    pub fn open(self, domain: &str) -> Result<Registry> {
        let domain = OpenDomain::open(domain, self.domains_folder.as_deref(), domain::grace_s(self.grace)?)?;
        Ok(Registry::with_options(self, Some(PlainArc::new(domain))))
    }

    /// Opens the default domain with these settings: see [`Registry::open_default`].
    ///
    /// # Errors
    /// As [`Registry::open`].
    pub fn open_default(self) -> Result<Registry> {
        self.open(&domain::default_name())
    }

    /// Creates a private registry. Its first buffer starts the helper thread, if enabled.
    pub fn build(self) -> Registry {
        Registry::with_options(self, None)
    }

    /// Limit in bytes for all buffers.
    pub(crate) fn budget(&self) -> u64 {
        self.budget_bytes.unwrap_or_else(half_of_memory)
    }
}

fn half_of_memory() -> u64 {
    let system = rustix::system::sysinfo();
    // Not a u64 on every target.
    #[allow(clippy::unnecessary_cast)]
    let units = system.totalram as u64;
    units.saturating_mul(u64::from(system.mem_unit)) / 2
}
