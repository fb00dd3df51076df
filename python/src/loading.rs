//! Loading of the module.

use pyo3::exceptions::PyImportError;
use pyo3::ffi::{PyInterpreterState_Get, PyInterpreterState_GetID};
use pyo3::prelude::*;

use crate::{arguments, arrays, errors};

/// Refuses a subinterpreter: threads of the library call Python in the main one, and objects of one
/// must not be used in another.
fn refuse_subinterpreter() -> PyResult<()> {
    // SAFETY: the module is loaded by a thread that is attached to an interpreter.
    let interpreter = unsafe { PyInterpreterState_Get() };
    // SAFETY: this interpreter, which exists.
    match unsafe { PyInterpreterState_GetID(interpreter) } {
        0 => Ok(()),
        _ => Err(PyImportError::new_err(
            "capbuf can't be used in a subinterpreter; allowed: the main interpreter (for mod_wsgi: \
             WSGIApplicationGroup %{GLOBAL})",
        )),
    }
}

/// Fetches the interfaces of numpy and datetime, and the exception classes: while the interpreter
/// ends, nothing can be imported. Registers the end of threads that call into Python.
pub(crate) fn load(module: &Bound<'_, PyModule>) -> PyResult<()> {
    refuse_subinterpreter()?;
    let py = module.py();
    errors::load(py)?;
    arguments::load(py)?;
    arrays::load(py)?;
    py.import("atexit")?.call_method1("register", (module.getattr("_end_all")?,))?;
    Ok(())
}
