//! The classes and attributes of exceptions for errors of sources and clips.

use capbuf_capture::Error;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// Converts the numbers of an error into attributes and returns the name of its exception's class.
pub(super) fn capture_fields(error: &Error, fields: &Bound<'_, PyDict>) -> PyResult<&'static str> {
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
        Error::OpenTimedOut { source_name, waited, reason } => {
            fields.set_item("source", source_name)?;
            fields.set_item("reason", reason)?;
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
