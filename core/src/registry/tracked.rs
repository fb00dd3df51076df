//! What a registry keeps for those who observe it: its tracker, its watches, removed buffers that are held.

use std::sync::PoisonError;

use super::handle::Registry;
use crate::buffer::{CaptureBuffer, Shared};
use crate::error::{Error, Result};
use crate::sync::{Arc, PlainArc, Weak};
use crate::track::{Anomaly, Begun, Outcome, Tracker, Watched};

impl Registry {
    /// The tracker's part in the end of an attempt.
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
        // A name that is none is not one more source.
        if !matches!(found, Err(Error::InvalidSource { .. })) {
            tracker.end(&begun, source, outcome, id);
        }
        found.map(|(mut buffer, _)| {
            buffer.taken = tracker.hold(&begun, source, id);
            buffer
        })
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
