//! The lock on a ring's own file: only its holder takes away the ring's name.
//!
//! A file that has its name under the lock keeps it until the holder removes it: another file gets
//! a ring's name only where there is none. So a ring can be removed where there is no room for a
//! lock file, and no remover takes away the name of a newer ring.

use std::fs::File;

use rustix::fs::FlockOperation;
use rustix::io::Errno;

use super::folder::Folder;
use super::handle::Domain;
use super::lock_file::lock;
use super::waiting::Waiting;
use crate::error::Result;
use crate::memory::is_read_only;
use crate::sync::PlainArc;
use crate::sync::descriptors::Descriptor;

/// The locked file of a ring.
pub(super) struct RingFile {
    folder: PlainArc<Folder>,
    name: String,
    file: Descriptor,
}

impl Domain {
    /// Locks the file of a ring; `None` if there is none. Waits while another process removes it.
    pub(super) fn lock_ring(&self, name: &str) -> Result<Option<RingFile>> {
        loop {
            let opened = Descriptor::unshared_if_there(|| self.folder.open(name))?;
            let Some(kept) = opened else { return Ok(None) };
            let file = kept.file();
            if is_read_only(file) {
                return Err(self.folder.failed("removing", name, Errno::ROFS));
            }
            Waiting::begin().lock(&self.folder, name, file)?;
            let is_named = self.folder.is_named(file, name)?;
            let ring = RingFile { folder: PlainArc::clone(&self.folder), name: name.to_owned(), file: kept };
            if is_named {
                return Ok(Some(ring));
            }
        }
    }
}

impl RingFile {
    pub(super) fn file(&self) -> &File {
        self.file.file()
    }

    /// Removes the ring's name; false if another program was faster.
    pub(super) fn remove(self) -> Result<bool> {
        self.folder.remove_file(&self.name)
    }
}

impl Drop for RingFile {
    fn drop(&mut self) {
        // At once, also for a child that inherited the file.
        if self.file.is_own() {
            let _ = lock(self.file.file(), FlockOperation::Unlock);
        }
    }
}
