//! The state that all handles of a buffer share.

use std::time::Duration;

use super::commit::Committer;
use crate::clock::Clock;
use crate::domain::{CHECK_EVERY_NS, Membership, coarse_ns, removal};
use crate::error::{Error, Result};
use crate::memory::{Charge, Pool, Region};
use crate::source::Source;
use crate::spec::Spec;
use crate::sync::{Arc, AtomicU32, Ordering, Owner, PlainArc, process};
use crate::track::{Outcome, Tracker};

/// The state that all handles of a buffer share. Its memory is freed with the last of them.
///
/// The order of fields matters: an allocation attempt reads the first ones, beside the handle count
/// that it changes.
#[repr(C)]
pub(crate) struct Shared {
    pub(crate) spec: Spec,
    pub(crate) region: Region,
    pub(crate) source: Source,
    /// A copy: any process may overwrite the region's own.
    pub(crate) id: u64,
    /// `None` in a private registry.
    pub(crate) membership: Option<Membership>,
    pub(crate) clock: PlainArc<dyn Clock>,
    /// Upper bound of the bytes that one read allocates.
    pub(crate) segment_limit_bytes: u64,
    pub(crate) committer: Option<PlainArc<Committer>>,
    pub(crate) commit_asked: AtomicU32,
    /// The pool that takes its memory, in a private registry with one.
    pub(crate) pool: Option<PlainArc<Pool>>,
    pub(crate) tracker: PlainArc<Tracker>,
    /// The process whose registry mapped it: a child may only read.
    pub(crate) owner: Owner,
    /// The time it was mapped here.
    pub(crate) opened_utc_ns: i64,
    /// 1 if a program of another language has taken a handle: the native stack of its end is that
    /// of a runtime.
    pub(crate) is_foreign: process::AtomicU32,
    /// Distance of the last window's end to the newest frame; `u64::MAX` before the first window.
    pub(crate) window_lag_frames: process::AtomicU64,
    /// Monotonic time of the last check of its file.
    pub(crate) checked_ns: process::AtomicU64,
    /// Last, as fields drop in order: returned after the region is unmapped.
    pub(crate) charge: Charge,
}

impl Shared {
    pub(crate) fn is_removed(&self) -> bool {
        removal::is_removed(&self.region)
    }

    /// The rest of the grace time, if the buffer is orphaned. System calls in a domain.
    pub(crate) fn orphaned_left(&self) -> Option<Duration> {
        self.membership.as_ref()?.orphaned_left(&self.region)
    }

    /// True if it was removed, or if its file was taken away, which this marks as removed. System
    /// calls in a domain.
    pub(crate) fn is_gone(&self) -> bool {
        if !self.is_removed() && self.membership.as_ref().is_some_and(|membership| !membership.is_in_place()) {
            if !self.region.is_writable() {
                return true;
            }
            removal::mark_taken(&self.region);
        }
        self.is_removed()
    }

    /// As [`Shared::is_gone`], but checks the file at most ten times a second.
    pub(crate) fn is_gone_lately(&self) -> bool {
        if self.membership.is_none() || self.is_removed() {
            return self.is_removed();
        }
        let now_ns = coarse_ns();
        // SYNC none: two threads may check at the same time.
        if now_ns < self.checked_ns.load(Ordering::Relaxed).saturating_add(CHECK_EVERY_NS) {
            return false;
        }
        self.checked_ns.store(now_ns, Ordering::Relaxed);
        self.is_gone()
    }

    pub(crate) fn mark_removed(&self) {
        removal::mark_removed(&self.region);
    }

    /// Queues the memory for committing, once, if the registry commits ahead. Called before
    /// writing.
    pub(crate) fn commit_ahead(shared: &Arc<Self>) {
        if let Some(committer) = &shared.committer
            && shared.commit_asked.swap(1, Ordering::Relaxed) == 0
        {
            // Slice by slice: a buffer without handles is unmapped at once.
            let shared = Arc::downgrade(shared);
            committer.commit(move |slice| shared.upgrade().is_some_and(|shared| shared.region.commit_slice(slice)));
        }
    }

    /// Fails in a child of the process that mapped it; `what` is the right that is asked for.
    pub(crate) fn check_process(&self, what: &str) -> Result<()> {
        if self.owner.is_parent() { Err(Error::forked(what, &self.source)) } else { Ok(()) }
    }

    pub(crate) fn removed(&self) -> Error {
        Error::Removed { source_name: self.source.clone() }
    }

    /// Looks whether another process has cut the file short. If so, the buffer is removed for this
    /// process: nothing touches the memory that is gone. A system call in a domain.
    ///
    /// # Errors
    /// [`Error::Corrupt`] the first time it is seen.
    pub(crate) fn check_whole(&self) -> Result<()> {
        if self.membership.is_none() || self.region.is_whole() {
            return Ok(());
        }
        let reason = "another process cut its file short".to_owned();
        Err(Error::Corrupt { path: format!("the buffer of source {}", self.source), reason })
    }

    /// Refuses what stores to memory that is mapped for reading only.
    pub(crate) fn check_writable(&self) -> Result<()> {
        if self.region.is_writable() {
            return Ok(());
        }
        Err(Error::system(format!("writing to source {}", self.source), "its file system is mounted for reading only"))
    }

    /// Counts a read that came too late.
    pub(crate) fn count_eviction(&self, error: &Error) {
        if matches!(error, Error::Evicted { .. }) && self.region.is_writable() {
            // SYNC none: a counter, read for display.
            self.region.header().readers.evictions.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let is_inherited = self.owner.is_parent();
        if self.tracker.is_on() && !is_inherited {
            // SYNC none: set with the first handle, which happened before the last one ended.
            let is_native = self.is_foreign.load(Ordering::Relaxed) == 0;
            self.tracker.note(self.source.as_str(), Outcome::LastHandleEnded, self.id, is_native);
        }
        if let Some(membership) = &self.membership {
            // A mark in memory that is gone is no mark.
            let _ = self.region.is_whole();
            membership.leave(&self.region);
        }
        if let Some(pool) = &self.pool
            && !is_inherited
            && let Some(words) = self.region.take_words()
        {
            Pool::put(pool, words, self.charge.take());
        }
    }
}
