//! A buffer whose recorder was killed makes room for one of another shape.

use super::handle::Registry;
use crate::buffer::CaptureBuffer;
use crate::error::Result;

impl Registry {
    /// Removes a buffer whose recorder was killed, if this process is the next recorder: it has
    /// claimed the source. False for any other.
    pub(super) fn remove_orphan(&self, buffer: &CaptureBuffer) -> Result<bool> {
        let (source, shared) = (buffer.source().as_str(), &buffer.shared);
        let Some(membership) = &shared.membership else { return Ok(false) };
        let is_removed = membership.orphaned_left(&shared.region).is_some()
            && self.check_process().is_ok()
            && membership.domain().is_claimed_here(source)
            && membership.domain().remove_orphan(source, shared.id)?;
        if is_removed {
            self.forget_removed(source);
        }
        Ok(is_removed)
    }
}
