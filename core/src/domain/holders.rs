//! Who has a region mapped: marks in its header, each of which counts while the process that made it lives.

use super::folder::Folder;
use super::lock_file::Holder;
use super::presence;
use crate::region::{HolderSlot, Region};
use crate::sync::Ordering;

/// Marks a region as mapped by this process; `None` if there is no place left. Lock-free, apart from clearing dead marks.
pub(super) fn enter(folder: &Folder, region: &Region, presence: u64, now_utc_ns: i64) -> Option<usize> {
    free_place(region, presence)
        .or_else(|| {
            clear_dead(folder, region);
            free_place(region, presence)
        })
        .inspect(|place| {
            let slot = &region.header().holders[*place];
            // SYNC none: for display.
            slot.pid.store(std::process::id(), Ordering::Relaxed);
            slot.since_utc_ns.store(now_utc_ns, Ordering::Relaxed);
        })
}

fn free_place(region: &Region, presence: u64) -> Option<usize> {
    let free = |slot: &HolderSlot| {
        slot.presence.load(Ordering::Relaxed) == 0
            // SYNC holder: taken before the look at `removed`, which is set before the last look at the holders.
            && slot.presence.compare_exchange(0, presence, Ordering::SeqCst, Ordering::Relaxed).is_ok()
    };
    region.header().holders.iter().position(free)
}

/// Takes a mark away.
pub(super) fn leave(region: &Region, place: usize, presence: u64) {
    if let Some(slot) = region.header().holders.get(place) {
        // SYNC holder: what this process did to the region happened before.
        let _ = slot.presence.compare_exchange(presence, 0, Ordering::SeqCst, Ordering::Relaxed);
    }
}

/// Takes the marks of the dead away; returns how many there were.
pub(super) fn clear_dead(folder: &Folder, region: &Region) -> usize {
    let dead = |slot: &&HolderSlot| {
        // SYNC holder: a mark made before the flag is seen after it.
        let presence = slot.presence.load(Ordering::SeqCst);
        presence != 0
            && !presence::is_alive(folder, presence)
            && slot.presence.compare_exchange(presence, 0, Ordering::SeqCst, Ordering::Relaxed).is_ok()
    };
    region.header().holders.iter().filter(dead).count()
}

/// Tells whether any living process has the region mapped.
pub(super) fn any_alive(folder: &Folder, region: &Region) -> bool {
    alive(folder, region).next().is_some()
}

fn alive<'a>(folder: &'a Folder, region: &'a Region) -> impl Iterator<Item = (u64, &'a HolderSlot)> {
    // SYNC holder: a mark made before the flag is seen after it.
    let slots = region.header().holders.iter();
    slots
        .map(|slot| (slot.presence.load(Ordering::SeqCst), slot))
        .filter(|(presence, _)| *presence != 0 && presence::is_alive(folder, *presence))
}

/// The living processes that have the region mapped, and since when.
pub(super) fn list(folder: &Folder, region: &Region) -> Vec<(Holder, i64)> {
    let told = alive(folder, region).map(|(presence, slot)| {
        let unknown = || Holder { pid: slot.pid.load(Ordering::Relaxed), program: "unknown".to_owned() };
        let since_utc_ns = slot.since_utc_ns.load(Ordering::Relaxed);
        (presence::holder(folder, presence).unwrap_or_else(unknown), since_utc_ns)
    });
    told.collect()
}
