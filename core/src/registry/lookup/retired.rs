//! Shards that were replaced, until no reader has them loaded any more.
//!
//! An arc-swap guard may be the last owner of a replaced shard, and would free the whole table in
//! the reader. So the updater keeps an owner of its own here until it is the only one left.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::PoisonError;
use std::thread;
use std::time::Duration;

use super::shard::Shard;
use crate::sync::fork;
use crate::sync::{Arc, Mutex, MutexGuard, PlainArc};

/// Interval between the helper thread's checks, at first and at most.
const POLL: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(50)];

/// The replaced shards of one process.
pub(crate) struct Retired {
    list: Mutex<List>,
    /// The process that may take the lock: in a forked child its holder may be missing.
    generation: u32,
}

#[derive(Default)]
pub(crate) struct List {
    shards: Vec<Arc<Shard>>,
    /// A helper thread polls until the list is empty.
    has_helper: bool,
}

impl List {
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.shards.len()
    }
}

impl Retired {
    pub(crate) fn new() -> Self {
        fork::watch();
        Self { list: Mutex::default(), generation: fork::generation() }
    }

    /// True in a child of the process that made it. A child begins a list of its own.
    pub(crate) fn is_inherited(&self) -> bool {
        self.generation != fork::generation()
    }

    /// Takes over a replaced shard. Frees it at once if no reader has it loaded; otherwise a helper
    /// thread does when the reader is done.
    pub(crate) fn push(self: &PlainArc<Self>, shard: Arc<Shard>) {
        self.lock().shards.push(shard);
        if self.free_unused() || cfg!(loom) {
            return;
        }
        // Another updater that lost the race for the shard drops it soon.
        thread::yield_now();
        if self.free_unused() || std::mem::replace(&mut self.lock().has_helper, true) {
            return;
        }
        let list = PlainArc::downgrade(self);
        let poll = move || {
            let mut pause = POLL[0];
            while list.upgrade().is_some_and(|list| !list.free_unused()) {
                thread::sleep(pause);
                pause = POLL[1].min(2 * pause);
            }
        };
        // Without a thread a later update frees it, or tries again to start one.
        if thread::Builder::new().name("capbuf-reclaim".to_owned()).spawn(poll).is_err() {
            self.lock().has_helper = false;
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, List> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Frees the shards that no reader has loaded; true if none is left, which ends the helper.
    pub(crate) fn free_unused(&self) -> bool {
        let mut list = self.lock();
        // SYNC map (free): no thread can load a replaced shard any more, so a count of one is
        // final, and the drop below acquires what the readers did before they dropped their guards.
        let unused: Vec<_> = list.shards.extract_if(.., |shard| Arc::strong_count(shard) == 1).collect();
        let is_empty = list.shards.is_empty();
        if is_empty {
            list.has_helper = false;
        }
        // Freeing a shard may unmap rings: not under the lock. It may also call a user's clock,
        // whose panic must not end an allocation halfway.
        drop(list);
        let _ = catch_unwind(AssertUnwindSafe(move || drop(unused)));
        is_empty
    }

    /// A list as a forked child sees its parent's.
    #[cfg(test)]
    pub(super) fn of_parent() -> Self {
        Self { list: Mutex::default(), generation: fork::generation().wrapping_sub(1) }
    }
}

impl Drop for Retired {
    fn drop(&mut self) {
        if self.is_inherited() {
            // The fork may have come in the middle of a change: the list is not looked at.
            let list = self.list.get_mut().unwrap_or_else(PoisonError::into_inner);
            std::mem::forget(std::mem::take(list));
        }
    }
}
