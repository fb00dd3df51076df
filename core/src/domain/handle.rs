//! An open domain: its folder, this process's liveness lock, and the liveness of others.

use super::folder::Folder;
use super::liveness::{self, LivenessLock};
use super::name_key::NameKey;
use super::names::Names;
use crate::error::Result;
use crate::holder::Holder;
use crate::sync::process::AtomicU64;
use crate::sync::{Arc, ArcSwap, Ordering, PlainArc};

/// Shortest time between two checks of the same files.
pub(crate) const CHECK_EVERY_NS: u64 = 100_000_000;

/// The monotonic clock in steps of some milliseconds, which costs next to nothing.
pub(crate) fn coarse_ns() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::MonotonicCoarse);
    u64::try_from(now.tv_sec).unwrap_or(0).saturating_mul(1_000_000_000) + u64::try_from(now.tv_nsec).unwrap_or(0)
}

/// A domain that this process has open.
#[derive(Debug)]
pub(crate) struct Domain {
    pub(super) folder: PlainArc<Folder>,
    pub(super) liveness: ArcSwap<LivenessLock>,
    pub(super) key: NameKey,
    pub(super) hash: fn(&NameKey, &[u8]) -> u128,
    /// Seconds that a ring which this process writes stays if the process is killed.
    pub(super) grace_s: u32,
    /// Monotonic time of the last check that found it in place.
    pub(super) checked_ns: AtomicU64,
}

impl Domain {
    pub(super) fn names_of(&self, source: &str) -> Names {
        Names { hash: format!("{:032x}", (self.hash)(&self.key, source.as_bytes())) }
    }

    /// The key of the hashes that are shown instead of a source's name.
    pub(crate) fn key(&self) -> NameKey {
        self.key
    }

    pub(crate) fn path(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Free bytes of its file system; `None` if unbounded or unknown.
    #[cfg(feature = "observe")]
    pub(crate) fn room_bytes(&self) -> Option<u64> {
        self.folder.room_bytes()
    }

    /// This process's liveness lock. A forked child takes one of its own.
    ///
    /// # Errors
    /// [`Error::System`] if there is no room for one.
    pub(crate) fn liveness(&self) -> Result<Arc<LivenessLock>> {
        self.liveness_by(LivenessLock::new)
    }

    /// This process's liveness lock; `None` if there is no room for one: then it can only read.
    pub(super) fn liveness_if_room(&self) -> Result<Option<Arc<LivenessLock>>> {
        Ok(Some(self.liveness_by(LivenessLock::new_if_room)?).filter(|liveness| liveness.is_own()))
    }

    fn liveness_by(&self, make: impl Fn(&PlainArc<Folder>) -> Result<LivenessLock>) -> Result<Arc<LivenessLock>> {
        loop {
            let liveness = self.liveness.load_full();
            if liveness.is_own() {
                return Ok(liveness);
            }
            let own = Arc::new(make(&self.folder)?);
            if !own.is_own() {
                return Ok(own);
            }
            self.liveness.compare_and_swap(&liveness, own);
        }
    }

    /// Checks that the folder is in place, and puts back this process's own files in it that were
    /// taken away: its liveness lock and the key. False if the folder is lost: other processes find
    /// another one, or none.
    pub(crate) fn is_in_place(&self) -> bool {
        if self.liveness.load().is_inherited() {
            return true;
        }
        if !self.folder.is_in_place() {
            return false;
        }
        self.liveness.load().keep();
        let is_in_place = self.key.keep(&self.folder);
        if is_in_place {
            // SYNC none: threads may check at the same time.
            self.checked_ns.store(coarse_ns(), Ordering::Relaxed);
        }
        is_in_place
    }

    /// As [`Domain::is_in_place`], but trusts a check of the last tenth of a second: a thousand
    /// buffers ask at the same time.
    pub(crate) fn is_in_place_lately(&self) -> bool {
        coarse_ns() < self.checked_ns.load(Ordering::Relaxed).saturating_add(CHECK_EVERY_NS) || self.is_in_place()
    }

    /// True while the process that took a liveness lock lives.
    pub(crate) fn is_alive(&self, liveness: u64) -> bool {
        liveness::is_alive(&self.folder, liveness)
    }

    /// The process that took a liveness lock.
    pub(crate) fn holder(&self, liveness: u64) -> Option<Holder> {
        liveness::holder(&self.folder, liveness)
    }
}
