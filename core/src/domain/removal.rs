//! The removal state of a ring: a flag in its header.
//!
//! A ring that stays only while it is open is removed when its last holder leaves. An opener marks
//! the ring, then loads the flag; a remover sets the flag to `PENDING`, then loads the marks: one
//! of the two sees the other. Only the holder of the lock on the ring's file sets `PENDING`, so a
//! process that finds it waits for that lock, and then knows.

use crate::error::Result;
use crate::memory::{Region, WriterLine};
use crate::sync::{AtomicU32, Ordering, fence};

/// The flag while a remover decides: neither removed nor in use for certain.
pub(crate) const PENDING: u32 = 2;

pub(super) fn flag(region: &Region) -> &AtomicU32 {
    &region.header().writer.removed
}

/// True if a ring is removed from its domain.
pub(crate) fn is_removed(region: &Region) -> bool {
    // SYNC removed (observe): acquires what the remover did before.
    !matches!(flag(region).load(Ordering::Acquire), 0 | PENDING)
}

/// True if a ring is neither removed nor pending removal.
#[inline]
pub(crate) fn is_in_use(line: &WriterLine) -> bool {
    // SYNC none: a caller that finds the flag set calls `is_removed`, which acquires.
    line.removed.load(Ordering::Relaxed) == 0
}

/// Marks a ring as removed. Under the lock on its file.
pub(crate) fn mark_removed(region: &Region) {
    // SYNC removed (publish): releases what the remover did before.
    flag(region).store(1, Ordering::Release);
}

/// True if a ring that the caller has just marked stays. Takes the lock on its file if the removal
/// is pending, so the caller may hold that lock only after [`settle`].
pub(crate) fn stays_open<C>(region: &Region, lock: impl FnOnce() -> Result<C>) -> Result<bool> {
    // SYNC holder (pending): the fence of the mark orders it.
    if flag(region).load(Ordering::Relaxed) == PENDING {
        // The remover has seen the mark, or has not and has removed the ring.
        let _lock = lock()?;
        settle(region);
    }
    Ok(!is_removed(region))
}

/// Withdraws a pending removal whose process died. Under the lock on the file, so no other removal
/// is pending. A removed ring stays removed.
pub(crate) fn settle(region: &Region) {
    // SYNC none: the lock orders removals.
    let _ = flag(region).compare_exchange(PENDING, 0, Ordering::Relaxed, Ordering::Relaxed);
}

/// Decides, under the lock on its file, whether no process has a ring open. If so the flag stays
/// `PENDING`, and the name can be removed.
pub(crate) fn is_abandoned(region: &Region, any_alive: impl Fn() -> bool) -> bool {
    // An opener that marked the ring, found the flag and left may have looked before the flag was
    // withdrawn: check again.
    while !any_alive() {
        flag(region).store(PENDING, Ordering::Relaxed);
        // SYNC holder (flagged): an opener that marks the ring after this sees the flag, or is seen
        // below.
        fence(Ordering::SeqCst);
        if !any_alive() {
            return true;
        }
        flag(region).store(0, Ordering::Relaxed);
        // SYNC holder (unflagged): a holder that leaves after this sees no flag and removes the
        // ring, or was seen to have left above.
        fence(Ordering::SeqCst);
    }
    false
}
