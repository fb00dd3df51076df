//! Memory beside a buffer, in the budget of its registry.

use super::handle::CaptureBuffer;
use crate::error::Result;
use crate::memory::Charge;

/// Bytes that count in the budget of a registry until this is dropped.
#[derive(Debug)]
#[doc(hidden)]
pub struct Reservation(#[allow(dead_code)] Charge);

impl CaptureBuffer {
    /// Counts memory that serves this buffer, such as a resampler's, in the budget of its registry.
    ///
    /// # Errors
    /// [`Error::OverBudget`](crate::Error::OverBudget) if there is no room for it.
    #[doc(hidden)]
    pub fn reserve(&self, bytes: u64) -> Result<Reservation> {
        self.shared.charge.reserve(bytes).map(Reservation)
    }
}
