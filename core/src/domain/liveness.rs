//! A process's liveness lock in a domain, held for as long as the process lives.
//!
//! A process marks its leases and mappings in shared memory with the number of its liveness lock:
//! they are valid while that lock is held. Numbers are never reused, and no dead process holds a
//! lock.

use std::hash::{BuildHasher as _, RandomState};

use super::folder::Folder;
use super::lock_file::LockFile;
use super::names::is_hex;
use crate::error::Result;
use crate::holder::Holder;
use crate::sync::PlainArc;

const PREFIX: &str = "process-";

#[derive(Debug)]
pub(crate) struct LivenessLock {
    /// `None` where there is no room for one: this process only reads.
    lock: Option<LockFile>,
    number: u64,
}

impl LivenessLock {
    pub(super) fn new(folder: &PlainArc<Folder>) -> Result<Self> {
        loop {
            let number = random();
            let name = name(number);
            // No other process takes this lock. A sweep may remove the file before it is locked;
            // its name is not reused.
            if !folder.exists(&name)?
                && let Some(lock) = LockFile::wait_once(folder, &name)?
            {
                return Ok(Self { lock: Some(lock), number });
            }
        }
    }

    /// As [`LivenessLock::new`], or none if the file system has no room or is mounted for reading.
    pub(super) fn new_if_room(folder: &PlainArc<Folder>) -> Result<Self> {
        let number = random();
        match LockFile::wait_if_room(folder, &name(number))? {
            Some(lock) => Ok(Self { lock: Some(lock), number }),
            None => Ok(Self { lock: None, number: 0 }),
        }
    }

    /// Its number: unique, never zero. Zero without a lock.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// True in a child of the process that took it.
    pub(super) fn is_inherited(&self) -> bool {
        self.lock.as_ref().is_some_and(LockFile::is_inherited)
    }

    /// True if this process holds it: not without a lock, and not in a child of the process that
    /// took it.
    pub(super) fn is_own(&self) -> bool {
        self.lock.as_ref().is_some_and(|lock| !lock.is_inherited())
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

/// True while the process that took a liveness lock lives.
pub(super) fn is_alive(folder: &Folder, number: u64) -> bool {
    LockFile::is_held(folder, &name(number))
}

pub(super) fn holder(folder: &Folder, number: u64) -> Option<Holder> {
    LockFile::holder(folder, &name(number))
}
