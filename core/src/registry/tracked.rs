//! The end of an attempt: counted, and recorded while tracking is on.

use super::handle::Registry;
use crate::buffer::CaptureBuffer;
use crate::error::{Error, Result};
use crate::sync::Ordering;
use crate::track::{Begun, Caller, Outcome};

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
            if Caller::is_foreign() {
                buffer.shared.is_foreign.store(1, Ordering::Relaxed);
            }
            buffer.taken = tracker.hold(&begun, source, id);
            buffer
        })
    }
}
