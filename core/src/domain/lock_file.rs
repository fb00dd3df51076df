//! A lock file: the kernel drops its lock with the holder's process, however that ends.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::time::Instant;

use rustix::fs::{FlockOperation, flock};
use rustix::io::{Errno, retry_on_intr};

use super::folder::Folder;
use super::presence::Identity;
use super::waiting::{LOGGED_AFTER, Waiting};
use crate::error::Result;
use crate::holder::Holder;
use crate::memory::largest_file_bytes;
use crate::sync::PlainArc;
use crate::sync::descriptors::Descriptor;

/// A lock that this process holds. Dropping it removes the file.
///
/// Only the holder of the lock removes the file. So a process that got the lock and still finds the
/// file is the only holder; one that finds it gone begins anew.
#[derive(Debug)]
pub(crate) struct LockFile {
    folder: PlainArc<Folder>,
    name: String,
    file: Descriptor,
    identity: Option<Identity>,
    /// True if dropping leaves the file.
    keeps_file: bool,
}

/// Offset of the record in a lock file: behind the holder's number and name.
const RECORD_OFFSET: u64 = 1024;
impl LockFile {
    /// Takes a lock; waits up to ten seconds while another process holds it. A wait of more than a
    /// second is logged, with the holder.
    ///
    /// # Errors
    /// [`Error::System`] with the holder, which may be frozen.
    pub(super) fn wait(folder: &PlainArc<Folder>, name: &str) -> Result<Self> {
        let mut waiting = Waiting::begin();
        loop {
            if let Some(lock) = Self::try_take(folder, name)? {
                return Ok(lock);
            }
            waiting.pause(folder, name, None)?;
        }
    }

    /// Takes a lock, as [`LockFile::wait`]; `None` if there is no room for its file.
    pub(super) fn wait_if_room(folder: &PlainArc<Folder>, name: &str) -> Result<Option<Self>> {
        Self::wait_as(Waiting::begin(), folder, name)
    }

    /// Takes a lock within a wait; `None` if there is no room for its file.
    pub(super) fn wait_as(mut waiting: Waiting, folder: &PlainArc<Folder>, name: &str) -> Result<Option<Self>> {
        loop {
            let opened = Descriptor::unshared_if_there(|| folder.open_or_create_if_room(name))?;
            let Some(file) = opened else { return Ok(None) };
            match lock(file.file(), FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {
                    if let Some(lock) = Self::hold(folder, name, file) {
                        return Ok(Some(lock));
                    }
                }
                Err(Errno::WOULDBLOCK) => {
                    drop(file);
                    waiting.pause(folder, name, None)?;
                }
                Err(error) => return Err(folder.failed("locking", name, error)),
            }
        }
    }

    /// Takes a lock; `None` if another process holds it.
    pub(super) fn try_take(folder: &PlainArc<Folder>, name: &str) -> Result<Option<Self>> {
        let begun = Instant::now();
        loop {
            let file = Self::open(folder, name)?;
            match lock(file.file(), FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {
                    if let Some(lock) = Self::hold(folder, name, file) {
                        return Ok(Some(lock));
                    }
                }
                // A process that only checks the lock holds it shared for a moment: it is no
                // holder, unless it was frozen just then.
                Err(Errno::WOULDBLOCK) if begun.elapsed() < LOGGED_AFTER && look(file.file()).is_ok() => {
                    drop(file);
                    std::thread::yield_now();
                }
                Err(Errno::WOULDBLOCK) => return Ok(None),
                Err(error) => return Err(folder.failed("locking", name, error)),
            }
        }
    }

    /// Takes a lock; `None` if another process holds or checks it, or has just removed its file.
    pub(super) fn try_once(folder: &PlainArc<Folder>, name: &str) -> Result<Option<Self>> {
        let file = Self::open(folder, name)?;
        match lock(file.file(), FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self::hold(folder, name, file)),
            Err(Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(folder.failed("locking", name, error)),
        }
    }

    fn open(folder: &Folder, name: &str) -> Result<Descriptor> {
        Descriptor::unshared(|| folder.open_or_create(name))
    }

    /// `None` if the file was removed before it was locked.
    fn hold(folder: &PlainArc<Folder>, name: &str, kept: Descriptor) -> Option<Self> {
        let mut file = kept.file();
        if file.metadata().is_ok_and(|metadata| metadata.nlink() == 0) {
            return None;
        }
        // For display: a holder that can't write its name still holds the lock.
        let Holder { pid, program } = Holder::this_process();
        let text = format!("{pid}\n{program}\n");
        if text.len() as u64 <= largest_file_bytes() {
            let _ = file.set_len(0).and_then(|()| file.write_all(text.as_bytes()));
        }
        let identity = Identity::of_file(kept.file());
        let (folder, name) = (PlainArc::clone(folder), name.to_owned());
        Some(Self { folder, name, file: kept, identity, keeps_file: false })
    }

    /// A file of this user, to look whether it is locked.
    pub(super) fn existing(folder: &Folder, name: &str) -> Result<Option<Descriptor>> {
        Descriptor::unshared_if_there(|| folder.open(name))
    }

    /// True if a process holds the lock of this name.
    pub(super) fn is_held(folder: &Folder, name: &str) -> bool {
        // A check that fails, for want of descriptors say, must not declare a process dead.
        Self::check(folder, name).unwrap_or(true)
    }

    /// True if a process holds the lock of this name; `None` if there is no file.
    pub(super) fn held(folder: &Folder, name: &str) -> Option<bool> {
        Self::check_file(folder, name).unwrap_or(Some(true))
    }

    /// True if a process holds the lock of this name.
    ///
    /// # Errors
    /// Why that can't be looked up; [`Forbidden`](crate::Error::Forbidden) if it is no lock file.
    pub(super) fn check(folder: &Folder, name: &str) -> Result<bool> {
        Ok(Self::check_file(folder, name)?.unwrap_or(false))
    }

    fn check_file(folder: &Folder, name: &str) -> Result<Option<bool>> {
        let Some(file) = Self::existing(folder, name)? else { return Ok(None) };
        match look(file.file()) {
            Ok(()) => Ok(Some(false)),
            Err(Errno::WOULDBLOCK) => Ok(Some(true)),
            Err(error) => Err(folder.failed("locking", name, error)),
        }
    }

    /// False if its file was taken away, or replaced: then the lock protects nothing any more.
    pub(super) fn is_in_place(&self) -> bool {
        self.folder.leads_to(&self.name, self.identity)
    }

    /// Removes the file of a lock that no process holds; true if this call did. For names that are
    /// never reused. It locks as a check does, so it never counts as a holder.
    pub(super) fn remove_dead(folder: &Folder, name: &str) -> Result<bool> {
        let Some(file) = Self::existing(folder, name)? else { return Ok(false) };
        if lock(file.file(), FlockOperation::NonBlockingLockShared).is_err() {
            return Ok(false);
        }
        // A process that has just created the file and is about to lock it finds it gone.
        let removed = folder.remove_file(name);
        let _ = lock(file.file(), FlockOperation::Unlock);
        removed
    }

    /// The holder written into the lock of this name.
    pub(super) fn holder(folder: &Folder, name: &str) -> Option<Holder> {
        let mut text = String::new();
        folder.open(name).ok()??.take(1024).read_to_string(&mut text).ok()?;
        let (pid, rest) = text.split_once('\n')?;
        let program = rest.lines().next()?.chars().filter(|char| !char.is_control()).collect();
        Some(Holder { pid: pid.parse().ok()?, program })
    }

    /// Stores a record in the file, with one write, unless the limit of files' sizes forbids it.
    /// The next holder's lock erases it.
    pub(super) fn store(&self, record: &[u8]) -> Result<()> {
        if RECORD_OFFSET + record.len() as u64 > largest_file_bytes() {
            return Ok(());
        }
        let stored = self.file.file().write_all_at(record, RECORD_OFFSET);
        stored.map_err(|error| self.folder.failed("writing", &self.name, error))
    }

    /// The record in the file of a name; `None` if it has none of this size. Unchecked: it may be
    /// half written.
    pub(super) fn stored<const BYTES: usize>(folder: &Folder, name: &str) -> Option<[u8; BYTES]> {
        let mut record = [0; BYTES];
        folder.open(name).ok()??.read_exact_at(&mut record, RECORD_OFFSET).ok()?;
        Some(record)
    }

    /// Stores the record of another lock file of the same source, if it has one of this size.
    pub(super) fn copy_record<const BYTES: usize>(&self, from: &Self) -> Result<()> {
        let mut record = [0; BYTES];
        match from.file.file().read_exact_at(&mut record, RECORD_OFFSET) {
            Ok(()) => self.store(&record),
            Err(_) => Ok(()),
        }
    }

    /// Releases the lock and leaves the file, with its record.
    pub(super) fn unlock_and_keep(mut self) {
        self.keeps_file = true;
    }

    /// True in a child of the process that took the lock: the child does not hold it.
    pub(super) fn is_inherited(&self) -> bool {
        self.file.is_inherited()
    }
}

impl Drop for LockFile {
    fn drop(&mut self) {
        // A host that closed the descriptor ended the lock: its file may be another process's now.
        if self.file.is_own() {
            // The next sweep finds what fails here. The file of another holder stays.
            if !self.keeps_file && self.is_in_place() {
                let _ = self.folder.remove_file(&self.name);
            }
            let _ = lock(self.file.file(), FlockOperation::Unlock);
        }
    }
}

/// Looks whether a process holds the lock of a file: an error if one does. Shared: two checks at
/// the same time do not see each other as holders. Released at once, also for a child that
/// inherited the file meanwhile.
fn look(file: &File) -> rustix::io::Result<()> {
    lock(file, FlockOperation::NonBlockingLockShared)?;
    lock(file, FlockOperation::Unlock)
}

/// Takes or releases the kernel's lock on a file. A signal that interrupts it changes nothing:
/// unlike `File::lock`, it tries again.
pub(super) fn lock(file: &File, operation: FlockOperation) -> rustix::io::Result<()> {
    retry_on_intr(|| flock(file, operation))
}
