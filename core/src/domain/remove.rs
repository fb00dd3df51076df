//! Removes rings: on request, damaged, half removed, or abandoned.

use super::handle::Domain;
use super::lock_file::LockFile;
use super::names::{Names, is_ring};
use super::removal::{is_removed, settle};
use super::ring_file::RingFile;
use super::waiting::Waiting;
use super::{holders, orphan, removal};
use crate::error::{Error, Result};
use crate::holder::Holder;
use crate::memory::Region;

impl Domain {
    /// Removes the ring of a source: marks it, and removes its name. False if it has none.
    pub(crate) fn remove(&self, source: &str) -> Result<bool> {
        let sign = |region: &Region| {
            if !is_removed(region) {
                removal::set_remover(region, Some(&Holder::this_process()));
            }
            true
        };
        match self.remove_if(Waiting::begin(), source, sign) {
            // Removal is the remedy for a damaged ring.
            Err(Error::Corrupt { .. }) => {
                let removed = self.remove_damaged(&self.names_of(source), false)?;
                Ok(self.remove_if(Waiting::begin(), source, |_| true)? || removed)
            }
            removed => removed,
        }
    }

    /// Removes the ring in a file whose name is shown in an error: that of a damaged one, whose
    /// source can't be read, or of another layout. False if it is no ring's name, or that of a ring
    /// that can be used.
    pub(crate) fn remove_unusable(&self, file_name: &str) -> Result<bool> {
        match Names::of_file(file_name).filter(|_| is_ring(file_name)) {
            Some(names) => self.remove_damaged(&names, true),
            None => Ok(false),
        }
    }

    /// Removes the damaged files with a source's hash; their sources can't be read. With
    /// `other_layouts` also those of another layout, which another version of this library may use.
    fn remove_damaged(&self, names: &Names, other_layouts: bool) -> Result<bool> {
        let _lock = LockFile::wait_if_room(&self.folder, &names.lock())?;
        let mut removed = false;
        for name in names.rings() {
            let Some(ring) = self.lock_ring(&name)? else { continue };
            match self.map(ring.file(), &name) {
                Err(Error::Corrupt { .. }) => Region::condemn(ring.file()),
                // The flag's place is unknown.
                Err(Error::LayoutMismatch { .. }) if other_layouts => {}
                _ => continue,
            }
            removed |= ring.remove()?;
        }
        Ok(removed)
    }

    /// Removes a ring by its file, damaged or not.
    pub(super) fn remove_ring(&self, name: &str) -> Result<()> {
        let Some(names) = Names::of_file(name) else { return Ok(()) };
        let _lock = LockFile::wait_if_room(&self.folder, &names.lock())?;
        let Some(ring) = self.lock_ring(name)? else { return Ok(()) };
        match self.map(ring.file(), name) {
            Ok((region, _)) => removal::mark_removed(&region),
            Err(Error::Corrupt { .. }) => Region::condemn(ring.file()),
            // Another layout: the flag's place is unknown.
            Err(_) => {}
        }
        ring.remove().map(|_| ())
    }

    /// The ring of a source, with the lock on its file.
    fn look_locked(&self, source: &str) -> Result<Option<(RingFile, Region)>> {
        loop {
            let Some((name, ..)) = self.look(source)? else { return Ok(None) };
            let Some(ring) = self.lock_ring(&name)? else { continue };
            let (region, description) = self.map(ring.file(), &name)?;
            if description.source.as_str() == source {
                return Ok(Some((ring, region)));
            }
        }
    }

    fn remove_if(&self, waiting: Waiting, source: &str, is_to_go: impl FnOnce(&Region) -> bool) -> Result<bool> {
        if !self.may_have(source)? {
            return Ok(false);
        }
        // Waits for a process that makes the ring. Without room for the lock file none is made.
        let _lock = LockFile::wait_as(waiting, &self.folder, &self.names_of(source).lock())?;
        match self.look_locked(source)? {
            Some((ring, region)) if is_to_go(&region) => {
                removal::mark_removed(&region);
                ring.remove()
            }
            _ => Ok(false),
        }
    }

    /// Removes the name of a ring that is marked as removed: its remover died in between. Until
    /// then the name hides every other ring of its source. A pending removal does not count.
    pub(super) fn finish_removal(&self, source: &str) -> Result<bool> {
        match self.look(source)? {
            Some((_, region, _)) if removal::is_in_use(&region.header().writer) => Ok(false),
            None => Ok(false),
            Some(_) => match self.look_locked(source)? {
                Some((ring, region)) if is_removed(&region) => ring.remove(),
                Some((_ring, region)) => {
                    settle(&region);
                    Ok(false)
                }
                None => Ok(false),
            },
        }
    }

    /// Removes the ring of a source if no living process has it open and it is not to stay. Waits a
    /// second at most: it is called when a handle is dropped.
    pub(super) fn remove_abandoned(&self, source: &str) -> Result<bool> {
        self.remove_if(Waiting::of_drop(), source, |region| {
            orphan::is_while_open(region)
                && self.may_go(region, source)
                && removal::is_abandoned(region, || holders::any_alive(&self.folder, region))
        })
    }

    /// Removes an orphaned ring, which another recorder replaces by one of another shape.
    pub(crate) fn remove_orphan(&self, source: &str, id: u64) -> Result<bool> {
        self.remove_if(Waiting::begin(), source, |region| {
            // Readers stay; only a new writer keeps it.
            let has_writer = || orphan::killed(&self.folder, region).is_empty();
            let is_to_go = region.id() == id && removal::is_abandoned(region, has_writer);
            if is_to_go {
                removal::set_remover(region, Some(&Holder::this_process()));
            }
            is_to_go
        })
    }
}
