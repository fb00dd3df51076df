//! Files of removed buffers, kept for later buffers of the same size, in whichever process.
//!
//! The file of a removed buffer is renamed to `BYTES-NUMBER.pool` instead of removed. A process
//! that needs one of its size renames it to the hidden name under which it builds a buffer. Handles
//! on the removed buffer, or forked children, may still have it mapped: then it is returned. The
//! kernel knows: it grants a lease only on a file that no other process has open or mapped.

use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::time::{SystemTime, UNIX_EPOCH};

use super::handle::Domain;
use super::liveness::random;
use crate::error::{Error, Result};
use crate::memory::{self, PoolStats, Words, clear};
use crate::sync::count;

const END: &str = ".pool";

/// A file in the pool: its name, its size, and the time it was put there, in seconds.
struct Kept {
    name: String,
    bytes: u64,
    since_s: i64,
}

impl Domain {
    fn kept(&self) -> Result<Vec<Kept>> {
        let names = self.folder.names()?.into_iter().filter(|name| name.ends_with(END));
        let mut kept: Vec<_> = names
            .filter_map(|name| {
                let metadata = self.folder.open(&name).ok()??.metadata().ok()?;
                Some(Kept { bytes: metadata.len(), since_s: metadata.ctime(), name })
            })
            .collect();
        kept.sort_by_key(|kept| kept.since_s);
        Ok(kept)
    }

    pub(crate) fn pool_stats(&self) -> PoolStats {
        let kept = self.kept().unwrap_or_default();
        self.pool_counts.stats(self.pool.bytes, kept.len() as u64, kept.iter().map(|kept| kept.bytes).sum())
    }

    /// Removes the name of a removed buffer. The file goes into the pool if this registry has one
    /// and it fits; the oldest files make room.
    pub(super) fn retire(&self, name: &str, bytes: u64) -> Result<bool> {
        if bytes > self.pool.bytes {
            return self.folder.remove_file(name);
        }
        self.trim_to(self.pool.bytes - bytes)?;
        self.folder.rename(name, &format!("{bytes:016x}-{:016x}{END}", random()))?;
        count(&self.pool_counts.kept);
        Ok(true)
    }

    /// A file of `bytes` zero bytes, reserved, under a hidden name: an unmapped one from the pool,
    /// or new. Under the lock file of that name.
    pub(super) fn take_or_reserve(&self, hidden: &str, bytes: u64) -> Result<(File, bool)> {
        if self.pool.bytes > 0 {
            self.folder.remove_file(hidden)?;
            for kept in self.kept()?.into_iter().filter(|kept| kept.bytes == bytes) {
                // Another process was faster.
                if self.folder.rename(&kept.name, hidden).is_err() {
                    continue;
                }
                if let Some(file) = self.folder.open(hidden)?.filter(memory::is_nobody_elses)
                    && let Ok(words) = Words::in_new_file(&file, bytes)
                {
                    clear(&words);
                    count(&self.pool_counts.hits);
                    return Ok((file, true));
                }
                self.folder.rename(hidden, &kept.name)?;
            }
            count(&self.pool_counts.misses);
        }
        match self.folder.reserve(hidden, bytes) {
            Err(Error::OutOfSpace { .. }) if self.trim_to(0).is_ok_and(|trimmed| trimmed > 0) => {
                Ok((self.folder.reserve(hidden, bytes)?, false))
            }
            reserved => Ok((reserved?, false)),
        }
    }

    /// Removes files that are too old, then the oldest until the pool holds at most `bytes`;
    /// returns their number.
    pub(crate) fn trim_to(&self, bytes: u64) -> Result<usize> {
        let now_s = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs() as i64);
        let kept = self.kept()?;
        let (mut sum, mut trimmed) = (kept.iter().map(|kept| kept.bytes).sum::<u64>(), 0);
        for kept in kept {
            let is_old = now_s.saturating_sub(kept.since_s) > self.pool.age.as_secs() as i64;
            if (sum > bytes || is_old) && self.folder.remove_file(&kept.name)? {
                count(&self.pool_counts.trimmed);
                trimmed += 1;
                sum -= kept.bytes;
            }
        }
        Ok(trimmed)
    }
}
