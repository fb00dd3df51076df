//! A process's liveness lock in a domain, held for as long as the process lives.
//!
//! A process marks its leases and mappings in shared memory with the number of its liveness lock:
//! they are valid while that lock is held. Numbers are not reused, and no dead process holds a
//! lock. A lock file that is missing decides nothing: then the process in the number counts.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};

use super::folder::Folder;
use super::lock_file::LockFile;
use super::names::is_hex;
use super::process_number::{self, Fate, Process};
use crate::error::Result;
use crate::holder::Holder;
use crate::sync::{Arc, ArcSwap, PlainArc};

const PREFIX: &str = "process-";

#[derive(Debug)]
pub(crate) struct LivenessLock {
    /// Replaced if its file is taken away. `None` where there is no room for one: this process only
    /// reads.
    lock: Option<ArcSwap<LockFile>>,
    folder: PlainArc<Folder>,
    number: u64,
}

impl LivenessLock {
    pub(super) fn new(folder: &PlainArc<Folder>) -> Result<Self> {
        loop {
            let number = process_number::new();
            let name = name(number);
            // No other process takes this lock. A sweep may remove the file before it is locked;
            // then another name is tried.
            if !folder.exists(&name)?
                && let Some(lock) = LockFile::try_once(folder, &name)?
            {
                return Ok(Self::of(folder, Some(lock), number));
            }
        }
    }

    /// As [`LivenessLock::new`], or none if the file system has no room or is mounted for reading.
    pub(super) fn new_if_room(folder: &PlainArc<Folder>) -> Result<Self> {
        let number = process_number::new();
        Ok(match LockFile::wait_if_room(folder, &name(number))? {
            Some(lock) => Self::of(folder, Some(lock), number),
            None => Self::of(folder, None, 0),
        })
    }

    /// Its number: unique, never zero. Zero without a lock.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    fn of(folder: &PlainArc<Folder>, lock: Option<LockFile>, number: u64) -> Self {
        Self { lock: lock.map(ArcSwap::from_pointee), folder: PlainArc::clone(folder), number }
    }

    pub(super) fn name(&self) -> String {
        name(self.number)
    }

    /// True in a child of the process that took it.
    pub(super) fn is_inherited(&self) -> bool {
        self.lock.as_ref().is_some_and(|lock| lock.load().is_inherited())
    }

    /// True if this process holds it: not without a lock, and not in a child of the process that
    /// took it.
    pub(super) fn is_own(&self) -> bool {
        self.lock.as_ref().is_some_and(|lock| !lock.load().is_inherited())
    }

    /// Makes the lock file again under the same name if it was taken away. An error is met again by
    /// the next check.
    pub(super) fn keep(&self) {
        let Some(lock) = &self.lock else { return };
        let held = lock.load_full();
        if !held.is_inherited()
            && !held.is_in_place()
            && let Ok(Some(again)) = LockFile::try_once(&self.folder, &self.name())
        {
            lock.store(Arc::new(again));
        }
    }
}

/// A random number that is never zero.
pub(crate) fn random() -> u64 {
    RandomState::new().hash_one(std::process::id()).max(1)
}

fn name(number: u64) -> String {
    format!("{PREFIX}{number:016x}")
}

/// True for the name of a liveness lock.
pub(super) fn is_name(name: &str) -> bool {
    name.strip_prefix(PREFIX).is_some_and(|number| is_hex(number, 16))
}

/// The number in the name of a liveness lock.
pub(super) fn number_of(name: &str) -> Option<u64> {
    is_name(name).then(|| u64::from_str_radix(&name[PREFIX.len()..], 16).ok())?
}

/// The processes whose liveness locks are held: each once, however many locks it has.
pub(super) fn living(folder: &Folder) -> Result<HashSet<Process>> {
    let numbers = folder.names()?.into_iter().filter_map(|name| number_of(&name));
    Ok(numbers.filter(|number| is_held(folder, *number)).map(process_number::process).collect())
}

/// True unless the process that took a liveness lock has ended for certain.
pub(super) fn is_alive(folder: &Folder, number: u64) -> bool {
    LockFile::held(folder, &name(number)).unwrap_or_else(|| process_number::fate(number) != Fate::Ended)
}

/// True if a process ended without releasing a liveness lock. False if the file is missing, as
/// after an orderly end.
pub(super) fn was_killed(folder: &Folder, number: u64) -> bool {
    LockFile::held(folder, &name(number)) == Some(false)
}

/// True if the lock of this number is held. False if its file is missing, as after an orderly end.
pub(super) fn is_held(folder: &Folder, number: u64) -> bool {
    LockFile::is_held(folder, &name(number))
}

pub(super) fn holder(folder: &Folder, number: u64) -> Option<Holder> {
    LockFile::holder(folder, &name(number)).or_else(|| process_number::living(number))
}
