//! The map of a registry: shards published by compare-and-set.

use std::hash::{BuildHasher, Hasher};

use hashbrown::DefaultHashBuilder;

use super::Slot;
use super::retired::Retired;
use super::shard::Shard;
use crate::buffer::CaptureBuffer;
use crate::error::Result;
use crate::source::Source;
use crate::sync::{Arc, ArcSwap, Guard, PlainArc, process};

/// An update copies one shard: at 10 000 sources, 80 entries.
const SHARDS: usize = if cfg!(loom) { 1 } else { 128 };

/// The map from sources to slots.
pub(crate) struct Map {
    shards: [ArcSwap<Shard>; SHARDS],
    /// Seeded at random: sources that share a bucket can't be chosen in advance.
    hasher: DefaultHashBuilder,
    /// The list of this process: a forked child replaces the one of its parent.
    retired: process::ArcSwap<Retired>,
}

/// A shard as it was when it was loaded. Keeps its slots, and their buffers, alive.
pub(crate) struct Loaded {
    shard: Guard<Arc<Shard>>,
    hash: u64,
}

impl Loaded {
    /// The slot of the source that the shard was loaded for.
    #[inline]
    pub(crate) fn slot(&self, source: &str) -> Option<&Arc<Slot>> {
        self.shard.get(self.hash, source)
    }

    /// The buffer of the source that the shard was loaded for, if it has one.
    #[inline]
    pub(crate) fn buffer(&self, source: &str) -> Option<&CaptureBuffer> {
        self.slot(source)?.buffer()
    }
}

impl Map {
    pub(crate) fn new() -> Self {
        Self {
            shards: std::array::from_fn(|_| ArcSwap::from_pointee(Shard::default())),
            hasher: DefaultHashBuilder::default(),
            retired: process::ArcSwap::from_pointee(Retired::new()),
        }
    }

    /// The replaced shards of this process.
    pub(crate) fn retired(&self) -> PlainArc<Retired> {
        loop {
            let retired = self.retired.load_full();
            if !retired.is_inherited() {
                return retired;
            }
            self.retired.compare_and_swap(&retired, PlainArc::new(Retired::new()));
        }
    }

    #[inline]
    fn hash(&self, source: &str) -> u64 {
        // The bytes alone: hashing a `str` adds a terminator for tuples.
        let mut hasher = self.hasher.build_hasher();
        hasher.write(source.as_bytes());
        hasher.finish()
    }

    /// The shard of a hash, by bits that the table uses neither for its buckets nor for its tags.
    #[inline]
    fn shard(&self, hash: u64) -> &ArcSwap<Shard> {
        &self.shards[(hash >> 32) as usize % SHARDS]
    }

    /// Loads the shard of a source. Lock-free; allocates once a thread.
    #[inline]
    pub(crate) fn load(&self, source: &str) -> Loaded {
        let hash = self.hash(source);
        // SYNC map (load): acquires the shard's content.
        Loaded { shard: self.shard(hash).load(), hash }
    }

    /// A counted handle on the buffer of a source.
    #[inline]
    pub(crate) fn get(&self, source: &str) -> Option<CaptureBuffer> {
        self.load(source).buffer(source).cloned()
    }

    /// Handles on all buffers. Not a snapshot: shards are loaded one after the other.
    pub(crate) fn handles(&self) -> Vec<CaptureBuffer> {
        let mut handles = Vec::new();
        for shard in &self.shards {
            handles.extend(shard.load().slots().filter_map(|slot| slot.buffer().cloned()));
        }
        handles
    }

    /// Publishes an empty slot for a source; returns it and true, or the slot that was there and
    /// false.
    pub(crate) fn publish(&self, source: &str) -> Result<(Arc<Slot>, bool)> {
        let hash = self.hash(source);
        let mut new_slot = None;
        loop {
            let shard = self.shard(hash).load_full();
            if let Some(slot) = shard.get(hash, source) {
                return Ok((Arc::clone(slot), false));
            }
            let slot = match &new_slot {
                Some(slot) => slot,
                None => new_slot.insert(Arc::new(Slot::new(Source::new(source)?, hash))),
            };
            let longer = shard.with(slot);
            if self.replace(hash, shard, longer) {
                return Ok((Arc::clone(slot), true));
            }
        }
    }

    /// Removes a slot; false if the map does not hold this very slot.
    pub(crate) fn remove(&self, slot: &Arc<Slot>) -> bool {
        loop {
            let shard = self.shard(slot.hash).load_full();
            let Some(shorter) = shard.without(slot) else { return false };
            if self.replace(slot.hash, shard, shorter) {
                return true;
            }
        }
    }

    /// Publishes a shard in place of the one that it was copied from; false if another updater was
    /// faster.
    fn replace(&self, hash: u64, old: Arc<Shard>, new: Shard) -> bool {
        // SYNC map (publish): releases the shard's content to every thread that loads it.
        let found = self.shard(hash).compare_and_swap(&old, Arc::new(new));
        let is_replaced = Arc::ptr_eq(&found, &old);
        drop(found);
        if is_replaced {
            self.retired().push(old);
        }
        is_replaced
    }

    /// A map as a forked child sees its parent's.
    #[cfg(test)]
    pub(super) fn of_parent() -> Self {
        Self { retired: process::ArcSwap::from_pointee(Retired::of_parent()), ..Self::new() }
    }

    /// The parent's list, as a forked child finds it.
    #[cfg(test)]
    pub(super) fn parents_list(&self) -> PlainArc<Retired> {
        self.retired.load_full()
    }

    /// Publishes an empty slot whose filler a fork left behind.
    #[cfg(test)]
    pub(super) fn publish_of_parent(&self, source: &str) {
        let hash = self.hash(source);
        let shard = self.shard(hash).load_full();
        let longer = shard.with(&Arc::new(Slot::of_parent(source, hash)));
        assert!(self.replace(hash, shard, longer));
    }
}
