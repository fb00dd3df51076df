//! The secret key of a domain, with which the names of its files are derived from its sources.
//!
//! Paths stand in messages, listings and bug reports. Without a key, a password in a source could
//! be guessed from the hash of the source's name.

use std::fs::File;
use std::os::fd::AsFd as _;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};

use rustix::io::Errno;
use rustix::rand::{GetRandomFlags, getrandom};
use siphasher::sip128::SipHasher24;

use super::folder::Folder;
use super::liveness::random;
use crate::error::Result;
use crate::memory::largest_file_bytes;
use crate::sync::fork;

/// The file that holds a domain's key. Hidden: it is in no listing of the folder's names.
pub(super) const NAME: &str = ".key";

/// A secret key: equal for all processes of a domain, or of one registry.
#[derive(Clone, Copy)]
pub(crate) struct NameKey([u8; 16]);

impl NameKey {
    /// Makes a new key.
    pub(crate) fn random() -> Self {
        let mut key = [0; 16];
        let filled = loop {
            match getrandom(&mut key, GetRandomFlags::empty()) {
                Err(Errno::INTR) => {}
                filled => break filled,
            }
        };
        if filled != Ok(key.len()) {
            // A kernel without this call; keys of the standard library are random, too.
            key[..8].copy_from_slice(&random().to_ne_bytes());
            key[8..].copy_from_slice(&random().to_ne_bytes());
        }
        Self(key)
    }

    /// Reads the key of a domain; makes it if there is none. The caller has a liveness lock in
    /// `folder`, which keeps the key there.
    pub(super) fn of_folder(folder: &Folder) -> Result<Self> {
        loop {
            let file = folder.open_or_create(NAME)?;
            let _held = fork::Held::new(file.as_fd());
            lock(folder, &file)?;
            let failed = |error| folder.failed("reading", NAME, error);
            let metadata = file.metadata().map_err(failed)?;
            if metadata.nlink() == 0 {
                // The domain was removed just now.
                continue;
            }
            let mut key = [0; 16];
            if metadata.len() == key.len() as u64 {
                file.read_exact_at(&mut key, 0).map_err(failed)?;
                return Ok(Self(key));
            }
            if key.len() as u64 > largest_file_bytes() {
                return Err(folder.failed("writing", NAME, "this process may write no files: see `ulimit -f`"));
            }
            let made = Self::random();
            file.write_all_at(&made.0, 0).map_err(|error| folder.failed("writing", NAME, error))?;
            return Ok(made);
        }
    }

    /// Removes the key of a domain that no process has open: it is the folder's last file.
    pub(super) fn remove(folder: &Folder) -> Result<()> {
        let Some(file) = folder.open(NAME)? else { return Ok(()) };
        let _held = fork::Held::new(file.as_fd());
        lock(folder, &file)?;
        // A process that opens the domain makes its liveness lock first, and then waits for the
        // lock of the key.
        if folder.names()?.is_empty() {
            folder.remove_file(NAME)?;
        }
        Ok(())
    }

    /// Hashes the name of a source. Without the key, nothing can be learned from the hash.
    pub(crate) fn hash(&self, source: &[u8]) -> u128 {
        SipHasher24::new_with_key(&self.0).hash(source).as_u128()
    }
}

/// Waits for the lock of a key; its holders do nothing that takes time.
fn lock(folder: &Folder, file: &File) -> Result<()> {
    loop {
        match file.lock() {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            locked => return locked.map_err(|error| folder.failed("locking", NAME, error)),
        }
    }
}

impl std::fmt::Debug for NameKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NameKey")
    }
}
