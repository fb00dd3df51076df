//! Calls into Python that survive the end of the interpreter.
//!
//! CPython before 3.14 ends a thread that wants to run Python code while the interpreter ends: by
//! `pthread_exit`, which unwinds the thread. Unwinding a Rust frame aborts the process.

use std::time::Duration;

use pyo3::ffi::PyObject;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

// PyO3 declares them as functions that never unwind.
unsafe extern "C-unwind" {
    fn PyObject_Call(callable: *mut PyObject, arguments: *mut PyObject, keywords: *mut PyObject) -> *mut PyObject;
    fn PyErr_WriteUnraisable(object: *mut PyObject);
    fn Py_DecRef(object: *mut PyObject);
}

/// Stops the unwinding of its thread for ever, as CPython does from 3.14 on.
struct Hang;

impl Drop for Hang {
    fn drop(&mut self) {
        loop {
            std::thread::sleep(Duration::MAX);
        }
    }
}

/// Calls `callable`; an exception goes to `sys.unraisablehook`.
///
/// The functions may unwind: then `hang` keeps this frame alive for ever.
pub(super) fn call(_py: Python<'_>, callable: Py<PyAny>, arguments: Py<PyTuple>) {
    let hang = Hang;
    let (callable, arguments) = (callable.into_ptr(), arguments.into_ptr());
    // SAFETY: `_py` proves that this thread is attached; both are owned references to objects, the
    // second to a tuple; keywords may be null.
    let result = unsafe { PyObject_Call(callable, arguments, std::ptr::null_mut()) };
    if result.is_null() {
        // SAFETY: as above; null means that an exception is set.
        unsafe { PyErr_WriteUnraisable(callable) };
    } else {
        // SAFETY: as above; the result is an owned reference.
        unsafe { Py_DecRef(result) };
    }
    for owned in [arguments, callable] {
        // SAFETY: as above; an owned reference, not used after this.
        unsafe { Py_DecRef(owned) };
    }
    std::mem::forget(hang);
}
