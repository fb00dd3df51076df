//! The map from sources to slots, as one immutable value that is copied to be changed.
//!
//! Two levels: a root of shards, each a small hash table. A change copies the root's pointers and one shard, a few
//! microseconds at ten thousand sources where copying a flat map takes hundreds; a lookup pays one more pointer.
//!
//! A shard is made of groups of one cache line, each with places for seven sources: which of them may be meant is told by one look at one
//! word of tags. Half of the places stay free, so nearly every source is in the group where it is looked for first.

use crate::registry::lookup::name::Seeds;
use crate::registry::lookup::slot::Slot;
use crate::source::Source;
use crate::sync::{Arc, PlainArc};

const SHARDS: usize = if cfg!(loom) { 1 } else { 128 };

#[derive(Clone)]
pub(crate) struct Table {
    shards: [Shard; SHARDS],
    seeds: Seeds,
    /// How many changes made it.
    version: u64,
}

/// Groups, a power of two of them.
type Shard = PlainArc<[Group]>;

const PLACES: usize = 7;
/// How many slots there are to a group before a shard grows, and after it has shrunk.
const FULL: usize = 4;

#[derive(Clone, Default)]
#[repr(align(64))]
struct Group {
    /// A byte for each place, zero if it is free. In the highest one: whether something that belongs here is in a group that follows.
    tags: u64,
    slots: [Option<Arc<Slot>>; PLACES],
}

#[cfg(not(loom))]
const _: () = assert!(size_of::<Group>() == 64);

const LOWEST_BITS: u64 = 0x0001_0101_0101_0101;
const PASSED: u64 = 1 << 63;

impl Group {
    /// The places with a tag, by the highest bits of their bytes. After one that has it, others may be among them.
    #[inline(always)]
    fn with_tag(&self, tag: u8) -> u64 {
        let differing = self.tags ^ (LOWEST_BITS * u64::from(tag));
        differing.wrapping_sub(LOWEST_BITS) & !differing & (LOWEST_BITS << 7)
    }

    /// Puts a slot into a free place; false if there is none.
    fn put(&mut self, slot: &Arc<Slot>) -> bool {
        let Some(place) = self.slots.iter().position(Option::is_none) else {
            self.tags |= PASSED;
            return false;
        };
        self.slots[place] = Some(Arc::clone(slot));
        self.tags |= u64::from(tag_of(slot.hash)) << (8 * place);
        true
    }

    /// Takes a slot out, if it is here. What others have passed is not forgotten.
    fn take_out(&mut self, slot: &Arc<Slot>) {
        if let Some(place) = self.slots.iter().position(|own| own.as_ref().is_some_and(|own| Arc::ptr_eq(own, slot))) {
            self.slots[place] = None;
            self.tags &= !(0xff << (8 * place));
        }
    }

    fn count(&self) -> usize {
        self.slots.iter().flatten().count()
    }
}

/// The first of the places that are told by the highest bits of their bytes; none if there is none.
#[inline(always)]
fn first_of(places: u64) -> usize {
    places.trailing_zeros() as usize / 8
}

// Each takes other bits of the hash.

/// Never zero.
#[inline(always)]
fn tag_of(hash: u64) -> u8 {
    hash as u8 | 1
}

#[inline(always)]
fn shard_of(hash: u64) -> usize {
    (hash >> 8) as usize % SHARDS
}

#[inline(always)]
fn group_of(hash: u64) -> usize {
    (hash >> 32) as usize
}

fn put(groups: &mut [Group], slot: &Arc<Slot>) {
    let last = groups.len() - 1;
    let first = group_of(slot.hash);
    let is_put = (first..=first + last).any(|at| groups[at & last].put(slot));
    debug_assert!(is_put, "a shard grows before it is full");
}

fn shard_with<'a>(groups: usize, slots: impl Iterator<Item = &'a Arc<Slot>>) -> Vec<Group> {
    let mut shard = vec![Group::default(); groups];
    slots.for_each(|slot| put(&mut shard, slot));
    shard
}

fn slots_of(groups: &[Group]) -> impl Iterator<Item = &Arc<Slot>> {
    groups.iter().flat_map(|group| group.slots.iter().flatten())
}

/// The slot of a source that may not be in the first place where it is looked for.
#[cold]
#[inline(never)]
fn further<'a>(groups: &'a [Group], hash: u64, source: &str) -> Option<&'a Arc<Slot>> {
    for at in 0..groups.len() {
        let group = &groups[group_of(hash).wrapping_add(at) & (groups.len() - 1)];
        let mut places = group.with_tag(tag_of(hash));
        while let Some(place) = group.slots.get(first_of(places)) {
            if let Some(slot) = place.as_ref().filter(|slot| slot.is_of(source)) {
                return Some(slot);
            }
            places &= places - 1;
        }
        if group.tags & PASSED == 0 {
            break;
        }
    }
    None
}

impl Table {
    pub(crate) fn new() -> Self {
        let empty: Shard = shard_with(1, std::iter::empty()).into();
        Self { shards: std::array::from_fn(|_| PlainArc::clone(&empty)), seeds: Seeds::new(), version: 0 }
    }

    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    pub(crate) fn new_slot(&self, source: Source) -> Arc<Slot> {
        let hash = self.seeds.hash(source.as_str());
        Arc::new(Slot::new(source, hash))
    }

    /// The slot of a source.
    #[inline(always)]
    pub(crate) fn get(&self, source: &str) -> Option<&Arc<Slot>> {
        let hash = self.seeds.hash(source);
        let groups = &*self.shards[shard_of(hash)];
        let group = groups.get(group_of(hash) & groups.len().wrapping_sub(1))?;
        match group.slots.get(first_of(group.with_tag(tag_of(hash)))) {
            Some(Some(slot)) if slot.is_of(source) => Some(slot),
            _ => further(groups, hash, source),
        }
    }

    /// A copy with a slot more. The source must not be in it yet.
    pub(crate) fn with(&self, slot: &Arc<Slot>) -> Self {
        let groups = &*self.shards[shard_of(slot.hash)];
        let is_full = groups.iter().map(Group::count).sum::<usize>() >= FULL * groups.len();
        let mut longer = if is_full { shard_with(2 * groups.len(), slots_of(groups)) } else { groups.to_vec() };
        put(&mut longer, slot);
        self.changed(slot.hash, longer)
    }

    /// A copy without a slot; `None` if just this slot is not in it.
    pub(crate) fn without(&self, slot: &Arc<Slot>) -> Option<Self> {
        self.get(slot.source.as_str()).filter(|found| Arc::ptr_eq(found, slot))?;
        let groups = &*self.shards[shard_of(slot.hash)];
        let others = || slots_of(groups).filter(|other| !Arc::ptr_eq(other, slot));
        let wanted = if others().count() * 4 < FULL * groups.len() { groups.len().div_ceil(2) } else { groups.len() };
        // Made anew it forgets what was passed, but has to look at each slot.
        let is_passed = groups.iter().filter(|group| group.tags & PASSED != 0).count() * 4 > groups.len();
        let mut shorter =
            if is_passed || wanted < groups.len() { shard_with(wanted, others()) } else { groups.to_vec() };
        shorter.iter_mut().for_each(|group| group.take_out(slot));
        Some(self.changed(slot.hash, shorter))
    }

    fn changed(&self, hash: u64, groups: Vec<Group>) -> Self {
        let mut copy = self.clone();
        copy.shards[shard_of(hash)] = groups.into();
        copy.version += 1;
        copy
    }

    pub(crate) fn slots(&self) -> impl Iterator<Item = &Arc<Slot>> {
        self.shards.iter().flat_map(|shard| slots_of(shard))
    }
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
