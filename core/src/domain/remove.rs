//! Removes rings: on request, damaged, half removed, or abandoned.

use super::handle::Domain;
use super::lock_file::LockFile;
use super::removal::{is_removed, settle};
use super::{holders, removal};
use crate::error::{Error, Result};
use crate::lifetime::Lifetime;
use crate::memory::Region;
use crate::sync::Ordering;

impl Domain {
    /// Removes the ring of a source: marks it, and removes its name. False if it has none.
    pub(crate) fn remove(&self, source: &str) -> Result<bool> {
        match self.remove_if(source, |_| true) {
            // Removal is the remedy for a damaged ring.
            Err(Error::Corrupt { .. }) => {
                let removed = self.remove_damaged(source)?;
                Ok(self.remove_if(source, |_| true)? || removed)
            }
            removed => removed,
        }
    }

    /// Removes the damaged files with a source's hash. Their sources can't be read.
    fn remove_damaged(&self, source: &str) -> Result<bool> {
        let names = self.names_of(source);
        let _lock = LockFile::wait(&self.folder, &names.lock())?;
        let mut removed = false;
        for name in names.rings() {
            if let Some(file) = self.folder.open(&name)?
                && let Err(Error::Corrupt { .. }) = self.map(&file, &name)
            {
                Region::condemn(&file);
                removed |= self.folder.remove_file(&name)?;
            }
        }
        Ok(removed)
    }

    fn remove_if(&self, source: &str, is_to_go: impl FnOnce(&Region) -> bool) -> Result<bool> {
        if !self.may_have(source)? {
            return Ok(false);
        }
        let names = self.names_of(source);
        let _lock = LockFile::wait(&self.folder, &names.lock())?;
        match self.look(source)? {
            Some((name, region, _)) if is_to_go(&region) => {
                removal::mark_removed(&region);
                self.retire(&name, region.layout().region_bytes)
            }
            _ => Ok(false),
        }
    }

    /// Removes the name of a ring that is marked as removed, under the lock file: its remover died
    /// in between. Until then the name hides every other ring of its source. A pending removal does
    /// not count.
    pub(super) fn finish_removal(&self, source: &str) -> Result<bool> {
        match self.look(source)? {
            Some((name, region, _)) if is_removed(&region) => self.folder.remove_file(&name),
            Some((_, region, _)) => {
                settle(&region);
                Ok(false)
            }
            _ => Ok(false),
        }
    }

    /// Removes the ring of a source if no living process has it open and it is not to stay.
    pub(super) fn remove_abandoned(&self, source: &str) -> Result<bool> {
        self.remove_if(source, |region| {
            if region.header().lifetime.load(Ordering::Relaxed) != Lifetime::WhileOpen as u32 {
                return false;
            }
            removal::is_abandoned(region, || holders::any_alive(&self.folder, region))
        })
    }
}
