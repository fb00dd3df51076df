//! The removal state of a ring: a flag in its header.
//!
//! A ring that stays only while it is open is removed when its last holder leaves. An opener marks
//! the ring, then loads the flag; a remover sets the flag to `PENDING`, then loads the marks: one
//! of the two sees the other. Only the holder of the lock on the ring's file sets `PENDING`, so a
//! process that finds it waits for that lock, and then knows.

use crate::error::Result;
use crate::holder::Holder;
use crate::memory::{REMOVER_WORDS, Region, WriterLine, copy};
use crate::sync::{AtomicU32, Ordering, fence};

/// The flag while a remover decides: neither removed nor in use for certain.
pub(crate) const PENDING: u32 = 2;

/// The flag once the file was taken away: by a cleaner, say, not through this library.
const TAKEN: u32 = 3;

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

/// Marks a ring as removed whose file was taken away, unless it is removed already.
pub(crate) fn mark_taken(region: &Region) {
    for state in [0, PENDING] {
        // SYNC none: nothing was done before that an observer must see.
        let _ = flag(region).compare_exchange(state, TAKEN, Ordering::Relaxed, Ordering::Relaxed);
    }
}

/// True if the file of a ring was taken away.
pub(crate) fn is_taken(region: &Region) -> bool {
    flag(region).load(Ordering::Relaxed) == TAKEN
}

/// Writes the process that removes a ring into it, or, into a new ring, the one that removed its
/// predecessor. Before it is marked, or published.
pub(crate) fn set_remover(region: &Region, remover: Option<&Holder>) {
    let line = &region.header().readers;
    let mut program = [0; REMOVER_WORDS * 8];
    let name = remover.map_or("", |remover| remover.program.as_str());
    let end = (0..=program.len().min(name.len())).rev().find(|end| name.is_char_boundary(*end)).unwrap_or(0);
    program[..end].copy_from_slice(&name.as_bytes()[..end]);
    // SYNC none: for display.
    copy::copy_in(&line.remover, 0, &program);
    line.remover_pid.store(remover.map_or(0, |remover| remover.pid), Ordering::Relaxed);
}

/// The process that removed a ring, or its predecessor.
pub(crate) fn remover(region: &Region) -> Option<Holder> {
    let line = &region.header().readers;
    // SYNC none: for display.
    let pid = Some(line.remover_pid.load(Ordering::Relaxed)).filter(|pid| *pid != 0)?;
    let mut program = [0; REMOVER_WORDS * 8];
    copy::copy_out(&line.remover, 0, &mut program);
    let program = String::from_utf8_lossy(&program).trim_end_matches('\0').replace(char::is_control, " ");
    Some(Holder { pid, program })
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

/// True if a ring whose lease the caller has just taken stays: as [`stays_open`]. A mark alone does
/// not keep an orphaned ring from being replaced.
pub(crate) fn stays_leased<C>(region: &Region, lock: impl FnOnce() -> Result<C>) -> Result<bool> {
    // SYNC holder (leased): a removal that begins after this sees the lease, or the caller sees its
    // flag.
    fence(Ordering::SeqCst);
    stays_open(region, lock)
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
