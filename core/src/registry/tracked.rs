//! The end of an attempt: counted, and recorded where that is tracked.

use super::handle::Registry;
use crate::buffer::CaptureBuffer;
use crate::error::{Error, Result};
use crate::track::{Begun, Outcome};

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
}
