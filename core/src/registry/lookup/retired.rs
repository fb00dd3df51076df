//! Shards that were replaced, until no reader has them loaded any more.
//!
//! An arc-swap guard may be the last owner of a replaced shard, and would free the whole table in
//! the reader. So the updater keeps an owner of its own here until it is the only one left.

use std::sync::PoisonError;
use std::thread;
use std::time::Duration;

use super::shard::Shard;
use crate::sync::fork;
use crate::sync::{Arc, Mutex, MutexGuard, PlainArc};

/// Interval between the helper thread's checks, at first and at most.
const POLL: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(50)];

/// The list of replaced shards.
pub(crate) struct Retired {
    shards: Mutex<Vec<Arc<Shard>>>,
    /// The process that may take the lock: in a forked child its holder may be missing.
    generation: u32,
}

impl Retired {
    pub(crate) fn new() -> Self {
        fork::watch();
        Self { shards: Mutex::default(), generation: fork::generation() }
    }

    /// Takes over a replaced shard. Frees it at once if no reader has it loaded; otherwise a helper
    /// thread does when the reader is done.
    pub(crate) fn push(self: &PlainArc<Self>, shard: Arc<Shard>) {
        if self.generation != fork::generation() {
            // A forked child can't tell whether its parent's threads had it loaded: it stays.
            return std::mem::forget(shard);
        }
        let is_polled = {
            let mut shards = self.lock();
            shards.push(shard);
            shards.len() > 1
        };
        if !self.free_unused() && !is_polled && !cfg!(loom) {
            let list = PlainArc::downgrade(self);
            let poll = move || {
                let mut pause = POLL[0];
                while list.upgrade().is_some_and(|list| !list.free_unused()) {
                    thread::sleep(pause);
                    pause = POLL[1].min(2 * pause);
                }
            };
            // Without a thread the next update frees it.
            let _ = thread::Builder::new().name("capbuf-reclaim".to_owned()).spawn(poll);
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Vec<Arc<Shard>>> {
        self.shards.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Frees the shards that no reader has loaded; true if none is left.
    pub(crate) fn free_unused(&self) -> bool {
        let mut shards = self.lock();
        // SYNC map (free): no thread can load a replaced shard any more, so a count of one is
        // final, and the drop below acquires what the readers did before they dropped their guards.
        let unused: Vec<_> = shards.extract_if(.., |shard| Arc::strong_count(shard) == 1).collect();
        let is_empty = shards.is_empty();
        // Freeing a shard may unmap rings: not under the lock.
        drop(shards);
        drop(unused);
        is_empty
    }

    /// A list as a forked child sees its parent's.
    #[cfg(test)]
    pub(super) fn of_parent() -> Self {
        Self { generation: fork::generation().wrapping_sub(1), ..Self::new() }
    }
}
