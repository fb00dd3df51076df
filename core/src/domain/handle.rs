//! An open domain: its folder, this process's liveness lock, and the liveness of others.

use super::folder::Folder;
use super::liveness::{self, LivenessLock};
use super::name_key::NameKey;
use super::names::Names;
use crate::error::Result;
use crate::holder::Holder;
use crate::memory::{PoolCounts, PoolSettings};
use crate::sync::{Arc, ArcSwap, PlainArc};

/// A domain that this process has open.
#[derive(Debug)]
pub(crate) struct Domain {
    pub(super) name: String,
    pub(super) folder: PlainArc<Folder>,
    pub(super) liveness: ArcSwap<LivenessLock>,
    pub(super) key: NameKey,
    pub(super) hash: fn(&NameKey, &[u8]) -> u128,
    pub(super) pool: PoolSettings,
    pub(super) pool_counts: PoolCounts,
}

impl Domain {
    pub(super) fn names_of(&self, source: &str) -> Names {
        Names { hash: format!("{:032x}", (self.hash)(&self.key, source.as_bytes())) }
    }

    /// The key of the hashes that are shown instead of a source's name.
    pub(crate) fn key(&self) -> NameKey {
        self.key
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.name
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
    pub(crate) fn liveness(&self) -> Result<Arc<LivenessLock>> {
        loop {
            let liveness = self.liveness.load_full();
            if !liveness.is_inherited() {
                return Ok(liveness);
            }
            let own = Arc::new(LivenessLock::new(&self.folder)?);
            self.liveness.compare_and_swap(&liveness, own);
        }
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
