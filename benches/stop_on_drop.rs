//! Ends the loops of other threads when one thread ends, even by a panic.

use std::sync::atomic::{AtomicBool, Ordering};

/// Sets a flag when dropped, so that a panic of the thread that holds it ends the loops of others.
#[derive(Debug)]
pub(crate) struct StopOnDrop<'a>(pub(crate) &'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
