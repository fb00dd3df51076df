//! The memory of removed buffers, kept for the next ones of the same size.
//!
//! What is taken out of it is zeros: it is overwritten before anybody can have it, by a thread of its own. A private registry keeps
//! mappings, of which nobody has a handle any more. In a domain the files are kept, see [`crate::domain`].

use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use super::budget::Charge;
use super::mapping::Words;
use crate::clock::{Clock, duration_to_ns};
use crate::sync::process::{AtomicU64, Queue};
use crate::sync::{Ordering, PlainArc, count};

/// How a registry keeps the memory of removed buffers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PoolSettings {
    /// How many bytes, at most; zero: none.
    pub(crate) bytes: u64,
    /// For how long, at most.
    pub(crate) age: Duration,
}

impl Default for PoolSettings {
    fn default() -> Self {
        Self { bytes: 0, age: Duration::from_secs(600) }
    }
}

/// What a pool holds, and what came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "observe", derive(serde::Serialize))]
#[non_exhaustive]
pub struct PoolStats {
    /// Rings in it, in a domain those of all processes.
    pub rings: u64,
    /// The bytes that they take.
    pub bytes: u64,
    /// The bytes that they may take; 0: this registry keeps none.
    pub limit_bytes: u64,
    /// Rings that this registry took out of it to use them again.
    pub hits: u64,
    /// Rings that this registry made because nothing in it was of their size.
    pub misses: u64,
    /// Rings that this registry put into it.
    pub kept: u64,
    /// Rings that this registry gave back from it: too old, or in the way.
    pub trimmed: u64,
}

/// What is counted of a pool.
#[derive(Debug, Default)]
pub(crate) struct PoolCounts {
    pub(crate) hits: AtomicU64,
    pub(crate) misses: AtomicU64,
    pub(crate) kept: AtomicU64,
    pub(crate) trimmed: AtomicU64,
}

impl PoolCounts {
    pub(crate) fn stats(&self, limit_bytes: u64, rings: u64, bytes: u64) -> PoolStats {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (hits, misses) = (get(&self.hits), get(&self.misses));
        PoolStats { rings, bytes, limit_bytes, hits, misses, kept: get(&self.kept), trimmed: get(&self.trimmed) }
    }
}

/// The memory of a removed buffer. Nobody else has it.
pub(crate) struct Kept {
    pub(crate) words: Words,
    /// Of the registry's budget.
    pub(crate) charge: Charge,
    bytes: u64,
    since_ns: i64,
}

/// The pool of a private registry.
pub(crate) struct Pool {
    settings: PoolSettings,
    clock: PlainArc<dyn Clock>,
    /// All zeros.
    clean: Queue<Kept>,
    /// Those that are being overwritten, too.
    bytes: AtomicU64,
    rings: AtomicU64,
    pub(crate) counts: PoolCounts,
    cleaner: Mutex<Option<mpsc::Sender<Kept>>>,
}

impl Pool {
    pub(crate) fn new(settings: PoolSettings, clock: PlainArc<dyn Clock>) -> PlainArc<Self> {
        let (clean, bytes, rings, counts, cleaner) = Default::default();
        PlainArc::new(Self { settings, clock, clean, bytes, rings, counts, cleaner })
    }

    pub(crate) fn is_on(&self) -> bool {
        self.settings.bytes > 0
    }

    pub(crate) fn stats(&self) -> PoolStats {
        let (rings, bytes) = (self.rings.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed));
        self.counts.stats(self.settings.bytes, rings, bytes)
    }

    /// Takes the memory of a removed buffer in, if there is room. Overwritten elsewhere: whoever ends a handle doesn't wait for that.
    pub(crate) fn put(pool: &PlainArc<Self>, words: Words, charge: Charge) {
        let bytes = size_of_val(words.all()) as u64;
        let fits = |sum: u64| sum.checked_add(bytes).filter(|sum| *sum <= pool.settings.bytes);
        if pool.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).is_err() {
            return;
        }
        count(&pool.rings);
        count(&pool.counts.kept);
        let kept = Kept { words, charge, bytes, since_ns: pool.clock.monotonic_ns() };
        let mut cleaner = pool.cleaner.lock().unwrap_or_else(PoisonError::into_inner);
        if cleaner.is_none() {
            let (sender, receiver) = mpsc::channel::<Kept>();
            let weak = PlainArc::downgrade(pool);
            let run = move || {
                for kept in receiver {
                    clear(&kept.words);
                    let Some(pool) = weak.upgrade() else { return };
                    pool.clean.push(kept);
                    pool.expire();
                }
            };
            let started = thread::Builder::new().name("capbuf-pool".into()).spawn(run);
            *cleaner = started.ok().map(|_| sender);
        }
        let unsent = match &*cleaner {
            Some(cleaner) => cleaner.send(kept).err().map(|unsent| unsent.0),
            None => Some(kept),
        };
        if let Some(kept) = unsent {
            pool.forget(&kept);
        }
    }

    fn forget(&self, kept: &Kept) {
        self.rings.fetch_sub(1, Ordering::Relaxed);
        self.bytes.fetch_sub(kept.bytes, Ordering::Relaxed);
    }

    /// Takes so many bytes of zeros out, if there are any. Lock-free.
    pub(crate) fn take(&self, bytes: u64) -> Option<Kept> {
        self.expire();
        for _ in 0..self.clean.len() {
            let kept = self.clean.pop()?;
            if kept.bytes == bytes {
                self.forget(&kept);
                count(&self.counts.hits);
                return Some(kept);
            }
            self.clean.push(kept);
        }
        count(&self.counts.misses);
        None
    }

    /// Gives back what is too old.
    fn expire(&self) {
        let oldest_ns = self.clock.monotonic_ns().saturating_sub(duration_to_ns(self.settings.age));
        self.give_back(|kept| kept.since_ns < oldest_ns);
    }

    /// Gives everything back; tells whether there was anything.
    pub(crate) fn trim(&self) -> bool {
        self.give_back(|_| true)
    }

    fn give_back(&self, is_to_go: impl Fn(&Kept) -> bool) -> bool {
        let mut any = false;
        for _ in 0..self.clean.len() {
            let Some(kept) = self.clean.pop() else { break };
            if is_to_go(&kept) {
                self.forget(&kept);
                count(&self.counts.trimmed);
                any = true;
            } else {
                self.clean.push(kept);
            }
        }
        any
    }
}

/// Overwrites all of it with zeros.
pub(crate) fn clear(words: &Words) {
    // SYNC none: nobody else has it; who gives it on orders these stores.
    words.all().iter().for_each(|word| word.store(0, Ordering::Relaxed));
}
