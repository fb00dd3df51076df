//! The map from sources to slots, as one immutable value that is copied to be changed.
//!
//! Two levels: a root of shards, each a small hash table. A change copies the root's pointers and one shard, a few
//! microseconds at ten thousand sources where copying a flat map takes hundreds; a lookup pays one more pointer.

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use std::hash::{BuildHasher, Hasher};

use crate::slot::Slot;
use crate::source::Source;
use crate::sync::Arc;

/// The fraction of the hash that picks the shard: its top bits, as the shards' tables use the lowest and highest seven
/// for themselves and share them.
const SHARDS: usize = if cfg!(loom) { 1 } else { 128 };

#[derive(Clone)]
pub(crate) struct Table {
    shards: [Arc<HashTable<Arc<Slot>>>; SHARDS],
    hasher: RandomState,
}

impl Table {
    pub(crate) fn new() -> Self {
        let empty = Arc::new(HashTable::new());
        Self { shards: std::array::from_fn(|_| Arc::clone(&empty)), hasher: RandomState::default() }
    }

    pub(crate) fn new_slot(&self, source: Source) -> Arc<Slot> {
        let hash = self.hash(source.as_str());
        Arc::new(Slot::new(source, hash))
    }

    /// Of the bytes alone: `Hash` for `str` adds a byte, to tell where strings end that follow each other.
    #[inline(always)]
    fn hash(&self, source: &str) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(source.as_bytes());
        hasher.finish()
    }

    /// The slot of a source.
    #[inline(always)]
    pub(crate) fn get(&self, source: &str) -> Option<&Arc<Slot>> {
        let hash = self.hash(source);
        self.shards[shard_of(hash)].find(hash, |slot| slot.source.as_str() == source)
    }

    /// A copy with a slot more. The source must not be in it yet.
    pub(crate) fn with(&self, slot: &Arc<Slot>) -> Self {
        self.changed(slot.hash, |shard| {
            shard.insert_unique(slot.hash, Arc::clone(slot), |slot| slot.hash);
        })
    }

    /// A copy without a slot; `None` if just this slot is not in it.
    pub(crate) fn without(&self, slot: &Arc<Slot>) -> Option<Self> {
        self.get(slot.source.as_str()).filter(|found| Arc::ptr_eq(found, slot))?;
        Some(self.changed(slot.hash, |shard| {
            if let Ok(entry) = shard.find_entry(slot.hash, |found| Arc::ptr_eq(found, slot)) {
                entry.remove();
            }
        }))
    }

    fn changed(&self, hash: u64, change: impl FnOnce(&mut HashTable<Arc<Slot>>)) -> Self {
        let mut copy = self.clone();
        let shard = &mut copy.shards[shard_of(hash)];
        let mut changed = HashTable::clone(shard);
        change(&mut changed);
        *shard = Arc::new(changed);
        copy
    }

    pub(crate) fn slots(&self) -> impl Iterator<Item = &Arc<Slot>> {
        self.shards.iter().flat_map(|shard| shard.iter())
    }
}

fn shard_of(hash: u64) -> usize {
    (hash >> 32) as usize % SHARDS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_differs_in_one_slot_and_the_original_not_at_all() {
        let mut table = Table::new();
        let mut slots = Vec::new();
        for number in 0..1000 {
            let slot = table.new_slot(Source::new(&format!("source {number}")).unwrap());
            let longer = table.with(&slot);
            assert!(table.get(slot.source.as_str()).is_none());
            assert!(Arc::ptr_eq(longer.get(slot.source.as_str()).unwrap(), &slot));
            (table, _) = (longer, slots.push(slot));
        }
        assert_eq!(table.slots().count(), 1000);
        for slot in &slots {
            let shorter = table.without(slot).unwrap();
            assert!(table.get(slot.source.as_str()).is_some());
            assert!(shorter.get(slot.source.as_str()).is_none() && shorter.without(slot).is_none());
            table = shorter;
        }
        assert_eq!(table.slots().count(), 0);
    }

    #[test]
    fn another_slot_of_the_same_source_is_not_taken_out() {
        let table = Table::new();
        let [one, other] = [(); 2].map(|()| table.new_slot(Source::new("same").unwrap()));
        assert!(table.with(&one).without(&other).is_none());
    }
}
