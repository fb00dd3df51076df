//! Remarks of a running source about itself.

use std::sync::{Arc, Mutex, PoisonError};

/// The newest remark of a source that has not been taken. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Remarks {
    newest: Arc<Mutex<Option<String>>>,
}

impl Remarks {
    pub(crate) fn make(&self, remark: String) {
        *self.newest.lock().unwrap_or_else(PoisonError::into_inner) = Some(remark);
    }

    /// Returns the remark, once. Never blocks.
    pub(crate) fn take(&self) -> Option<String> {
        self.newest.try_lock().ok()?.take()
    }
}
