//! What reports, metrics and watches ask of a registry.

use std::sync::PoisonError;

use super::handle::Registry;
use crate::buffer::{CaptureBuffer, Shared};
use crate::domain::Domain;
use crate::sync::{Arc, PlainArc, Weak};
use crate::track::{Anomaly, Tracker, Watched};

impl Registry {
    /// The buffers in the map, of a private registry all there are.
    pub(crate) fn mapped_buffers(&self) -> Vec<CaptureBuffer> {
        self.0.map.handles()
    }

    pub(crate) fn domain_itself(&self) -> Option<&PlainArc<Domain>> {
        self.0.domain.as_ref()
    }

    /// The removed buffers that are held in this process.
    pub(crate) fn removed_and_held(&self) -> Vec<Arc<Shared>> {
        let held = self.0.removed.lock().unwrap_or_else(PoisonError::into_inner);
        held.iter().filter_map(Weak::upgrade).collect()
    }

    pub(crate) fn tracker(&self) -> &Tracker {
        &self.0.tracker
    }

    pub(crate) fn add_watch(&self, watched: &PlainArc<Watched>) {
        let mut watches = self.0.watches.lock().unwrap_or_else(PoisonError::into_inner);
        watches.retain(|watched| PlainArc::strong_count(watched) > 1);
        watches.push(PlainArc::clone(watched));
    }

    /// What the watches of this registry found.
    pub(crate) fn anomalies(&self) -> Vec<Anomaly> {
        let watches = self.0.watches.lock().unwrap_or_else(PoisonError::into_inner);
        watches.iter().flat_map(|watched| watched.found()).collect()
    }

    /// How many watches look after this registry, those that have just ended included.
    #[cfg(test)]
    pub(crate) fn watches(&self) -> usize {
        self.0.watches.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}
