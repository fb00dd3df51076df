//! A domain that this process has open: its folder, this process's lock in it, and who else is alive.

use super::folder::Folder;
use super::lock_file::LockFile;
use super::names::Names;
use super::presence::{self, Presence};
use crate::error::{Error, Result};
use crate::holder::Holder;
use crate::memory::{PoolCounts, PoolSettings};
use crate::source::Source;
use crate::sync::{Arc, ArcSwap, PlainArc};

/// A domain that this process has open.
#[derive(Debug)]
pub(crate) struct Domain {
    pub(super) name: String,
    pub(super) folder: PlainArc<Folder>,
    pub(super) presence: ArcSwap<Presence>,
    pub(super) hash: fn(&[u8]) -> u128,
    pub(super) pool: PoolSettings,
    pub(super) pool_counts: PoolCounts,
}

impl Domain {
    pub(super) fn names_of(&self, source: &str) -> Names {
        Names { hash: format!("{:032x}", (self.hash)(source.as_bytes())) }
    }

    /// The name of the domain.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn path(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// What is free in the file system that it lies in; `None` where there is no bound, or none that is told.
    pub(crate) fn room_bytes(&self) -> Option<u64> {
        self.folder.room_bytes()
    }

    /// The presence of this process. A forked child gets one of its own.
    pub(crate) fn presence(&self) -> Result<Arc<Presence>> {
        loop {
            let presence = self.presence.load_full();
            if !presence.is_inherited() {
                return Ok(presence);
            }
            let own = Arc::new(Presence::new(&self.folder)?);
            self.presence.compare_and_swap(&presence, own);
        }
    }

    /// Tells whether the process of a presence lives.
    pub(crate) fn is_alive(&self, presence: u64) -> bool {
        presence::is_alive(&self.folder, presence)
    }

    /// The process of a presence.
    pub(crate) fn holder(&self, presence: u64) -> Option<Holder> {
        presence::holder(&self.folder, presence)
    }

    /// Claims to be the one who feeds a source.
    pub(crate) fn claim_source(&self, source: &Source) -> Result<LockFile> {
        let names = self.names_of(source.as_str());
        let name = names.feed();
        // Under the claim nobody sweeps it: who has it is no sweeper.
        let _claim = LockFile::wait(&self.folder, &names.claim())?;
        LockFile::try_take(&self.folder, &name)?.ok_or_else(|| {
            let holder = LockFile::holder(&self.folder, &name);
            Error::WriterBusy { source_name: source.clone(), holder }
        })
    }
}
