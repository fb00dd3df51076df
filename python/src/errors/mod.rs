//! Exceptions: a Python class for each kind of error, with its numbers as attributes.
//!
//! The classes are defined in `capbuf/_errors.py` and found by name: the name of the error code.
//! This module is the lowest of the crate; it uses only [`crate::spec_dict`].

mod capture_fields;
mod core_fields;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyModule, PyString};

use capture_fields::capture_fields;
use core_fields::core_fields;

/// The classes by name: a copy, as the module is emptied while the interpreter ends.
static CLASSES: PyOnceLock<Py<PyDict>> = PyOnceLock::new();

fn classes(py: Python<'_>) -> PyResult<&Bound<'_, PyDict>> {
    let classes = CLASSES.get_or_try_init(py, || {
        PyModule::import(py, "capbuf._errors").and_then(|module| module.dict().copy()).map(Bound::unbind)
    })?;
    Ok(classes.bind(py))
}

/// Imports the classes.
pub(crate) fn load(py: Python<'_>) -> PyResult<()> {
    classes(py).map(|_| ())
}

/// Creates an exception of the class named `class`, as its constructor does.
///
/// Runs no Python code, which could be the last of a thread: CPython before 3.14 unwinds a thread
/// that runs Python code while the interpreter ends, and unwinding a Rust frame aborts the process.
fn create(py: Python<'_>, class: &str, message: &str, fields: &Bound<'_, PyDict>) -> PyErr {
    let create = || {
        let classes = classes(py)?;
        // A newer core may have kinds that this package has no class for.
        let class = match classes.get_item(class)? {
            Some(class) => class,
            None => classes.as_any().get_item("Error")?,
        };
        // Its built-in class creates it: that of a name in the class may be one for other layouts.
        let mut builtin = class.clone();
        while builtin.getattr(intern!(py, "__module__"))?.ne("builtins")? {
            builtin = builtin.getattr(intern!(py, "__base__"))?;
        }
        let error = builtin.call_method1(intern!(py, "__new__"), (&class, message))?;
        error.setattr(intern!(py, "args"), (message,))?;
        let number = class.getattr(intern!(py, "_errno"))?;
        if !number.is_none() {
            error.setattr(intern!(py, "errno"), number)?;
        }
        for (name, value) in fields {
            error.setattr(name.cast_into::<PyString>()?, value)?;
        }
        Ok(error)
    };
    create().map_or_else(|error| error, PyErr::from_value)
}

/// Creates an exception with attributes; an error while setting them is returned in its place.
fn with_fields(py: Python<'_>, class: &str, message: &str, fields: &[(&str, &str)]) -> PyErr {
    let dict = PyDict::new(py);
    for (name, value) in fields {
        if let Err(error) = dict.set_item(name, value) {
            return error;
        }
    }
    create(py, class, message, &dict)
}

/// Converts an error of the core into an exception.
pub(crate) fn core(py: Python<'_>, error: &capbuf::Error) -> PyErr {
    let fields = core_fields(py, error).unwrap_or_else(|_| PyDict::new(py));
    create(py, &format!("{:?}", error.code()), &error.to_string(), &fields)
}

/// Converts an error of a source or of a clip into an exception.
pub(crate) fn capture(py: Python<'_>, error: &capbuf_capture::Error) -> PyErr {
    if let capbuf_capture::Error::Buffer(error) = error {
        return core(py, error);
    }
    let fields = PyDict::new(py);
    let class = capture_fields(error, &fields).unwrap_or("Error");
    create(py, class, &error.to_string(), &fields)
}

/// Returns whether an exception is `capbuf.NotYet`.
pub(crate) fn is_not_yet(py: Python<'_>, error: &PyErr) -> bool {
    error.get_type(py).name().is_ok_and(|name| name == "NotYet")
}

/// `InvalidArgument`: the argument `name` has a value outside of `allowed`.
pub(crate) fn invalid(py: Python<'_>, name: &'static str, value: impl ToString, allowed: impl Into<String>) -> PyErr {
    core(py, &capbuf::Error::InvalidArgument { what: name, given: value.to_string(), allowed: allowed.into() })
}

/// `InvalidType`: the argument `name` has a type outside of `allowed`.
pub(crate) fn wrong_type(name: &str, value: &Bound<'_, PyAny>, allowed: &str) -> PyErr {
    let class = value.get_type().name().map_or_else(|_| "an object".to_owned(), |class| class.to_string());
    let message = format!("{name} is {class}; allowed: {allowed}");
    with_fields(value.py(), "InvalidType", &message, &[("what", name), ("allowed", allowed)])
}

/// `FormatMismatch`: samples have a dtype other than the expected one.
pub(crate) fn wrong_dtype(py: Python<'_>, dtype: &str, expected: &str) -> PyErr {
    let message = format!("the samples have dtype {dtype}; expected: {expected}");
    with_fields(py, "FormatMismatch", &message, &[("given", dtype), ("expected", expected)])
}

/// `Closed`: a method was called after `close`.
pub(crate) fn closed(py: Python<'_>, name: &str) -> PyErr {
    with_fields(py, "Closed", &format!("the {name} is closed"), &[])
}

/// `Busy`: an object for one thread at a time is in use.
pub(crate) fn busy(py: Python<'_>, name: &str) -> PyErr {
    with_fields(py, "Busy", &format!("{name} is in use by another thread"), &[])
}

/// True for an exception of class `Busy`.
pub(crate) fn is_busy(py: Python<'_>, error: &PyErr) -> bool {
    error.get_type(py).name().is_ok_and(|name| name == "Busy")
}

/// `ThreadFailed`: a thread could not be started, or panicked.
pub(crate) fn thread(py: Python<'_>, reason: &str) -> PyErr {
    let message = format!("the thread of a call failed: {reason}");
    with_fields(py, "ThreadFailed", &message, &[("source", "a call"), ("reason", reason)])
}

/// Converts the error of a `Result` into an exception.
pub(crate) trait OrRaise<T> {
    fn or_raise(self, py: Python<'_>) -> PyResult<T>;
}

impl<T> OrRaise<T> for capbuf::Result<T> {
    fn or_raise(self, py: Python<'_>) -> PyResult<T> {
        self.map_err(|error| core(py, &error))
    }
}

impl<T> OrRaise<T> for capbuf_capture::Result<T> {
    fn or_raise(self, py: Python<'_>) -> PyResult<T> {
        self.map_err(|error| capture(py, &error))
    }
}
