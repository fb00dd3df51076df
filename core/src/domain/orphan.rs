//! Rings whose recorder died: kept for a grace time, then swept.
//!
//! A ring that stays only while it is open is removed when its last process ends in order. If a
//! recorder was killed, its mark or its lease bears the number of a lock that nobody holds: then
//! the ring stays for its grace time, counted from the moment at which another process noticed.
//! The time is that since the machine started, so a clock that is set changes nothing.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use super::folder::Folder;
use super::{holders, liveness};
use crate::lifetime::Lifetime;
use crate::memory::Region;
use crate::sync::Ordering;

/// Upper bound of a grace time: what a file says can't keep it for ever.
pub(crate) const MAX_GRACE: Duration = Duration::from_secs(7 * 24 * 3600);

/// A grace time in whole seconds, rounded up, at most [`MAX_GRACE`].
pub(super) fn whole_seconds(grace: Duration) -> u32 {
    let grace = grace.min(MAX_GRACE);
    grace.as_secs() as u32 + u32::from(grace.subsec_nanos() > 0)
}

/// The grace time of a ring; `None` if it has none.
fn grace(region: &Region) -> Option<Duration> {
    let header = region.header();
    // SYNC none: stored before the region was published.
    let seconds = header.readers.grace_s.load(Ordering::Relaxed);
    let is_while_open = header.lifetime.load(Ordering::Relaxed) == Lifetime::WhileOpen as u32;
    (is_while_open && seconds > 0).then(|| Duration::from_secs(seconds.into()).min(MAX_GRACE))
}

/// True if a ring stays for a while when its recorder dies.
pub(super) fn has_grace(region: &Region) -> bool {
    grace(region).is_some()
}

/// The liveness locks of processes that record, or died while they did.
pub(super) fn recorders(region: &Region) -> impl Iterator<Item = u64> {
    // SYNC none: a process that takes the writer marks itself before.
    let marks = region.header().holders.iter().filter(|slot| slot.is_recorder.load(Ordering::Relaxed) != 0);
    let marks = marks.map(|slot| slot.liveness.load(Ordering::Relaxed)).filter(|liveness| *liveness != 0);
    marks.chain(holders::writer(region))
}

/// True if a recorder of a ring with a grace time died, and no other has taken over.
pub(super) fn is_orphaned(folder: &Folder, region: &Region) -> bool {
    has_grace(region) && recorders(region).any(|liveness| !liveness::is_alive(folder, liveness))
}

/// Time since the death of the recorder was noticed first: now, if not before.
pub(super) fn orphaned_for(region: &Region) -> Duration {
    let now_ns = boot_ns();
    let noticed = &region.header().readers.orphaned_boot_ns;
    let at_ns = noticed.load(Ordering::Relaxed);
    // A later time is of an earlier run of the machine.
    if at_ns <= 0 || at_ns > now_ns {
        // SYNC none: the first of several that notice at once counts.
        let _ = noticed.compare_exchange(at_ns, now_ns, Ordering::Relaxed, Ordering::Relaxed);
        return Duration::ZERO;
    }
    Duration::from_nanos(now_ns.abs_diff(at_ns))
}

/// True unless the grace time of an orphaned ring still runs.
pub(super) fn may_go(folder: &Folder, region: &Region) -> bool {
    !is_orphaned(folder, region) || grace(region).is_none_or(|grace| orphaned_for(region) >= grace)
}

/// Forgets dead recorders: another one has taken over.
pub(super) fn take_over(folder: &Folder, region: &Region) {
    for slot in &region.header().holders {
        holders::clear_if_dead(folder, slot);
    }
    region.header().readers.orphaned_boot_ns.store(0, Ordering::Relaxed);
}

/// Time since the machine started, suspension included; at least 1.
fn boot_ns() -> i64 {
    let now = clock_gettime(ClockId::Boottime);
    now.tv_sec.saturating_mul(1_000_000_000).saturating_add(now.tv_nsec).max(1)
}
