//! What a Python object holds until it is closed, by whichever thread.

use std::sync::Arc;

use arc_swap::{ArcSwapOption, Guard};
use pyo3::prelude::*;

use crate::errors;

/// Holds a thing until it is closed. Looking takes no lock, so that a forked child finds none held by a thread it does not have.
pub(crate) struct Handle<T> {
    what: &'static str,
    held: ArcSwapOption<T>,
}

impl<T> Handle<T> {
    pub(crate) fn new(what: &'static str, held: T) -> Self {
        Self { what, held: ArcSwapOption::from_pointee(held) }
    }

    /// Lends the thing for a short call, without counting.
    pub(crate) fn with<R>(&self, py: Python<'_>, use_it: impl FnOnce(&T) -> R) -> PyResult<R> {
        let guard: Guard<Option<Arc<T>>> = self.held.load();
        guard.as_deref().map(use_it).ok_or_else(|| self.closed(py))
    }

    /// The thing, to be kept while others may close this.
    pub(crate) fn get(&self, py: Python<'_>) -> PyResult<Arc<T>> {
        self.held.load_full().ok_or_else(|| self.closed(py))
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.held.load().is_none()
    }

    /// Lets go of the thing; who uses it just now does so to the end. Closing again changes nothing.
    pub(crate) fn close(&self, py: Python<'_>) -> bool
    where
        T: Send + Sync,
    {
        // What ends with it may make system calls.
        py.detach(|| self.held.swap(None).is_some())
    }

    pub(crate) fn closed(&self, py: Python<'_>) -> PyErr {
        errors::closed(py, self.what)
    }
}
