//! The table of a registry, published by compare-and-set and found through a cache of each thread's own.

use std::cell::RefCell;

use crate::buffer::CaptureBuffer;
use crate::error::Result;
use crate::slot::{Held, OfThread, Slot, Users};
use crate::source::Source;
use crate::sync::process::AtomicU64;
use crate::sync::{Arc, ArcSwap, Cache, Ordering, Queue, Weak, thread_local};
use crate::table::Table;

/// The newest table, and those that were replaced.
pub(crate) struct Published {
    map: Arc<ArcSwap<Table>>,
    /// Tables that were replaced and that a thread's cache may still hold.
    retired: Queue<Arc<Table>>,
    /// Tells this map from all others.
    number: u64,
    /// Tells threads' caches whether the map is still there.
    alive: Arc<()>,
    pub(crate) users: Users,
}

/// A thread's own pointer to the newest table it has seen, for one map.
struct ThreadCache {
    number: u64,
    alive: Weak<()>,
    table: Cache<Arc<ArcSwap<Table>>, Arc<Table>>,
    own: Arc<OfThread>,
}

thread_local! {
    static CACHES: RefCell<Vec<ThreadCache>> = const { RefCell::new(Vec::new()) };
}

impl Published {
    pub(crate) fn new() -> Self {
        let map = Arc::new(ArcSwap::from_pointee(Table::new()));
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        // SYNC none: a number that nobody else has.
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        Self { map, retired: Queue::new(), number, alive: Arc::new(()), users: Users::new() }
    }

    /// The table as it is now. For those who change or list it; lookups have a faster way.
    pub(crate) fn newest(&self) -> Arc<Table> {
        self.map.load_full()
    }

    /// How many old tables wait to be freed.
    #[cfg(test)]
    pub(crate) fn retired(&self) -> usize {
        self.retired.len()
    }

    /// The buffer of a source, to be used where it lies.
    #[inline]
    pub(crate) fn hold(&self, source: &str) -> Held<'_> {
        self.lookup(source, |slot, own| slot.map_or(Held::Nothing, |slot| self.users.hold(slot, own)))
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

    /// Looks a source up in this thread's newest table. For `look` to use what the slot holds there is what this thread writes down.
    #[inline]
    pub(crate) fn lookup<R>(&self, source: &str, look: impl FnOnce(Option<&Arc<Slot>>, &OfThread) -> R) -> R {
        let mut look = Some(look);
        let cached = CACHES.try_with(|caches| {
            let caches = &mut *caches.try_borrow_mut().ok()?;
            let cache = match caches.iter().position(|cache| cache.number == self.number) {
                Some(index) => &mut caches[index],
                None => self.new_cache(caches),
            };
            // SYNC map: the table's content happened before its publication.
            let ThreadCache { table, own, .. } = cache;
            let table = table.load();
            look.take().map(|look| look(table.get(source), own))
        });
        match (cached, look) {
            (Ok(Some(found)), _) => found,
            // The thread is ending, or this is called from within a lookup: go to the map itself.
            (_, Some(look)) => look(self.map.load().get(source), &self.users.of_thread()),
            (_, None) => unreachable!("`look` is taken only where its result is returned"),
        }
    }

    #[cold]
    fn new_cache<'a>(&self, caches: &'a mut Vec<ThreadCache>) -> &'a mut ThreadCache {
        caches.retain(|cache| cache.alive.strong_count() > 0);
        caches.push_mut(ThreadCache {
            number: self.number,
            alive: Arc::downgrade(&self.alive),
            table: Cache::new(Arc::clone(&self.map)),
            own: self.users.of_thread(),
        })
    }

    /// Puts an empty slot for a source into the map by compare-and-set; returns it and true, or the slot of who was faster.
    pub(crate) fn publish(&self, source: &str) -> Result<(Arc<Slot>, bool)> {
        let mut new_slot = None;
        loop {
            let table = self.map.load_full();
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
            let table = self.map.load_full();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Registry;

    #[test]
    fn a_thread_keeps_what_it_looked_up_in_until_the_registry_is_gone() {
        std::thread::spawn(|| {
            let caches_after_looking_in = |registry: &Registry| {
                registry.contains("x");
                CACHES.with(|caches| caches.borrow().len())
            };
            let [first, second] = [Registry::private(), Registry::private()];
            assert_eq!((caches_after_looking_in(&first), caches_after_looking_in(&second)), (1, 2));
            drop(first);
            assert_eq!(caches_after_looking_in(&Registry::private()), 2);
        })
        .join()
        .unwrap();
    }
}
