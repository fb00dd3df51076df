//! A process's membership in a ring that it has mapped.

use std::time::Duration;

use super::handle::Domain;
use super::openings::{self, Ring};
use super::presence::Identity;
use super::removal::{self, is_removed};
use super::{holders, orphan};
use crate::error::Result;
use crate::holder::Holder;
use crate::lifetime::Lifetime;
use crate::memory::Region;
use crate::source::Source;
use crate::sync::{Owner, PlainArc};

/// An opening of a ring by this process.
pub(crate) struct Membership {
    pub(super) domain: PlainArc<Domain>,
    /// The ring, if this process counts in it; `None` if it can only read.
    pub(super) ring: Option<Ring>,
    /// True if this process has a place among the holders. Otherwise the ring may be removed as if
    /// this process did not have it open, unless it writes.
    pub(super) is_listed: bool,
    pub(super) owner: Owner,
    pub(super) source: Source,
    /// The name of the ring's file, and the file that had it.
    pub(super) file: (String, Option<Identity>),
    pub(super) lifetime: Lifetime,
}

impl Membership {
    pub(crate) fn domain(&self) -> &PlainArc<Domain> {
        &self.domain
    }

    pub(crate) fn lifetime(&self) -> Lifetime {
        self.lifetime
    }

    /// False if the ring's file was taken away, or the folder with it. System calls.
    pub(crate) fn is_in_place(&self) -> bool {
        self.domain.is_in_place_lately() && self.domain.folder.leads_to(&self.file.0, self.file.1)
    }

    /// The path of the ring's file, for display.
    pub(crate) fn path(&self) -> String {
        self.domain.folder.shown(&self.file.0)
    }

    /// The living processes that have the ring mapped, each with its start time.
    pub(crate) fn holders(&self, region: &Region) -> Vec<(Holder, i64)> {
        holders::list(&self.domain.folder, region)
    }

    /// The number of living processes that have the ring mapped beyond those listed.
    pub(crate) fn unlisted(&self, region: &Region) -> u32 {
        holders::unlisted(&self.domain.folder, region)
    }

    /// The rest of the grace time of an orphaned ring.
    pub(crate) fn orphaned_left(&self, region: &Region) -> Option<Duration> {
        orphan::time_left(&self.domain.folder, region)
    }

    /// Called when this process has taken the lease; false if the ring was removed just before.
    pub(crate) fn take_over(&self, region: &Region) -> Result<bool> {
        self.domain.take_over(region);
        removal::stays_leased(region, || self.domain.lock_ring(&self.file.0))
    }

    /// Ends this opening. The last one of the last process removes the ring, unless it is to stay.
    pub(crate) fn leave(&self, region: &Region) {
        // A forked child's memory is a copy, but the mark is its parent's.
        let Some(ring) = self.ring.as_ref().filter(|_| !self.owner.is_parent()) else { return };
        let is_last = openings::leave(region, ring);
        if is_last
            && self.lifetime == Lifetime::WhileOpen
            && !is_removed(region)
            && !holders::any_alive(&self.domain.folder, region)
        {
            // The next sweep finds what can't be removed now.
            let _ = self.domain.remove_abandoned(self.source.as_str());
        }
    }
}
