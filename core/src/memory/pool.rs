//! The memory of removed buffers, kept for later ones of the same size.
//!
//! Memory taken from the pool is zeroed: a thread of the pool overwrites it first. Only private
//! registries have one: in shared memory a new file is made faster than an old one is mapped and
//! zeroed.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::budget::Charge;
use super::mapping::Words;
use crate::clock::{Clock, duration_to_ns};
use crate::sync::process::{AtomicU64, Queue};
use crate::sync::{Ordering, OwnLock, PlainArc, count};

/// Limits of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PoolSettings {
    /// Bytes that it may hold; zero: no pool.
    pub(crate) bytes: u64,
    /// Time for which it holds memory.
    pub(crate) age: Duration,
}

impl Default for PoolSettings {
    fn default() -> Self {
        Self { bytes: 0, age: Duration::from_secs(600) }
    }
}

/// State and counts of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "observe", derive(serde::Serialize))]
#[non_exhaustive]
pub struct PoolStats {
    /// Rings in it.
    pub rings: u64,
    /// Bytes of these rings.
    pub bytes: u64,
    /// Bytes that it may hold; 0: this registry has no pool.
    pub limit_bytes: u64,
    /// Rings that this registry took from it.
    pub hits: u64,
    /// Rings that this registry allocated because the pool had none of their size.
    pub misses: u64,
    /// Rings that this registry put into it.
    pub kept: u64,
    /// Rings that this registry freed from it: too old, or displaced.
    pub trimmed: u64,
}

/// The counts of a pool.
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

/// The memory of a removed buffer, without other users.
pub(crate) struct Kept {
    pub(crate) words: Words,
    /// Its bytes in the registry's budget.
    pub(crate) charge: Charge,
    bytes: u64,
    since_ns: i64,
}

/// The pool of a private registry.
pub(crate) struct Pool {
    settings: PoolSettings,
    clock: PlainArc<dyn Clock>,
    /// Zeroed memory.
    clean: Queue<Kept>,
    /// Bytes in the pool, those being zeroed included.
    bytes: AtomicU64,
    rings: AtomicU64,
    pub(crate) counts: PoolCounts,
    cleaner: OwnLock<Option<mpsc::Sender<Kept>>>,
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

    /// Puts the memory of a removed buffer into the pool, if it has room. Zeroed on another thread:
    /// dropping a handle does not wait for it.
    pub(crate) fn put(pool: &PlainArc<Self>, words: Words, charge: Charge) {
        let bytes = size_of_val(words.all()) as u64;
        let fits = |sum: u64| sum.checked_add(bytes).filter(|sum| *sum <= pool.settings.bytes);
        if pool.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).is_err() {
            return;
        }
        count(&pool.rings);
        count(&pool.counts.kept);
        let kept = Kept { words, charge, bytes, since_ns: pool.clock.monotonic_ns() };
        let Some(mut cleaner) = pool.cleaner.lock() else { return };
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

    /// Takes `bytes` zero bytes out, if there are any. Lock-free.
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

    /// Frees memory that is too old.
    fn expire(&self) {
        let oldest_ns = self.clock.monotonic_ns().saturating_sub(duration_to_ns(self.settings.age));
        self.give_back(|kept| kept.since_ns < oldest_ns);
    }

    /// Frees all memory; true if there was any.
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

impl Drop for Pool {
    fn drop(&mut self) {
        if self.cleaner.is_inherited() {
            // The fork may have come in the middle of a change.
            std::mem::forget(std::mem::take(&mut self.clean));
        }
    }
}

/// Overwrites all words with zeros.
fn clear(words: &Words) {
    // SYNC none: no other thread has them; handing them on orders these stores.
    words.all().iter().for_each(|word| word.store(0, Ordering::Relaxed));
}
