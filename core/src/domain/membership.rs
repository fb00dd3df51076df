//! A process's mark in a ring that it has mapped.

use super::handle::Domain;
use super::holders;
use super::liveness::LivenessLock;
use super::presence::Identity;
use super::removal::is_removed;
use crate::holder::Holder;
use crate::lifetime::Lifetime;
use crate::memory::Region;
use crate::source::Source;
use crate::sync::{Arc, PlainArc};

/// This process's mark in a ring.
pub(crate) struct Membership {
    pub(super) domain: PlainArc<Domain>,
    /// Its liveness lock and the place of its mark; `None` if it has no mark: then the ring may be
    /// removed as if this process did not have it open.
    pub(super) mark: Option<(Arc<LivenessLock>, usize)>,
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

    /// Clears this process's mark. The last one removes the ring, unless it is to stay.
    pub(crate) fn leave(&self, region: &Region) {
        // A forked child's memory is a copy, but the mark is its parent's.
        let Some((liveness, place)) = self.mark.as_ref().filter(|(liveness, _)| liveness.is_own()) else {
            return;
        };
        holders::leave(region, *place, liveness.number());
        if self.lifetime == Lifetime::WhileOpen
            && !is_removed(region)
            && !holders::any_alive(&self.domain.folder, region)
        {
            // The next sweep finds what can't be removed now.
            let _ = self.domain.remove_abandoned(self.source.as_str());
        }
    }
}
