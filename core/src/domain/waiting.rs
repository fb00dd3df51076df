//! Waits for the lock of a file that another process holds: bounded, and naming the holder.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::time::{Duration, Instant};

use rustix::fs::FlockOperation;
use rustix::io::Errno;

use super::folder::Folder;
use super::lock_file::{LockFile, lock};
use super::process_number::program;
use crate::error::Result;
use crate::holder::Holder;

/// The longest wait for a lock. Its holders make or remove one buffer, which takes milliseconds.
const LONGEST: Duration = Duration::from_secs(if cfg!(test) { 2 } else { 10 });
/// The longest wait of the end of a handle. What it can't remove then, a sweep removes.
const LONGEST_OF_DROP: Duration = Duration::from_secs(1);
/// A longer wait is logged.
pub(super) const LOGGED_AFTER: Duration = Duration::from_secs(1);

/// A wait for a lock that another process holds.
pub(super) struct Waiting {
    begun: Instant,
    longest: Duration,
    is_logged: bool,
}

impl Waiting {
    /// Begins a wait of ten seconds at most.
    pub(super) fn begin() -> Self {
        Self { begun: Instant::now(), longest: LONGEST, is_logged: false }
    }

    /// Begins the wait of a handle that is dropped, whose caller expects none.
    pub(super) fn of_drop() -> Self {
        Self { longest: LONGEST_OF_DROP, ..Self::begin() }
    }

    /// Sleeps before the next attempt to lock `file`, which has the name `name`.
    ///
    /// # Errors
    /// [`Error::System`](crate::Error::System) with the holder, which may be frozen, at the end of
    /// the wait.
    pub(super) fn pause(&mut self, folder: &Folder, name: &str, file: Option<&File>) -> Result<()> {
        let waited = self.begun.elapsed();
        if waited >= LOGGED_AFTER {
            let holder = LockFile::holder(folder, name).or_else(|| holder_in_kernel(file?).ok().flatten());
            let holder = holder.map_or_else(|| "another process".to_owned(), |holder| holder.to_string());
            if waited >= self.longest {
                let seconds = self.longest.as_secs();
                let reason = format!("{holder} has held it for {seconds} s; if it is frozen, continue or end it");
                return Err(folder.failed("locking", name, reason));
            }
            if !std::mem::replace(&mut self.is_logged, true) {
                #[cfg(feature = "observe")]
                tracing::warn!(target: "capbuf::wait", "waiting for {}, which {holder} has locked", folder.shown(name));
            }
        }
        std::thread::sleep((waited / 8).clamp(Duration::from_micros(20), Duration::from_millis(20)));
        Ok(())
    }

    /// Locks a file that is no lock file, and so has no holder's name in it.
    pub(super) fn lock(mut self, folder: &Folder, name: &str, file: &File) -> Result<()> {
        loop {
            match lock(file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(()),
                Err(Errno::WOULDBLOCK) => self.pause(folder, name, Some(file))?,
                Err(error) => return Err(folder.failed("locking", name, error)),
            }
        }
    }
}

/// The process that the kernel lists as the holder of a file's lock; `None` if it lists none, as
/// for a process of another PID namespace.
fn holder_in_kernel(file: &File) -> io::Result<Option<Holder>> {
    let metadata = file.metadata()?;
    let (major, minor) = (rustix::fs::major(metadata.dev()), rustix::fs::minor(metadata.dev()));
    let file = format!("{major:02x}:{minor:02x}:{}", metadata.ino());
    // 1: FLOCK  ADVISORY  WRITE 4711 00:19:42 0 EOF
    let holder = |line: &str| {
        let words: Vec<_> = line.split_ascii_whitespace().collect();
        let is_holder = words.get(1) == Some(&"FLOCK") && words.get(5) == Some(&file.as_str());
        let pid = words.get(4).filter(|_| is_holder)?.parse().ok()?;
        Some(Holder { pid, program: program(pid) })
    };
    Ok(std::fs::read_to_string("/proc/locks")?.lines().find_map(holder))
}
