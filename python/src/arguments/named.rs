//! Arguments of a type that PyO3 could extract, with errors that name the argument.
//!
//! For `#[pyo3(from_py_with = ...)]`. PyO3's own errors are plain `TypeError`s, and others.

use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::errors::{invalid, wrong_type};

fn text<'a>(name: &'static str, value: &'a Bound<'_, PyAny>) -> PyResult<&'a str> {
    let text = value.cast::<PyString>().map_err(|_| wrong_type(name, value, "str"))?;
    text.to_str().map_err(|_| invalid(value.py(), name, "text with a lone surrogate", "text that UTF-8 can encode"))
}

fn path(name: &'static str, value: &Bound<'_, PyAny>) -> PyResult<PathBuf> {
    // A number would pass for a descriptor elsewhere; `__fspath__` may raise anything.
    value.extract().map_err(|_| wrong_type(name, value, "str, os.PathLike of str"))
}

fn flag(name: &'static str, value: &Bound<'_, PyAny>) -> PyResult<bool> {
    value.extract().map_err(|_| wrong_type(name, value, "bool"))
}

fn number(name: &'static str, value: &Bound<'_, PyAny>) -> PyResult<f32> {
    match value.extract::<f32>() {
        Ok(number) => Ok(number),
        Err(_) if value.hasattr("__float__")? || value.hasattr("__index__")? => {
            let given = value.repr().map_or_else(|_| "a value".to_owned(), |repr| repr.to_string());
            Err(invalid(value.py(), name, given, "a finite number"))
        }
        Err(_) => Err(wrong_type(name, value, "float")),
    }
}

/// Defines an extractor of each named argument, and one for an optional argument.
macro_rules! texts {
    ($($name:ident, $optional:ident;)*) => {$(
        #[allow(dead_code)]
        pub(crate) fn $name<'a, T: From<&'a str>>(value: &'a Bound<'_, PyAny>) -> PyResult<T> {
            text(stringify!($name), value).map(T::from)
        }

        #[allow(dead_code)]
        pub(crate) fn $optional<'a, T: From<&'a str>>(value: &'a Bound<'_, PyAny>) -> PyResult<Option<T>> {
            if value.is_none() { Ok(None) } else { $name(value).map(Some) }
        }
    )*};
}

texts! {
    source, optional_source;
    name, optional_name;
    locator, optional_locator;
    domain, optional_domain;
    sample_format, optional_sample_format;
    lifetime, optional_lifetime;
    extension, optional_extension;
    reason, optional_reason;
    when_gone, optional_when_gone;
    wrong_rate, optional_wrong_rate;
}

/// The argument `path`.
pub(crate) fn file_path(value: &Bound<'_, PyAny>) -> PyResult<PathBuf> {
    path("path", value)
}

/// The argument `folder`.
pub(crate) fn folder(value: &Bound<'_, PyAny>) -> PyResult<PathBuf> {
    path("folder", value)
}

/// The optional argument `folder`.
pub(crate) fn optional_folder(value: &Bound<'_, PyAny>) -> PyResult<Option<PathBuf>> {
    if value.is_none() { Ok(None) } else { folder(value).map(Some) }
}

/// The argument `available`.
pub(crate) fn available(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    flag("available", value)
}

/// The argument `overwrite`.
pub(crate) fn overwrite(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    flag("overwrite", value)
}

/// The argument `enable`.
pub(crate) fn enable(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    flag("enable", value)
}

/// The optional argument `silence`.
pub(crate) fn silence(value: &Bound<'_, PyAny>) -> PyResult<Option<bool>> {
    if value.is_none() { Ok(None) } else { flag("silence", value).map(Some) }
}

/// The optional argument `track_allocations`.
pub(crate) fn track_allocations(value: &Bound<'_, PyAny>) -> PyResult<Option<bool>> {
    if value.is_none() { Ok(None) } else { flag("track_allocations", value).map(Some) }
}

/// The argument `gain_db`.
pub(crate) fn gain_db(value: &Bound<'_, PyAny>) -> PyResult<f32> {
    number("gain_db", value)
}

/// The optional argument `louder_than_dbfs`.
pub(crate) fn louder_than_dbfs(value: &Bound<'_, PyAny>) -> PyResult<Option<f32>> {
    if value.is_none() { Ok(None) } else { number("louder_than_dbfs", value).map(Some) }
}

/// The optional argument `between_hz`.
pub(crate) fn between_hz(value: &Bound<'_, PyAny>) -> PyResult<Option<(f32, f32)>> {
    if value.is_none() {
        return Ok(None);
    }
    let (low, high): (Bound<'_, PyAny>, Bound<'_, PyAny>) =
        value.extract().map_err(|_| wrong_type("between_hz", value, "a tuple of two floats"))?;
    Ok(Some((number("between_hz", &low)?, number("between_hz", &high)?)))
}
