//! The processes that have a region mapped: marks in its header, each valid while its process
//! lives.

use std::collections::HashSet;

use super::folder::Folder;
use super::liveness;
use super::process_number::process;
use crate::holder::Holder;
use crate::memory::{HolderSlot, Region};
use crate::sync::{Ordering, fence};

/// Marks a region as mapped by this process. If all places are taken the process is counted only;
/// its memory stays mapped when the ring is removed. Lock-free, apart from clearing dead marks.
pub(super) fn enter(folder: &Folder, region: &Region, liveness: u64, now_utc_ns: i64) -> Option<usize> {
    let place = mark(region, liveness).or_else(|| {
        clear_dead(folder, region);
        mark(region, liveness)
    });
    match place.and_then(|place| region.header().holders.get(place)) {
        Some(slot) => {
            // SYNC none: for display.
            slot.pid.store(std::process::id(), Ordering::Relaxed);
            slot.since_utc_ns.store(now_utc_ns, Ordering::Relaxed);
        }
        None => {
            // SYNC none: for display.
            region.header().unlisted.fetch_add(1, Ordering::Relaxed);
        }
    }
    place
}

/// Takes a free place. The caller then checks the removal state.
pub(crate) fn mark(region: &Region, liveness: u64) -> Option<usize> {
    let free = |slot: &HolderSlot| {
        slot.liveness.load(Ordering::Relaxed) == 0
            && slot.liveness.compare_exchange(0, liveness, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    };
    let place = region.header().holders.iter().position(free);
    // SYNC holder (marked): a removal that begins after this sees the mark, or the caller sees its
    // flag.
    fence(Ordering::SeqCst);
    place
}

/// Clears a mark, or counts a process without a place no more. The caller then checks the removal
/// state, and whether it was the last.
pub(crate) fn leave(region: &Region, place: Option<usize>, liveness: u64) {
    let header = region.header();
    if let Some(slot) = place.and_then(|place| header.holders.get(place)) {
        // SYNC holder (unmark): ordered by the fence below.
        let _ = slot.liveness.compare_exchange(liveness, 0, Ordering::Relaxed, Ordering::Relaxed);
    } else {
        let less = |count: u32| count.checked_sub(1);
        // SYNC none: for display. Not below zero, whatever another process stored.
        let _ = header.unlisted.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }
    // SYNC holder (left): a removal that begins after this sees that the mark, or the lease, is
    // gone, or the caller sees no flag and removes the ring.
    fence(Ordering::SeqCst);
}

/// The number of living processes that have the region mapped without a place. Not above the number
/// of those that have the domain open and no place: killed ones stay counted in the header.
pub(super) fn unlisted(folder: &Folder, region: &Region) -> u32 {
    // SYNC none: for display.
    let counted = region.header().unlisted.load(Ordering::Relaxed);
    if counted == 0 {
        return 0;
    }
    let Ok(mut living) = liveness::living(folder) else { return counted };
    for (number, _) in alive(folder, region) {
        living.remove(&process(number));
    }
    counted.min(u32::try_from(living.len()).unwrap_or(u32::MAX))
}

/// Counts killed processes without a place no more.
pub(super) fn recount_unlisted(folder: &Folder, region: &Region) {
    let count = &region.header().unlisted;
    let counted = count.load(Ordering::Relaxed);
    if counted > 0 {
        // SYNC none: for display. If a process comes or goes meanwhile the next sweep does it.
        let _ = count.compare_exchange(counted, unlisted(folder, region), Ordering::Relaxed, Ordering::Relaxed);
    }
}

/// Clears the marks of dead processes; returns their number.
pub(super) fn clear_dead(folder: &Folder, region: &Region) -> usize {
    let dead = |slot: &&HolderSlot| {
        let liveness = slot.liveness.load(Ordering::Relaxed);
        liveness != 0
            && !liveness::is_alive(folder, liveness)
            && slot.liveness.compare_exchange(liveness, 0, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    };
    region.header().holders.iter().filter(dead).count()
}

/// True if a living process has a mark in the region, or writes to it.
pub(super) fn any_alive(folder: &Folder, region: &Region) -> bool {
    alive(folder, region).next().is_some() || writer(region).is_some_and(|lease| liveness::is_alive(folder, lease))
}

/// The liveness lock of the process that holds the writer's lease, alive or dead.
pub(super) fn writer(region: &Region) -> Option<u64> {
    // SYNC none: the fences of taking the lease and of removing order the lease and the flag.
    Some(region.header().readers.lease.load(Ordering::Relaxed)).filter(|lease| *lease != 0)
}

fn alive<'a>(folder: &'a Folder, region: &'a Region) -> impl Iterator<Item = (u64, &'a HolderSlot)> {
    // SYNC none: the fences of marking, leaving and removing order the marks and the flag.
    let slots = region.header().holders.iter();
    slots
        .map(|slot| (slot.liveness.load(Ordering::Relaxed), slot))
        .filter(|(liveness, _)| *liveness != 0 && liveness::is_alive(folder, *liveness))
}

/// The living processes that have a mark in the region, each once, with its start time.
pub(super) fn list(folder: &Folder, region: &Region) -> Vec<(Holder, i64)> {
    let mut listed = HashSet::new();
    // Copies of this library in one process have marks of their own.
    let alive = alive(folder, region).filter(|(liveness, _)| listed.insert(process(*liveness)));
    let alive = alive.map(|(liveness, slot)| {
        let unknown = || Holder { pid: slot.pid.load(Ordering::Relaxed), program: "unknown".to_owned() };
        let since_utc_ns = slot.since_utc_ns.load(Ordering::Relaxed);
        (liveness::holder(folder, liveness).unwrap_or_else(unknown), since_utc_ns)
    });
    alive.collect()
}
