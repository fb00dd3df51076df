//! Accessors for reports, metrics and watches.

use super::handle::Registry;
use crate::buffer::{CaptureBuffer, Shared};
use crate::domain::Domain;
use crate::sync::{Arc, PlainArc, Weak};
use crate::track::{Anomaly, Tracker, Watched};

impl Registry {
    /// Returns handles on the buffers in the map: all buffers of a private registry.
    pub(crate) fn mapped_buffers(&self) -> Vec<CaptureBuffer> {
        self.0.map.handles()
    }

    /// The domain; in a new folder if the last one was taken away and can be replaced.
    pub(crate) fn domain_itself(&self) -> Option<PlainArc<Domain>> {
        let open = self.0.domain.as_ref()?;
        Some(self.checked_domain().ok().flatten().unwrap_or_else(|| open.current()))
    }

    /// Returns the removed buffers that this process still holds.
    pub(crate) fn removed_and_held(&self) -> Vec<Arc<Shared>> {
        let held = self.0.removed.lock();
        held.iter().flat_map(|held| held.iter()).filter_map(Weak::upgrade).collect()
    }

    pub(crate) fn tracker(&self) -> &Tracker {
        &self.0.tracker
    }

    pub(crate) fn add_watch(&self, watched: &PlainArc<Watched>) {
        if let Some(mut watches) = self.0.watches.lock() {
            watches.retain(|watched| PlainArc::strong_count(watched) > 1);
            watches.push(PlainArc::clone(watched));
        }
    }

    /// Returns the anomalies that the watches of this registry found.
    pub(crate) fn anomalies(&self) -> Vec<Anomaly> {
        let watches = self.0.watches.lock();
        watches.iter().flat_map(|watches| watches.iter()).flat_map(|watched| watched.found()).collect()
    }

    /// Number of watches, including those that ended since the last one was added.
    #[cfg(test)]
    pub(crate) fn watches(&self) -> usize {
        self.0.watches.lock().unwrap().len()
    }
}
