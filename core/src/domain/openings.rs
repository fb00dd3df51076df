//! The openings of rings by this process: one mark for each, however many registries have it open.

use std::collections::HashMap;

use super::folder::Folder;
use super::holders;
use super::liveness::LivenessLock;
use super::presence::Identity;
use crate::memory::Region;
use crate::sync::process::ArcSwapOption;
use crate::sync::{Arc, OwnLock, PlainArc};

/// A ring: its number and its file. The copy of a file has the same number.
pub(super) type Ring = (u64, Option<Identity>);

/// The mark of this process in a ring.
#[derive(Debug)]
struct Mark {
    /// Held because its number stands in the mark: its lock shows that this process lives.
    liveness: Arc<LivenessLock>,
    /// `None` if all places were taken.
    place: Option<usize>,
    openings: usize,
}

type Marks = OwnLock<HashMap<Ring, Mark>>;

/// Replaced in a forked child, whose parent has the marks.
static OF_PROCESS: ArcSwapOption<Marks> = ArcSwapOption::const_empty();

fn of_this_process() -> PlainArc<Marks> {
    loop {
        let current = OF_PROCESS.load();
        match &*current {
            Some(marks) if !marks.is_inherited() => return PlainArc::clone(marks),
            // Another thread may be faster: then its map is returned.
            _ => drop(OF_PROCESS.compare_and_swap(&*current, Some(PlainArc::default()))),
        }
    }
}

/// Counts an opening of a ring, and marks the ring at the first; returns whether this process has a
/// place there.
pub(super) fn enter(
    folder: &Folder,
    region: &Region,
    ring: Ring,
    liveness: Arc<LivenessLock>,
    now_utc_ns: i64,
) -> bool {
    let marks = of_this_process();
    let Some(mut marks) = marks.lock() else { return false };
    let mark = marks.entry(ring).or_insert_with(|| {
        let place = holders::enter(folder, region, liveness.number(), now_utc_ns);
        Mark { liveness, place, openings: 0 }
    });
    mark.openings += 1;
    mark.place.is_some()
}

/// Ends an opening of a ring; true if it was the last, whose mark is cleared.
pub(super) fn leave(region: &Region, ring: &Ring) -> bool {
    let marks = of_this_process();
    let Some(mut marks) = marks.lock() else { return false };
    if let Some(mark) = marks.get_mut(ring).filter(|mark| mark.openings > 1) {
        mark.openings -= 1;
        return false;
    }
    let Some(mark) = marks.remove(ring) else { return false };
    // Under the lock: an opening that begins now marks the ring anew.
    holders::leave(region, mark.place, mark.liveness.number());
    true
}
