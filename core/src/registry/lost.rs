//! The domain of a registry, checked before it is used: its folder may have been taken away.

use super::handle::Registry;
use crate::buffer::CaptureBuffer;
use crate::domain::{Domain, removal};
use crate::error::Result;
use crate::holder::Holder;
use crate::source::Source;
use crate::sync::{Ordering, PlainArc};

/// Losses that are remembered, the newest.
const REMEMBERED: usize = 256;

/// A buffer that was removed, or whose file was taken away, under its writer or recorder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Loss {
    pub(crate) source: Source,
    /// The number of the buffer that was lost.
    pub(crate) buffer: u64,
    /// `None` if it is not known.
    pub(crate) remover: Option<Holder>,
    pub(crate) is_taken: bool,
    pub(crate) utc_ns: i64,
}

impl Registry {
    /// The domain, if this registry has one. If its folder was taken away, the domain is opened
    /// again in a new one, and the buffers of the old one are marked as removed.
    ///
    /// # Errors
    /// As [`Registry::open`], if there can't be a new folder.
    pub(super) fn checked_domain(&self) -> Result<Option<PlainArc<Domain>>> {
        let Some(open) = &self.0.domain else { return Ok(None) };
        let domain = open.current();
        if domain.is_in_place() {
            return Ok(Some(domain));
        }
        // A child may have closed the folder, and marks nothing of its parent's.
        self.check_process()?;
        #[cfg(feature = "observe")]
        tracing::error!(
            target: "capbuf",
            "the folder {} was removed, moved or replaced while it was in use; its buffers are lost",
            domain.path().display()
        );
        for buffer in self.0.map.handles() {
            let membership = buffer.shared.membership.as_ref();
            if membership.is_some_and(|membership| PlainArc::ptr_eq(membership.domain(), &domain)) {
                removal::mark_taken(&buffer.shared.region);
                self.record_loss(&buffer);
            }
        }
        open.reopen(&domain).map(Some)
    }

    /// Records that a buffer was lost while this process wrote it: for events, metrics, and the
    /// buffer that is made in its place. Once for each buffer; one that was not removed is not
    /// lost.
    #[doc(hidden)]
    pub fn record_loss(&self, buffer: &CaptureBuffer) {
        let shared = &buffer.shared;
        if !shared.is_gone() {
            return;
        }
        let is_taken = removal::is_taken(&shared.region);
        let remover = removal::remover(&shared.region).filter(|_| !is_taken);
        let Some(mut losses) = self.0.losses.lock() else { return };
        if losses.iter().any(|loss| loss.buffer == buffer.id()) {
            return;
        }
        if losses.len() == REMEMBERED {
            losses.remove(0);
        }
        let source = buffer.source().clone();
        losses.push(Loss { source, buffer: buffer.id(), remover, is_taken, utc_ns: self.0.clock.utc_ns() });
    }

    /// Writes the newest loss of a source into the buffer that replaces the lost one, for all
    /// processes to see.
    pub(super) fn note_replaced(&self, buffer: &CaptureBuffer) {
        let Some(losses) = self.0.losses.lock() else { return };
        let of_source = losses.iter().rev().find(|loss| loss.source == *buffer.source());
        let Some(loss) = of_source.filter(|loss| loss.buffer != buffer.id()) else { return };
        let count = losses.iter().filter(|other| other.source == loss.source).count();
        let line = &buffer.shared.region.header().readers;
        // SYNC none: for display.
        line.lost_buffer.store(loss.buffer, Ordering::Relaxed);
        line.losses.store(u32::try_from(count).unwrap_or(u32::MAX), Ordering::Relaxed);
        removal::set_remover(&buffer.shared.region, loss.remover.as_ref());
    }

    /// The losses that this process recorded, oldest first.
    #[cfg(feature = "observe")]
    pub(crate) fn losses(&self) -> Vec<Loss> {
        self.0.losses.lock().map(|losses| losses.clone()).unwrap_or_default()
    }
}
