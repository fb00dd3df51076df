//! Python functions that threads of the library call, and the end of those threads.
//!
//! - A [`Callback`] is shared by a Python object and its thread. The object reports it to the
//!   garbage collector, so that a callback which refers to its object is collected.
//! - A [`Running`] value has threads. It is ended by `close`, by the garbage collector, or by
//!   [`end_all`] at the end of the program, while the interpreter still works. A callback that runs
//!   then is waited for.
//! - [`kill_safe`] calls Python such that a thread which the ending interpreter kills takes nothing
//!   with it.
//!
//! May use [`crate::errors`] and [`crate::waiting`].

mod at_exit;
mod kill_safe;
mod running;

use std::sync::{Arc, Mutex, PoisonError};

use pyo3::prelude::*;
use pyo3::pyclass::{PyTraverseError, PyVisit};
use pyo3::types::PyTuple;

pub(crate) use at_exit::end_all;
pub(crate) use running::{Held, Running};

use crate::errors::wrong_type;

/// A Python function that a thread of the library calls, until the garbage collector clears it.
///
/// The lock is held for moments, and by attached threads only.
#[derive(Clone)]
pub(crate) struct Callback(Arc<Mutex<Option<Py<PyAny>>>>);

impl Callback {
    /// Extracts the argument `callback`.
    pub(crate) fn of(callback: Bound<'_, PyAny>) -> PyResult<Self> {
        if !callback.is_callable() {
            return Err(wrong_type("callback", &callback, "callable"));
        }
        Ok(Self(Arc::new(Mutex::new(Some(callback.unbind())))))
    }

    /// Calls it with one argument, on a thread of the library. An exception goes to
    /// `sys.unraisablehook`. Does nothing once the program ends.
    pub(crate) fn call(&self, argument: impl FnOnce(Python<'_>) -> PyResult<Py<PyAny>>) {
        Python::try_attach(|py| {
            let Some(_in_callback) = at_exit::begin_callback() else { return };
            let callback = self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|it| it.clone_ref(py));
            let Some(callback) = callback else { return };
            match argument(py).and_then(|argument| PyTuple::new(py, [argument])) {
                Ok(arguments) => kill_safe::call(py, callback, arguments.unbind()),
                Err(error) => error.write_unraisable(py, Some(callback.bind(py))),
            }
        });
    }

    /// For `__traverse__`.
    pub(crate) fn visit(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self.0.try_lock() {
            Ok(callback) => visit.call(&*callback),
            // A thread is about to call it, so it is in use.
            Err(_) => Ok(()),
        }
    }

    /// For `__clear__`: it is not called any more.
    pub(crate) fn clear(&self) {
        let callback = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(callback);
    }
}
