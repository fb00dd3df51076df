//! A file whose lock stands for something, as long as its holder lives: the kernel drops it however that ends.

use std::fs::{File, TryLockError};
use std::io::{Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::MetadataExt as _;

use super::folder::Folder;
use crate::error::Result;
use crate::holder::Holder;
use crate::sync::{PlainArc, fork};

/// A lock that this process holds. The file is gone when it is dropped.
///
/// The file's name is taken away only by who holds its lock. So whoever got a lock and finds the name still there is the only
/// one; who finds it gone begins anew.
#[derive(Debug)]
pub(crate) struct LockFile {
    folder: PlainArc<Folder>,
    name: String,
    /// Before the file: it is dropped first.
    _held: fork::Held,
    file: File,
    generation: u32,
}

impl LockFile {
    /// Takes a lock; waits while another holds it.
    pub(super) fn wait(folder: &PlainArc<Folder>, name: &str) -> Result<Self> {
        loop {
            if let Some(lock) = Self::wait_once(folder, name)? {
                return Ok(lock);
            }
        }
    }

    /// Takes a lock; waits while another holds it. `None` if its file was taken away meanwhile.
    pub(super) fn wait_once(folder: &PlainArc<Folder>, name: &str) -> Result<Option<Self>> {
        let (file, held) = Self::open(folder, name)?;
        file.lock().map_err(|error| folder.failed("locking", name, error))?;
        Ok(Self::hold(folder, name, file, held))
    }

    /// Takes a lock; `None` if another holds it.
    pub(super) fn try_take(folder: &PlainArc<Folder>, name: &str) -> Result<Option<Self>> {
        loop {
            let (file, held) = Self::open(folder, name)?;
            match file.try_lock() {
                Ok(()) => {}
                // Those who only look have it shared, for a moment: they are no holders.
                Err(TryLockError::WouldBlock) if file.try_lock_shared().is_ok() => {
                    drop((held, file));
                    std::thread::yield_now();
                    continue;
                }
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(folder.failed("locking", name, error)),
            }
            if let Some(lock) = Self::hold(folder, name, file, held) {
                return Ok(Some(lock));
            }
        }
    }

    fn open(folder: &Folder, name: &str) -> Result<(File, fork::Held)> {
        let file = folder.open_or_create(name)?;
        let held = fork::Held::new(file.as_fd());
        Ok((file, held))
    }

    /// `None` if the file was taken away before it was locked.
    fn hold(folder: &PlainArc<Folder>, name: &str, mut file: File, held: fork::Held) -> Option<Self> {
        if file.metadata().is_ok_and(|metadata| metadata.nlink() == 0) {
            return None;
        }
        // For display: who can't write it down holds it all the same.
        let Holder { pid, program } = Holder::this_process();
        let _ = file.set_len(0).and_then(|()| write!(file, "{pid}\n{program}\n"));
        let generation = fork::generation();
        Some(Self { folder: PlainArc::clone(folder), name: name.to_owned(), _held: held, file, generation })
    }

    /// Tells whether somebody holds the lock of this name.
    pub(super) fn is_held(folder: &Folder, name: &str) -> bool {
        match folder.open(name) {
            Ok(None) => false,
            // Shared, so that two who look at the same time do not take each other for the holder. Given back at once.
            Ok(Some(file)) => {
                let _held = fork::Held::new(file.as_fd());
                file.try_lock_shared().is_err()
            }
            // Nobody is dead because this process can't look, for want of file numbers, say.
            Err(_) => true,
        }
    }

    /// Takes the file of a lock away that nobody holds; tells whether this call did. For names that are never used again: it is
    /// locked as those do who only look, so nobody takes the one who does this for the holder.
    pub(super) fn remove_dead(folder: &Folder, name: &str) -> Result<bool> {
        let Some(file) = folder.open(name)? else { return Ok(false) };
        let _held = fork::Held::new(file.as_fd());
        // Who has just made the file and is about to lock it sees that it is gone.
        if file.try_lock_shared().is_ok() { folder.remove_file(name) } else { Ok(false) }
    }

    /// Who wrote that it holds the lock of this name.
    pub(super) fn holder(folder: &Folder, name: &str) -> Option<Holder> {
        let mut text = String::new();
        folder.open(name).ok()??.take(1024).read_to_string(&mut text).ok()?;
        let (pid, rest) = text.split_once('\n')?;
        let program = rest.lines().next()?.chars().filter(|char| !char.is_control()).collect();
        Some(Holder { pid: pid.parse().ok()?, program })
    }

    /// Tells whether this process is a child of the one that took the lock, and doesn't hold it.
    pub(super) fn is_inherited(&self) -> bool {
        self.generation != fork::generation()
    }
}

impl Drop for LockFile {
    fn drop(&mut self) {
        if !self.is_inherited() {
            // Whatever fails here is found by the next sweep.
            let _ = self.folder.remove_file(&self.name);
            let _ = self.file.unlock();
        }
    }
}
