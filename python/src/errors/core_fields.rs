//! The attributes of exceptions for errors of the core.

use capbuf::Error;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::spec_dict::spec_dict;

/// Converts the numbers of an error into attributes of its exception.
pub(super) fn core_fields<'py>(py: Python<'py>, error: &Error) -> PyResult<Bound<'py, PyDict>> {
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
        Error::Removed { source_name } | Error::AllocationPanicked { source_name } => {
            fields.set_item("source", source_name.to_string())?;
        }
        Error::Forked { what } => fields.set_item("what", what)?,
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
        _ => {}
    }
    Ok(fields)
}
