//! The processes that have a region mapped: marks in its header, each valid while its process
//! lives.

use super::folder::Folder;
use super::liveness;
use crate::holder::Holder;
use crate::memory::{HolderSlot, Region};
use crate::sync::{Ordering, fence};

/// Marks a region as mapped by this process; `None` if all places are taken. Lock-free, apart from
/// clearing dead marks.
pub(super) fn enter(folder: &Folder, region: &Region, liveness: u64, now_utc_ns: i64) -> Option<usize> {
    mark(region, liveness)
        .or_else(|| {
            clear_dead(folder, region);
            mark(region, liveness)
        })
        .inspect(|place| {
            let slot = &region.header().holders[*place];
            // SYNC none: for display.
            slot.pid.store(std::process::id(), Ordering::Relaxed);
            slot.since_utc_ns.store(now_utc_ns, Ordering::Relaxed);
        })
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

/// Clears a mark. The caller then checks the removal state, and whether it was the last.
pub(crate) fn leave(region: &Region, place: usize, liveness: u64) {
    if let Some(slot) = region.header().holders.get(place) {
        // SYNC holder (unmark): ordered by the fence below.
        let _ = slot.liveness.compare_exchange(liveness, 0, Ordering::Relaxed, Ordering::Relaxed);
    }
    // SYNC holder (left): a removal that begins after this sees that the mark is gone, or the
    // caller sees no flag and removes the ring.
    fence(Ordering::SeqCst);
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

/// True if a living process has the region mapped.
pub(super) fn any_alive(folder: &Folder, region: &Region) -> bool {
    alive(folder, region).next().is_some()
}

fn alive<'a>(folder: &'a Folder, region: &'a Region) -> impl Iterator<Item = (u64, &'a HolderSlot)> {
    // SYNC none: the fences of marking, leaving and removing order the marks and the flag.
    let slots = region.header().holders.iter();
    slots
        .map(|slot| (slot.liveness.load(Ordering::Relaxed), slot))
        .filter(|(liveness, _)| *liveness != 0 && liveness::is_alive(folder, *liveness))
}

/// The living processes that have the region mapped, each with its start time.
pub(super) fn list(folder: &Folder, region: &Region) -> Vec<(Holder, i64)> {
    let alive = alive(folder, region).map(|(liveness, slot)| {
        let unknown = || Holder { pid: slot.pid.load(Ordering::Relaxed), program: "unknown".to_owned() };
        let since_utc_ns = slot.since_utc_ns.load(Ordering::Relaxed);
        (liveness::holder(folder, liveness).unwrap_or_else(unknown), since_utc_ns)
    });
    alive.collect()
}
