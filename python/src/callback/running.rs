//! Values with threads: how they end.

use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

use pyo3::prelude::*;

use super::at_exit::{self, Busy};
use crate::waiting::{Handle, interruptible};

/// A value whose drop ends a thread and waits for it. The thread may be calling into Python, so it
/// is never dropped by a thread that is attached or in a callback.
pub(crate) struct Running<T: Send + Sync + 'static> {
    handle: Arc<Handle<T>>,
}

impl<T: Send + Sync + 'static> Running<T> {
    pub(crate) fn new(name: &'static str, value: T) -> Self {
        let handle = Arc::new(Handle::new(name, value));
        at_exit::register(&handle);
        Self { handle }
    }

    /// Returns a reference that stays valid when another thread ends the value.
    pub(crate) fn get<'py>(&self, py: Python<'py>) -> PyResult<Held<'py, T>> {
        Ok(Held { py, value: Some(self.handle.get(py)?) })
    }

    /// Returns a reference for a thread that is not attached.
    pub(crate) fn share(&self, py: Python<'_>) -> PyResult<Arc<T>> {
        self.handle.get(py)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.handle.is_closed()
    }

    /// The exception for a call after `close`.
    pub(crate) fn closed(&self, py: Python<'_>) -> PyErr {
        self.handle.closed(py)
    }

    /// Ends the value and waits for it, but not in a callback, which it may wait for. Idempotent. A
    /// signal ends the wait.
    pub(crate) fn close(&self, py: Python<'_>) -> PyResult<()> {
        let Some(value) = self.handle.take() else { return Ok(()) };
        if at_exit::must_not_wait() {
            end_in_background(value);
            return Ok(());
        }
        let busy = Busy::begin();
        interruptible(py, move || {
            drop(value);
            drop(busy);
        })
    }

    /// Ends the value without waiting: for `__clear__`, as the thread of a garbage collection may
    /// hold any lock.
    pub(crate) fn end_soon(&self) {
        if let Some(value) = self.handle.take() {
            end_in_background(value);
        }
    }
}

impl<T: Send + Sync + 'static> Drop for Running<T> {
    fn drop(&mut self) {
        let Some(value) = self.handle.take() else { return };
        Python::try_attach(|py| drop(Held { py, value: Some(value) }));
    }
}

/// A reference to a running value. The last one that is dropped ends the value.
pub(crate) struct Held<'py, T: Send + Sync + 'static> {
    py: Python<'py>,
    /// `None` only in `Drop`.
    value: Option<Arc<T>>,
}

impl<T: Send + Sync + 'static> Held<'_, T> {
    /// Calls `call` detached.
    pub(crate) fn detached<R: Send>(&self, call: impl FnOnce(&T) -> R + Send) -> R {
        let value: &T = self;
        self.py.detach(|| call(value))
    }
}

impl<T: Send + Sync + 'static> Deref for Held<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value.as_deref().unwrap_or_else(|| unreachable!("a reference exists until its drop"))
    }
}

impl<T: Send + Sync + 'static> Drop for Held<'_, T> {
    fn drop(&mut self) {
        let Some(last) = self.value.take().and_then(Arc::into_inner) else { return };
        if at_exit::must_not_wait() {
            end_in_background(last);
        } else {
            self.py.detach(|| drop(last));
        }
    }
}

/// Drops a value on a thread of its own. [`end_all`](super::end_all) waits for it.
pub(super) fn end_in_background(value: impl Send + 'static) {
    let busy = Busy::begin();
    let slot = Arc::new(Mutex::new(Some((value, busy))));
    let taken = Arc::clone(&slot);
    let take = move || taken.lock().unwrap_or_else(PoisonError::into_inner).take();
    let spawned = std::thread::Builder::new().name("capbuf-end".to_owned()).spawn(move || drop(take()));
    if spawned.is_err() {
        // Its threads go on: waiting for them here might never end.
        let value = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((value, _busy)) = value {
            std::mem::forget(value);
        }
    }
}
