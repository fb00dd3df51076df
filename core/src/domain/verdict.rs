//! Whether a ring is out of its domain: a flag in its header.
//!
//! A ring that stays only while it is open is judged when its last holder leaves. Who opens it at that moment marks it as open and
//! then looks at the flag; who judges sets the flag and then looks at the marks: one of the two sees the other. Only who holds the
//! claim judges, so who meets a flag that says "judged" waits for the claim, and then knows.

use crate::error::Result;
use crate::memory::{Region, WriterLine};
use crate::sync::{AtomicU32, Ordering, fence};

/// What the flag is while it is judged whether a ring is abandoned: it is not removed, and not to be relied on.
pub(crate) const JUDGED: u32 = 2;

pub(super) fn flag(region: &Region) -> &AtomicU32 {
    &region.header().writer.removed
}

/// Tells whether a ring is out of its domain.
pub(crate) fn is_removed(region: &Region) -> bool {
    // SYNC removed: what its remover did before is seen by who sees the flag.
    !matches!(flag(region).load(Ordering::Acquire), 0 | JUDGED)
}

/// Tells whether a ring is neither removed nor being judged.
#[inline]
pub(crate) fn is_in_use(line: &WriterLine) -> bool {
    // SYNC none: who finds the flag set looks again, and sees what its remover did.
    line.removed.load(Ordering::Relaxed) == 0
}

/// Marks a ring as out of its domain. Under its claim.
pub(crate) fn remove(region: &Region) {
    // SYNC removed: what its remover did before is seen by who sees the flag.
    flag(region).store(1, Ordering::Release);
}

/// Tells whether a ring that the caller has just marked as open is there to stay open. Takes the claim if it must, and so may not be
/// called with the claim, unless what a judge left that died has been settled.
pub(crate) fn stays_open<C>(region: &Region, claim: impl FnOnce() -> Result<C>) -> Result<bool> {
    if flag(region).load(Ordering::Relaxed) == JUDGED {
        // Whoever judges has seen the mark, or has not and has removed it.
        let _claim = claim()?;
        settle(region);
    }
    Ok(!is_removed(region))
}

/// Takes back what a judge left that died, under the claim: nobody else judges then. A flag that says removed stays.
pub(crate) fn settle(region: &Region) {
    // SYNC none: the claim orders judges.
    let _ = flag(region).compare_exchange(JUDGED, 0, Ordering::Relaxed, Ordering::Relaxed);
}

/// Judges, under the claim, whether nobody has a ring open. If so the flag stays at "judged", and its name can be taken away.
pub(crate) fn is_abandoned(region: &Region, any_alive: impl Fn() -> bool) -> bool {
    // Who marked the ring, met the flag and left may have looked before the flag was taken back: so look again.
    while !any_alive() {
        flag(region).store(JUDGED, Ordering::Relaxed);
        // SYNC holder: who marks the ring after this sees the flag, or is seen below.
        fence(Ordering::SeqCst);
        if !any_alive() {
            return true;
        }
        flag(region).store(0, Ordering::Relaxed);
        // SYNC holder: who leaves after this sees no flag and judges, or is seen to have left above.
        fence(Ordering::SeqCst);
    }
    false
}
