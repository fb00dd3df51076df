//! One shard of the map: an immutable hash table of slots, copied to be changed.

use hashbrown::HashTable;

use super::Slot;
use crate::sync::Arc;

/// A hash table from source to slot. The slot holds its key and its hash, so a copy rehashes
/// nothing.
#[derive(Clone, Default)]
pub(crate) struct Shard(HashTable<Arc<Slot>>);

impl Shard {
    /// The slot of a source.
    #[inline]
    pub(crate) fn get(&self, hash: u64, source: &str) -> Option<&Arc<Slot>> {
        self.0.find(hash, |slot| slot.source.as_str() == source)
    }

    /// A copy with one slot more. `source` must have no slot yet.
    pub(crate) fn with(&self, slot: &Arc<Slot>) -> Self {
        let mut copy = self.0.clone();
        copy.insert_unique(slot.hash, Arc::clone(slot), |slot| slot.hash);
        Self(copy)
    }

    /// A copy without this very slot; `None` if the table does not hold it.
    pub(crate) fn without(&self, slot: &Arc<Slot>) -> Option<Self> {
        let is_slot = |other: &Arc<Slot>| Arc::ptr_eq(other, slot);
        self.0.find(slot.hash, is_slot)?;
        let mut copy = self.0.clone();
        if let Ok(entry) = copy.find_entry(slot.hash, is_slot) {
            entry.remove();
        }
        if copy.len() * 4 < copy.capacity() {
            copy.shrink_to_fit(|slot| slot.hash);
        }
        Some(Self(copy))
    }

    pub(crate) fn slots(&self) -> impl Iterator<Item = &Arc<Slot>> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;

    fn slot(source: &str, hash: u64) -> Arc<Slot> {
        Arc::new(Slot::new(Source::new(source).unwrap(), hash))
    }

    #[test]
    fn copy_differs_in_one_slot_and_leaves_the_original_as_it_was() {
        let (mut shard, mut slots) = (Shard::default(), Vec::new());
        for number in 0..1000 {
            // Every hash is shared by two sources.
            let slot = slot(&format!("source {number}"), number / 2);
            let source = slot.source.as_str();
            let longer = shard.with(&slot);
            assert!(shard.get(slot.hash, source).is_none());
            assert!(Arc::ptr_eq(longer.get(slot.hash, source).unwrap(), &slot));
            shard = longer;
            slots.push(slot);
        }
        assert_eq!(shard.slots().count(), 1000);
        for slot in &slots {
            let source = slot.source.as_str();
            let shorter = shard.without(slot).unwrap();
            assert!(shard.get(slot.hash, source).is_some());
            assert!(shorter.get(slot.hash, source).is_none() && shorter.without(slot).is_none());
            shard = shorter;
        }
        assert_eq!((shard.slots().count(), shard.0.capacity()), (0, 0));
    }

    #[test]
    fn another_slot_of_the_same_source_is_not_removed() {
        let [one, other] = [(); 2].map(|()| slot("same", 7));
        assert!(Shard::default().with(&one).without(&other).is_none());
    }
}
