//! An open domain: its folder, this process's liveness lock, and the liveness of others.

use super::folder::Folder;
use super::liveness::{self, LivenessLock};
use super::name_key::NameKey;
use super::names::Names;
use crate::error::Result;
use crate::holder::Holder;
use crate::sync::{Arc, ArcSwap, PlainArc};

/// A domain that this process has open.
#[derive(Debug)]
pub(crate) struct Domain {
    pub(super) name: String,
    pub(super) folder: PlainArc<Folder>,
    pub(super) liveness: ArcSwap<LivenessLock>,
    pub(super) key: NameKey,
    pub(super) hash: fn(&NameKey, &[u8]) -> u128,
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

    /// True while the process that took a liveness lock lives.
    pub(crate) fn is_alive(&self, liveness: u64) -> bool {
        liveness::is_alive(&self.folder, liveness)
    }

    /// The process that took a liveness lock.
    pub(crate) fn holder(&self, liveness: u64) -> Option<Holder> {
        liveness::holder(&self.folder, liveness)
    }
}
