//! State for observing a registry: its tracker, its watches, and removed buffers still held.

use std::sync::PoisonError;

use super::handle::Registry;
use crate::buffer::{CaptureBuffer, Shared};
use crate::error::{Error, Result};
use crate::sync::{Arc, PlainArc, Weak};
use crate::track::{Anomaly, Begun, Outcome, Tracker, Watched};

impl Registry {
    /// Records the result of an attempt, and the new handle's holder.
    #[inline]
    pub(super) fn tracked(
        &self,
        begun: Option<Begun>,
        source: &str,
        found: Result<(CaptureBuffer, Outcome)>,
    ) -> Result<CaptureBuffer> {
        let tracker = &self.0.tracker;
        if let Err(error) = &found {
            tracker.counts.refusal(error);
        }
        let Some(begun) = begun else { return found.map(|(buffer, _)| buffer) };
        let (outcome, id) = match &found {
            Ok((buffer, outcome)) => (*outcome, buffer.id()),
            Err(error) => (Outcome::of_error(error), 0),
        };
        // An invalid name is not counted as a source.
        if !matches!(found, Err(Error::InvalidSource { .. })) {
            tracker.end(&begun, source, outcome, id);
        }
        found.map(|(mut buffer, _)| {
            buffer.taken = tracker.hold(&begun, source, id);
            buffer
        })
    }

    /// Returns the removed buffers that this process still holds.
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

    /// Returns the anomalies that the watches of this registry found.
    pub(crate) fn anomalies(&self) -> Vec<Anomaly> {
        let watches = self.0.watches.lock().unwrap_or_else(PoisonError::into_inner);
        watches.iter().flat_map(|watched| watched.found()).collect()
    }

    /// Number of watches, including those that ended since the last one was added.
    #[cfg(test)]
    pub(crate) fn watches(&self) -> usize {
        self.0.watches.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}
