//! What all handles of a buffer share.

use super::commit::Committer;
use crate::clock::Clock;
use crate::domain::{Membership, removal};
use crate::error::Error;
use crate::memory::{Charge, Pool, Region};
use crate::source::Source;
use crate::spec::Spec;
use crate::sync::{Arc, AtomicU32, Ordering, PlainArc, process};
use crate::track::{Outcome, Tracker};

/// What all handles of a buffer share. The memory goes back when the last of them ends.
///
/// In this order, as what an attempt to allocate looks at is to lie beside the handle count, which it changes.
#[repr(C)]
pub(crate) struct Shared {
    pub(crate) spec: Spec,
    pub(crate) region: Region,
    pub(crate) source: Source,
    /// A copy: the region's own may be overwritten by anybody.
    pub(crate) id: u64,
    /// `None` in a private registry.
    pub(crate) membership: Option<Membership>,
    pub(crate) clock: PlainArc<dyn Clock>,
    /// The most that one read may allocate.
    pub(crate) segment_limit_bytes: u64,
    pub(crate) committer: Option<PlainArc<Committer>>,
    pub(crate) commit_asked: AtomicU32,
    /// Where its memory goes, in a private registry that has a pool.
    pub(crate) pool: Option<PlainArc<Pool>>,
    pub(crate) tracker: PlainArc<Tracker>,
    /// Since when it is mapped here.
    pub(crate) opened_utc_ns: i64,
    /// How far the last window read here ended behind the newest frame; `u64::MAX` before the first.
    pub(crate) window_lag_frames: process::AtomicU64,
    /// Given back after the region is unmapped: fields drop in their order.
    pub(crate) charge: Charge,
}

impl Shared {
    pub(crate) fn is_removed(&self) -> bool {
        removal::is_removed(&self.region)
    }

    pub(crate) fn mark_removed(&self) {
        removal::mark_removed(&self.region);
    }

    /// Has the memory committed soon, if that is wanted and was not asked for before. For who is about to write.
    pub(crate) fn commit_ahead(shared: &Arc<Self>) {
        if let Some(committer) = &shared.committer
            && shared.commit_asked.swap(1, Ordering::Relaxed) == 0
        {
            // A slice at a time, so that a buffer that nobody holds any more is unmapped at once.
            let shared = Arc::downgrade(shared);
            committer.commit(move |slice| shared.upgrade().is_some_and(|shared| shared.region.commit_slice(slice)));
        }
    }

    pub(crate) fn removed(&self) -> Error {
        Error::Removed { source_name: self.source.clone() }
    }

    /// Counts a read that came too late.
    pub(crate) fn count_eviction(&self, error: &Error) {
        if matches!(error, Error::Evicted { .. }) {
            // SYNC none: a counter, read for display.
            self.region.header().readers.evictions.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if self.tracker.is_on() {
            self.tracker.note(self.source.as_str(), Outcome::LastHandleEnded, self.id);
        }
        if let Some(membership) = &self.membership {
            membership.leave(&self.region);
        }
        if let Some(pool) = &self.pool
            && let Some(words) = self.region.take_words()
        {
            Pool::put(pool, words, self.charge.take());
        }
    }
}
