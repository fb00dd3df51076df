//! A value that a Python object owns until `close`, which any thread may call.

use std::sync::Arc;

use arc_swap::{ArcSwapOption, Guard};
use pyo3::prelude::*;

use super::interruptible;
use crate::errors;

/// Owns a value until it is closed.
///
/// Access takes no lock: a child that is forked meanwhile would inherit it locked.
pub(crate) struct Handle<T> {
    name: &'static str,
    value: ArcSwapOption<T>,
}

impl<T> Handle<T> {
    pub(crate) fn new(name: &'static str, value: T) -> Self {
        Self { name, value: ArcSwapOption::from_pointee(value) }
    }

    /// Passes the value to a short call, without touching the reference count.
    pub(crate) fn with<R>(&self, py: Python<'_>, call: impl FnOnce(&T) -> R) -> PyResult<R> {
        let guard: Guard<Option<Arc<T>>> = self.value.load();
        guard.as_deref().map(call).ok_or_else(|| self.closed(py))
    }

    /// Returns a reference that stays valid when another thread closes the handle.
    pub(crate) fn get(&self, py: Python<'_>) -> PyResult<Arc<T>> {
        self.value.load_full().ok_or_else(|| self.closed(py))
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.value.load().is_none()
    }

    /// Closes the handle and returns its value, unless it is closed.
    pub(crate) fn take(&self) -> Option<Arc<T>> {
        self.value.swap(None)
    }

    /// Drops the value once no call uses it. Idempotent.
    pub(crate) fn close(&self, py: Python<'_>)
    where
        T: Send + Sync,
    {
        // Dropping may make system calls: other Python threads run meanwhile.
        py.detach(|| drop(self.take()));
    }

    /// Closes the handle, as [`Handle::close`], where dropping may wait for another process: Ctrl-C
    /// ends the wait.
    pub(crate) fn close_interruptibly(&self, py: Python<'_>) -> PyResult<()>
    where
        T: Send + Sync + 'static,
    {
        let Some(value) = self.take() else { return Ok(()) };
        interruptible(py, move || drop(value))
    }

    /// The exception for a call after `close`.
    pub(crate) fn closed(&self, py: Python<'_>) -> PyErr {
        errors::closed(py, self.name)
    }
}
