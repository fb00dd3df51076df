//! Exceptions: a Python class for each kind of error, with the numbers as attributes.
//!
//! The classes are in `capbuf/_errors.py`, by the names of the error codes.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyModule};

use crate::arguments::spec_dict;

static CLASSES: PyOnceLock<Py<PyModule>> = PyOnceLock::new();

/// Makes an exception of the class of a name.
fn make(py: Python<'_>, class: &str, message: &str, fields: &Bound<'_, PyDict>) -> PyErr {
    let made = || {
        let classes = CLASSES.get_or_try_init(py, || PyModule::import(py, "capbuf._errors").map(Bound::unbind))?;
        let classes = classes.bind(py);
        // A kind that this package does not know yet is still an error of capbuf.
        let class = classes.getattr(class).or_else(|_| classes.getattr("Error"))?;
        class.call((message,), Some(fields))
    };
    made().map_or_else(|error| error, PyErr::from_value)
}

/// The exception for an error of the core.
pub(crate) fn core(py: Python<'_>, error: &capbuf::Error) -> PyErr {
    let fields = core_fields(py, error).unwrap_or_else(|_| PyDict::new(py));
    make(py, &format!("{:?}", error.code()), &error.to_string(), &fields)
}

fn core_fields<'py>(py: Python<'py>, error: &capbuf::Error) -> PyResult<Bound<'py, PyDict>> {
    use capbuf::Error;
    let fields = PyDict::new(py);
    match error {
        Error::InvalidArgument { what, given, allowed } => {
            fields.set_item("what", what)?;
            fields.set_item("given", given)?;
            fields.set_item("allowed", allowed)?;
        }
        Error::InvalidSource { given, reason } => {
            fields.set_item("given", given)?;
            fields.set_item("reason", reason)?;
        }
        Error::SpecMismatch { source_name, existing, requested } => {
            fields.set_item("source", source_name.to_string())?;
            fields.set_item("existing", spec_dict(py, existing)?)?;
            fields.set_item("requested", spec_dict(py, requested)?)?;
        }
        Error::AlreadyExists { source_name, existing } => {
            fields.set_item("source", source_name.to_string())?;
            fields.set_item("existing", spec_dict(py, existing)?)?;
        }
        Error::NotFound { source_name } => fields.set_item("source", source_name)?,
        Error::OverBudget { requested_bytes, used_bytes, limit_bytes, scope } => {
            fields.set_item("requested_bytes", requested_bytes)?;
            fields.set_item("used_bytes", used_bytes)?;
            fields.set_item("limit_bytes", limit_bytes)?;
            fields.set_item("scope", scope)?;
        }
        Error::OutOfMemory { requested_bytes, reason } => {
            fields.set_item("requested_bytes", requested_bytes)?;
            fields.set_item("reason", reason)?;
        }
        Error::WriterBusy { source_name, holder } => {
            fields.set_item("source", source_name.to_string())?;
            fields.set_item("pid", holder.as_ref().map(|holder| holder.pid))?;
            fields.set_item("program", holder.as_ref().map(|holder| holder.program.as_str()))?;
        }
        Error::Removed { source_name } | Error::Forked { source_name } | Error::AllocationPanicked { source_name } => {
            fields.set_item("source", source_name.to_string())?;
        }
        Error::NotYet { newest_frame, missing_frames, expected_utc_ns } => {
            fields.set_item("newest_frame", newest_frame)?;
            fields.set_item("missing_frames", missing_frames)?;
            fields.set_item("expected_utc_ns", expected_utc_ns)?;
        }
        Error::Evicted { oldest_frame, oldest_utc_ns } => {
            fields.set_item("oldest_frame", oldest_frame)?;
            fields.set_item("oldest_utc_ns", oldest_utc_ns)?;
        }
        Error::InvalidRange { given, reason } => {
            fields.set_item("given", given)?;
            fields.set_item("reason", reason)?;
        }
        Error::TooSmall { needed_samples, given_samples } => {
            fields.set_item("needed_samples", needed_samples)?;
            fields.set_item("given_samples", given_samples)?;
        }
        Error::FormatMismatch { given, expected } => {
            fields.set_item("given", given.name())?;
            fields.set_item("expected", expected.name())?;
        }
        Error::TimedOut { waited } => fields.set_item("waited_seconds", waited.as_secs_f64())?,
        Error::OutOfSpace { requested_bytes, free_bytes, folder } => {
            fields.set_item("requested_bytes", requested_bytes)?;
            fields.set_item("free_bytes", free_bytes)?;
            fields.set_item("folder", folder)?;
        }
        Error::System { what, reason } => {
            fields.set_item("what", what)?;
            fields.set_item("reason", reason)?;
        }
        Error::Forbidden { path, reason } | Error::Corrupt { path, reason } => {
            fields.set_item("path", path)?;
            fields.set_item("reason", reason)?;
        }
        Error::LayoutMismatch { path, found, known } => {
            fields.set_item("path", path)?;
            fields.set_item("found", found)?;
            fields.set_item("known", known)?;
        }
        Error::TooManyProcesses { source_name, limit } => {
            fields.set_item("source", source_name.to_string())?;
            fields.set_item("limit", limit)?;
        }
        _ => {}
    }
    Ok(fields)
}

/// The exception for an error of a source or of a clip.
pub(crate) fn capture(py: Python<'_>, error: &capbuf_capture::Error) -> PyErr {
    if let capbuf_capture::Error::Buffer(error) = error {
        return core(py, error);
    }
    let fields = PyDict::new(py);
    let class = capture_fields(error, &fields).unwrap_or("Error");
    make(py, class, &error.to_string(), &fields)
}

fn capture_fields(error: &capbuf_capture::Error, fields: &Bound<'_, PyDict>) -> PyResult<&'static str> {
    use capbuf_capture::Error;
    Ok(match error {
        Error::Locator { given, reason, allowed } => {
            fields.set_item("given", given)?;
            fields.set_item("reason", reason)?;
            fields.set_item("allowed", allowed)?;
            "InvalidLocator"
        }
        Error::DeviceNotFound { host, name, available } => {
            fields.set_item("host", host)?;
            fields.set_item("name", name)?;
            fields.set_item("available", available)?;
            "DeviceNotFound"
        }
        Error::HostUnavailable { host, reason } => {
            fields.set_item("host", host)?;
            fields.set_item("reason", reason)?;
            "HostUnavailable"
        }
        Error::Device { name, reason } => {
            fields.set_item("name", name)?;
            fields.set_item("reason", reason)?;
            "DeviceFailed"
        }
        Error::NotOffered { source_name, requested, offered } => {
            fields.set_item("source", source_name)?;
            fields.set_item("requested", requested)?;
            fields.set_item("offered", offered)?;
            "NotOffered"
        }
        Error::Unreadable { path, reason } => {
            fields.set_item("path", path.display().to_string())?;
            fields.set_item("reason", reason)?;
            "Unreadable"
        }
        Error::Stream { source_name, reason } => {
            fields.set_item("source", source_name)?;
            fields.set_item("reason", reason)?;
            "StreamFailed"
        }
        Error::FfmpegMissing { reason } => {
            fields.set_item("reason", reason)?;
            "FfmpegMissing"
        }
        Error::OpenTimedOut { source_name, waited } => {
            fields.set_item("source", source_name)?;
            fields.set_item("waited_seconds", waited.as_secs_f64())?;
            "OpenTimedOut"
        }
        Error::Stalled { source_name, waited } => {
            fields.set_item("source", source_name)?;
            fields.set_item("waited_seconds", waited.as_secs_f64())?;
            "Stalled"
        }
        Error::Config { source_name, reason } => {
            fields.set_item("source", source_name)?;
            fields.set_item("reason", reason)?;
            "InvalidConfig"
        }
        Error::Clip { path, reason } => {
            fields.set_item("path", path.display().to_string())?;
            fields.set_item("reason", reason)?;
            "ClipFailed"
        }
        Error::Thread { source_name, reason } => {
            fields.set_item("source", source_name)?;
            fields.set_item("reason", reason)?;
            "ThreadFailed"
        }
        _ => "Error",
    })
}

/// Tells whether an exception says that there is no audio yet.
pub(crate) fn is_not_yet(py: Python<'_>, error: &PyErr) -> bool {
    error.get_type(py).name().is_ok_and(|name| name == "NotYet")
}

/// A value that is outside what is allowed.
pub(crate) fn invalid(py: Python<'_>, what: &'static str, given: impl ToString, allowed: impl Into<String>) -> PyErr {
    core(py, &capbuf::Error::InvalidArgument { what, given: given.to_string(), allowed: allowed.into() })
}

/// An object of a type that can't be what it was given as.
pub(crate) fn wrong_type(what: &str, given: &Bound<'_, PyAny>, allowed: &str) -> PyErr {
    let py = given.py();
    let fields = PyDict::new(py);
    let name = given.get_type().name().map_or_else(|_| "an object".to_owned(), |name| name.to_string());
    let set = fields.set_item("what", what).and_then(|()| fields.set_item("allowed", allowed));
    set.err().unwrap_or_else(|| make(py, "InvalidType", &format!("{what} is {name}; allowed: {allowed}"), &fields))
}

/// Samples of a dtype that is no sample format, or not the one that belongs here.
pub(crate) fn wrong_dtype(py: Python<'_>, given: &str, expected: &str) -> PyErr {
    let fields = PyDict::new(py);
    let set = fields.set_item("given", given).and_then(|()| fields.set_item("expected", expected));
    let message = format!("samples are {given}, expected are {expected}");
    set.err().unwrap_or_else(|| make(py, "FormatMismatch", &message, &fields))
}

/// Something that was closed is used.
pub(crate) fn closed(py: Python<'_>, what: &str) -> PyErr {
    make(py, "Closed", &format!("the {what} is closed"), &PyDict::new(py))
}

/// Something that one thread at a time may use is in use.
pub(crate) fn busy(py: Python<'_>, what: &str) -> PyErr {
    make(py, "Busy", &format!("{what} is in use by another thread just now"), &PyDict::new(py))
}

/// The system would not start a thread, or it ended by a defect of this library.
pub(crate) fn thread(py: Python<'_>, reason: &str) -> PyErr {
    let fields = PyDict::new(py);
    let set = fields.set_item("source", "a call").and_then(|()| fields.set_item("reason", reason));
    set.err().unwrap_or_else(|| make(py, "ThreadFailed", &format!("a call's thread failed: {reason}"), &fields))
}

/// Turns errors of the core into exceptions.
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
