//! How a registry is to be.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::handle::{Inner, Registry};
use super::lookup::published::Published;
use crate::clock::{Clock, SystemClock};
use crate::domain::{self, Domain};
use crate::error::Result;
use crate::memory::PoolSettings;
use crate::memory::{Budget, Pool};
use crate::sync::Arc;
use crate::sync::PlainArc;
use crate::track::{Tracker, asked_by_environment};
use std::sync::Mutex;

impl Registry {
    /// Makes a registry that belongs to this process alone, with the default limits.
    pub fn private() -> Self {
        Self::builder().build()
    }

    /// Begins to describe a registry.
    pub fn builder() -> RegistryBuilder {
        RegistryBuilder::default()
    }

    /// Opens a domain by its name, and makes it if there is none: the buffers that all processes of this user share which open it.
    ///
    /// A daemon records, a model in another process reads the same memory, a shell cuts a clip from it. A name has 1 to 64 letters,
    /// digits, `.`, `_` and `-`. What processes left that died is swept. See [`docs::domains`](crate::docs::domains).
    ///
    /// # Errors
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) for an invalid name;
    /// [`Error::Forbidden`](crate::Error::Forbidden) if the folder is another user's, or open to others;
    /// [`Error::System`](crate::Error::System) if it can't be made or opened.
    pub fn open(domain: &str) -> Result<Self> {
        Self::builder().open(domain)
    }

    /// Opens the domain that is meant when nothing is said: the one that `CAPBUF_DOMAIN` names, or `default`.
    ///
    /// # Errors
    /// As [`Registry::open`].
    pub fn open_default() -> Result<Self> {
        Self::builder().open_default()
    }

    pub(crate) fn with_options(options: RegistryBuilder, domain: Option<PlainArc<Domain>>) -> Self {
        let on = options.track_allocations.unwrap_or_else(asked_by_environment);
        let tracker = Tracker::new(on, options.tracked_sources, domain.clone(), PlainArc::clone(&options.clock));
        let pool = Pool::new(options.pool, PlainArc::clone(&options.clock));
        let pool = Some(pool).filter(|pool| pool.is_on() && domain.is_none());
        Self(Arc::new(Inner {
            pool,
            tracker,
            removed: Mutex::default(),
            watches: Mutex::default(),
            map: Published::new(),
            domain,
            source_claims: PlainArc::default(),
            budget: Budget::new(options.budget()),
            max_buffer_bytes: options.max_buffer_bytes,
            committer: options.commit_ahead.then(PlainArc::default),
            clock: options.clock,
        }))
    }
}

/// How a registry is to be: its limits, its clock.
#[derive(Debug)]
pub struct RegistryBuilder {
    budget_bytes: Option<u64>,
    domains_folder: Option<PathBuf>,
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
    /// How many bytes all buffers together may take: half of the machine's memory unless said otherwise. In a domain, those
    /// that this registry makes; all together are bounded by the shared memory there is.
    pub fn budget_bytes(mut self, bytes: u64) -> Self {
        self.budget_bytes = Some(bytes);
        self
    }

    /// How many bytes one buffer, or one segment read out of it, may take: 2 GiB unless said otherwise.
    pub fn max_buffer_bytes(mut self, bytes: u64) -> Self {
        self.max_buffer_bytes = bytes;
        self
    }

    /// Whether a helper thread commits new buffers' memory at once (the default), so that writers meet no page faults;
    /// otherwise memory is taken as it is written.
    pub fn commit_ahead(mut self, commit: bool) -> Self {
        self.commit_ahead = commit;
        self
    }

    /// The clock by which buffers tell arrival and age.
    pub fn clock(mut self, clock: PlainArc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// How many bytes of removed buffers' memory are kept for the next buffers of the same size: none unless said otherwise.
    ///
    /// It is overwritten with zeros before it is used again, and never while anybody has a handle on the removed buffer. It counts
    /// for the budget, and gives way where that, or shared memory, runs out. In a domain it is everybody's: whoever has a pool puts
    /// the files of the buffers that he removes into it, up to his own limit, and takes from it.
    pub fn pool_bytes(mut self, bytes: u64) -> Self {
        self.pool.bytes = bytes;
        self
    }

    /// How long it is kept: ten minutes unless said otherwise.
    pub fn pool_age(mut self, age: Duration) -> Self {
        self.pool.age = age;
        self
    }

    /// Whether attempts to allocate are recorded from the beginning: as the environment's `DEBUG_BUFFER_ALLOC` says (`true`, `1`,
    /// `yes`, `on`) unless said otherwise here. See [`Registry::enable_allocation_tracking`].
    pub fn track_allocations(mut self, track: bool) -> Self {
        self.track_allocations = Some(track);
        self
    }

    /// For how many sources the tracker has room, before those that were not asked for the longest go: rounded up to a power of
    /// two, at most 65 536. Unless said otherwise 16 384 (17 MB, taken as it is needed), in a domain 2 048 (2.6 MB of shared memory for
    /// each process that tracks).
    pub fn tracked_sources(mut self, sources: usize) -> Self {
        self.tracked_sources = Some(sources);
        self
    }

    /// The folder in which domains lie. Unless said otherwise it is `CAPBUF_DIR` or, without that, one of the user's own in shared
    /// memory, `/dev/shm/capbuf-UID`. It is made if it isn't there, and must be this user's alone.
    pub fn domains_folder(mut self, folder: impl AsRef<Path>) -> Self {
        self.domains_folder = Some(folder.as_ref().to_owned());
        self
    }

    /// Opens a domain by its name: as [`Registry::open`].
    ///
    /// # Errors
    /// As [`Registry::open`].
    pub fn open(self, domain: &str) -> Result<Registry> {
        let domain = Domain::open(domain, self.domains_folder.as_deref(), self.pool)?;
        Ok(Registry::with_options(self, Some(domain)))
    }

    /// Opens the default domain: as [`Registry::open_default`].
    ///
    /// # Errors
    /// As [`Registry::open`].
    pub fn open_default(self) -> Result<Registry> {
        self.open(&domain::default_name())
    }

    /// Makes a private registry. Its first buffer starts the helper thread, if one is wanted.
    pub fn build(self) -> Registry {
        Registry::with_options(self, None)
    }

    /// How many bytes all buffers may take.
    pub(crate) fn budget(&self) -> u64 {
        self.budget_bytes.unwrap_or_else(half_of_memory)
    }
}

fn half_of_memory() -> u64 {
    let system = rustix::system::sysinfo();
    // Not everywhere a u64.
    #[allow(clippy::unnecessary_cast)]
    let units = system.totalram as u64;
    units.saturating_mul(u64::from(system.mem_unit)) / 2
}
