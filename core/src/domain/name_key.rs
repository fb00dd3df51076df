//! The secret key of a domain, with which the names of its files are derived from its sources.
//!
//! Paths stand in messages, listings and bug reports. Without a key, a password in a source could
//! be guessed from the hash of the source's name.

use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::rand::{GetRandomFlags, getrandom};
use siphasher::sip128::SipHasher24;

use super::folder::Folder;
use super::liveness::{self, random};
use super::lock_file::LockFile;
use super::names::Names;
use super::waiting::Waiting;
use crate::error::Result;
use crate::memory::largest_file_bytes;
use crate::sync::descriptors::Descriptor;

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
    /// `folder`, which keeps the key there; `is_other` is true for all names but its own.
    ///
    /// If the key was taken away under living processes, it waits until one of them puts it back:
    /// with another key, the domain would have every source twice.
    pub(super) fn of_folder(folder: &Folder, is_other: impl Fn(&str) -> bool) -> Result<Self> {
        const LONGEST_WAIT: Duration = Duration::from_secs(3);
        let begun = Instant::now();
        loop {
            let was_taken = || -> Result<bool> {
                let names = folder.names()?;
                let is_alive =
                    |name: &String| liveness::is_name(name) && is_other(name) && LockFile::is_held(folder, name);
                Ok(names.iter().any(|name| Names::of_file(name).is_some()) && names.iter().any(is_alive))
            };
            if begun.elapsed() < LONGEST_WAIT && !folder.exists(NAME)? && was_taken()? {
                std::thread::sleep(Duration::from_millis(20));
                continue;
            }
            let kept = Descriptor::unshared(|| folder.open_or_create(NAME))?;
            let file = kept.file();
            Waiting::begin().lock(folder, NAME, file)?;
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

    /// Puts the key back if it was taken away. False if the folder has another key, by which other
    /// processes find other files.
    pub(super) fn keep(&self, folder: &Folder) -> bool {
        let kept = || -> Result<bool> {
            let kept = Descriptor::unshared(|| folder.open_or_create(NAME))?;
            let file = kept.file();
            let mut key = [0; 16];
            if file.read_exact_at(&mut key, 0).is_ok() {
                return Ok(key == self.0);
            }
            Waiting::begin().lock(folder, NAME, file)?;
            if file.read_exact_at(&mut key, 0).is_ok() {
                return Ok(key == self.0);
            }
            file.write_all_at(&self.0, 0).map_err(|error| folder.failed("writing", NAME, error))?;
            Ok(true)
        };
        // An error is met again by the next check.
        kept().unwrap_or(true)
    }

    /// Removes the key of a domain that no process has open: it is the folder's last file.
    pub(super) fn remove(folder: &Folder) -> Result<()> {
        let Some(file) = LockFile::existing(folder, NAME)? else { return Ok(()) };
        Waiting::begin().lock(folder, NAME, file.file())?;
        // A process that opens the domain makes its liveness lock first, and then waits for the
        // lock of the key.
        if folder.names()?.is_empty() {
            super::switches::remove(folder);
            // A leftover. A folder that can't be removed for it is left.
            let _ = folder.remove_file(super::logs::SUMS_NEW);
            #[cfg(feature = "observe")]
            super::mark::remove(folder);
            #[cfg(feature = "observe")]
            super::found_sums::remove(folder);
            folder.remove_file(NAME)?;
        }
        Ok(())
    }

    /// Hashes the name of a source. Without the key, nothing can be learned from the hash.
    pub(crate) fn hash(&self, source: &[u8]) -> u128 {
        SipHasher24::new_with_key(&self.0).hash(source).as_u128()
    }
}

impl std::fmt::Debug for NameKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NameKey")
    }
}
