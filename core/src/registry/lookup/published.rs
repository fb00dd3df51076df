//! The table of a registry, published by compare-and-set and found through what each thread keeps.

use crate::buffer::CaptureBuffer;
use crate::error::Result;
use crate::registry::lookup::slot::{Held, OfThread, Slot, Users};
use crate::registry::lookup::table::Table;
use crate::registry::lookup::thread_cache::{ThreadCache, recent, renew};
use crate::source::Source;
use crate::sync::{Arc, ArcSwap, AtomicU64, Ordering, Queue, process};

/// The newest table, and those that were replaced.
pub(crate) struct Published {
    map: ArcSwap<Table>,
    /// The newest one's, or an older one's that nobody has heard of anything newer than.
    version: AtomicU64,
    /// Tables that were replaced and that a thread's cache may still hold.
    retired: Queue<Arc<Table>>,
    /// Tells this map from all others.
    number: u64,
    /// Tells threads' caches whether the map is still there.
    alive: Arc<()>,
    pub(crate) users: Users,
}

impl Published {
    pub(crate) fn new() -> Self {
        let map = ArcSwap::from_pointee(Table::new());
        static NUMBERS: process::AtomicU64 = process::AtomicU64::new(1);
        // SYNC none: a number that nobody else has.
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        Self {
            map,
            version: AtomicU64::new(0),
            retired: Queue::new(),
            number,
            alive: Arc::new(()),
            users: Users::new(),
        }
    }

    /// The table as it is now. For those who change or list it; lookups have a faster way.
    pub(crate) fn newest(&self) -> Arc<Table> {
        // SYNC map: the table's content happened before its publication.
        let table = self.map.load_full();
        // SYNC map: who hears of what is in it finds it in no older table.
        self.version.fetch_max(table.version(), Ordering::Release);
        table
    }

    /// How many old tables wait to be freed.
    #[cfg(test)]
    pub(crate) fn retired(&self) -> usize {
        self.retired.len()
    }

    /// The buffer of a source, to be used where it lies.
    #[inline(always)]
    pub(crate) fn hold(&self, source: &str) -> Held<'_> {
        // SAFETY: nothing is looked up before their last use, which writes down that the slot is not used after all.
        match unsafe { self.kept() } {
            Some((table, own)) => table.get(source).map_or(Held::Nothing, |slot| self.users.hold(slot, own)),
            None => Held::Within,
        }
    }

    /// A counted handle on the buffer of a source.
    pub(crate) fn get(&self, source: &str) -> Option<CaptureBuffer> {
        self.lookup(source, |slot, own| self.users.handle(slot?, own))
    }

    /// Handles on all buffers.
    pub(crate) fn handles(&self) -> Vec<CaptureBuffer> {
        let own = self.users.of_thread();
        self.newest().slots().filter_map(|slot| self.users.handle(slot, &own)).collect()
    }

    /// A handle on the buffer in a slot.
    pub(crate) fn handle(&self, slot: &Slot) -> Option<CaptureBuffer> {
        self.users.handle(slot, &self.users.of_thread())
    }

    /// Looks a source up in this thread's newest table. For `look` to use what the slot holds there is what this thread writes down. That is the
    /// last that `look` does with the two: the end of a use may end another buffer, whose clock may look something up as it ends.
    #[inline(always)]
    pub(crate) fn lookup<R>(&self, source: &str, look: impl FnOnce(Option<&Arc<Slot>>, &OfThread) -> R) -> R {
        // SAFETY: `look` looks nothing up before its last use of them.
        match unsafe { self.kept() } {
            Some((table, own)) => look(table.get(source), own),
            None => look(self.newest().get(source), &self.users.of_thread()),
        }
    }

    /// This thread's newest table, and what it writes down that it uses. None if the thread is ending.
    ///
    /// # Safety
    /// They are used only until this thread next looks something up here or in another registry.
    #[inline(always)]
    unsafe fn kept(&self) -> Option<(&Table, &OfThread)> {
        // SYNC map: no older table than what this thread knows of.
        let version = self.version.load(Ordering::Acquire);
        // SAFETY: as the caller promises.
        unsafe { recent(self.number, version) }.or_else(|| self.renewed(version))
    }

    #[cold]
    #[inline(never)]
    fn renewed(&self, version: u64) -> Option<(&Table, &OfThread)> {
        let new = |table| ThreadCache {
            number: self.number,
            alive: Arc::downgrade(&self.alive),
            table,
            own: self.users.of_thread(),
        };
        renew(self.number, || self.newest(), new);
        // SAFETY: as the caller of `kept` promises.
        unsafe { recent(self.number, version) }
    }

    /// Puts an empty slot for a source into the map by compare-and-set; returns it and true, or the slot of who was faster.
    pub(crate) fn publish(&self, source: &str) -> Result<(Arc<Slot>, bool)> {
        let mut new_slot = None;
        loop {
            let table = self.newest();
            if let Some(slot) = table.get(source) {
                return Ok((Arc::clone(slot), false));
            }
            let slot = match &new_slot {
                Some(slot) => slot,
                None => new_slot.insert(table.new_slot(Source::new(source)?)),
            };
            if self.replace(&table, table.with(slot)) {
                return Ok((Arc::clone(slot), true));
            }
        }
    }

    /// Takes a slot out of the map by compare-and-set, and what it holds out of the slot; `None` if it is not in the map any more.
    pub(crate) fn take_out(&self, slot: &Arc<Slot>) -> Option<Option<CaptureBuffer>> {
        loop {
            let table = self.newest();
            let shorter = table.without(slot)?;
            if self.replace(&table, shorter) {
                return Some(self.users.take(slot));
            }
        }
    }

    /// Publishes a table in place of the one it was made from; false if another was faster.
    fn replace(&self, old: &Arc<Table>, new: Table) -> bool {
        // SYNC map: releases the table's content to everyone who loads it.
        let before = self.map.compare_and_swap(old, Arc::new(new));
        if !Arc::ptr_eq(&before, old) {
            return false;
        }
        drop(before);
        // SYNC map: who hears of the change looks into no older table.
        self.version.fetch_max(old.version() + 1, Ordering::Release);
        // Caches of other threads may hold the old table, and whoever lets go of it last pays for freeing it. That is to
        // be an updater and never a reader, so it stays here until only this queue holds it.
        self.retired.push(Arc::clone(old));
        for _ in 0..self.retired.len() {
            match self.retired.pop() {
                Some(table) if Arc::strong_count(&table) > 1 => self.retired.push(table),
                Some(_) => {}
                None => break,
            }
        }
        true
    }
}

impl Drop for Published {
    fn drop(&mut self) {
        // Caches of idle threads may hold the table for long; the buffers must not wait for that.
        let table = self.newest();
        self.users.take_all(table.slots());
    }
}
