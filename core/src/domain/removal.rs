//! The removal state of a ring: a flag in its header.
//!
//! A ring that stays only while it is open is removed when its last holder leaves. A process that opens the ring marks it as open,
//! then loads the flag; a process that removes it sets the flag to `PENDING`, then loads the marks: one of the two sees the other.
//! Only the owner of the source's lock file sets `PENDING`, so a process that meets `PENDING` waits for that lock, and then knows.

use crate::error::Result;
use crate::memory::{Region, WriterLine};
use crate::sync::{AtomicU32, Ordering, fence};

/// The flag while it is being decided whether a ring is abandoned: not removed, and not to be relied on.
pub(crate) const PENDING: u32 = 2;

pub(super) fn flag(region: &Region) -> &AtomicU32 {
    &region.header().writer.removed
}

/// Tells whether a ring is out of its domain.
pub(crate) fn is_removed(region: &Region) -> bool {
    // SYNC removed (observe): acquires what the remover did before.
    !matches!(flag(region).load(Ordering::Acquire), 0 | PENDING)
}

/// Tells whether a ring is neither removed nor pending removal.
#[inline]
pub(crate) fn is_in_use(line: &WriterLine) -> bool {
    // SYNC none: who finds the flag set looks again, and sees what its remover did.
    line.removed.load(Ordering::Relaxed) == 0
}

/// Marks a ring as out of its domain. Under its source's lock file.
pub(crate) fn mark_removed(region: &Region) {
    // SYNC removed (publish): releases what the remover did before.
    flag(region).store(1, Ordering::Release);
}

/// Tells whether a ring that the caller has just marked as open is there to stay open. Takes the lock file if the
/// removal is pending, so the caller may hold that lock only after [`settle`].
pub(crate) fn stays_open<C>(region: &Region, lock: impl FnOnce() -> Result<C>) -> Result<bool> {
    // SYNC holder (pending): the fence of the mark orders it.
    if flag(region).load(Ordering::Relaxed) == PENDING {
        // The remover has seen the mark, or has not and has removed the ring.
        let _lock = lock()?;
        settle(region);
    }
    Ok(!is_removed(region))
}

/// Takes back a pending removal whose process died, under the lock file: no other removal is pending then. Removed stays removed.
pub(crate) fn settle(region: &Region) {
    // SYNC none: the lock file orders removals.
    let _ = flag(region).compare_exchange(PENDING, 0, Ordering::Relaxed, Ordering::Relaxed);
}

/// Decides, under the lock file, whether no process has a ring open. If so the flag stays `PENDING`, and its name can be taken away.
pub(crate) fn is_abandoned(region: &Region, any_alive: impl Fn() -> bool) -> bool {
    // Who marked the ring, met the flag and left may have looked before the flag was taken back: so look again.
    while !any_alive() {
        flag(region).store(PENDING, Ordering::Relaxed);
        // SYNC holder (flagged): an opener that marks the ring after this sees the flag, or is seen
        // below.
        fence(Ordering::SeqCst);
        if !any_alive() {
            return true;
        }
        flag(region).store(0, Ordering::Relaxed);
        // SYNC holder (unflagged): a holder that leaves after this sees no flag and removes the ring, or
        // was seen to have left above.
        fence(Ordering::SeqCst);
    }
    false
}
