//! The lock on a ring's own file: only its holder takes away the ring's name.
//!
//! A file that has its name under the lock keeps it until the holder removes it: another file gets
//! a ring's name only where there is none. So a ring can be removed where there is no room for a
//! lock file, and no remover takes away the name of a newer ring.

use std::fs::File;
use std::os::fd::AsFd as _;

use rustix::fs::FlockOperation;
use rustix::io::Errno;

use super::folder::Folder;
use super::handle::Domain;
use super::lock_file::lock;
use crate::error::Result;
use crate::memory::is_read_only;
use crate::sync::{PlainArc, fork};

/// The locked file of a ring.
pub(super) struct RingFile {
    folder: PlainArc<Folder>,
    name: String,
    /// Before the file, as it must be dropped first.
    _held: fork::Held,
    pub(super) file: File,
}

impl Domain {
    /// Locks the file of a ring; `None` if there is none. Waits while another process removes it.
    pub(super) fn lock_ring(&self, name: &str) -> Result<Option<RingFile>> {
        loop {
            let Some(file) = self.folder.open(name)? else { return Ok(None) };
            if is_read_only(&file) {
                return Err(self.folder.failed("removing", name, Errno::ROFS));
            }
            let held = fork::Held::new(file.as_fd());
            lock(&file, FlockOperation::LockExclusive).map_err(|error| self.folder.failed("locking", name, error))?;
            let is_named = self.folder.is_named(&file, name)?;
            let ring = RingFile { folder: PlainArc::clone(&self.folder), name: name.to_owned(), _held: held, file };
            if is_named {
                return Ok(Some(ring));
            }
        }
    }
}

impl RingFile {
    /// Removes the ring's name; false if another program was faster.
    pub(super) fn remove(self) -> Result<bool> {
        self.folder.remove_file(&self.name)
    }
}

impl Drop for RingFile {
    fn drop(&mut self) {
        // A forked child may still have the file open.
        let _ = lock(&self.file, FlockOperation::Unlock);
    }
}
