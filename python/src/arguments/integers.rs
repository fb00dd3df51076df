//! Integer arguments.

use pyo3::prelude::*;
use pyo3::types::PyBool;

use crate::errors::{invalid, wrong_type};

pub(crate) const FRAMES: &str = "0 to 2**64 - 1";
pub(crate) const BYTES: &str = "0 to 2**64 - 1";

/// Extracts a non-negative integer that fits into `T`. Refuses `bool` and `float`.
pub(crate) fn unsigned<T: TryFrom<u64>>(name: &'static str, value: &Bound<'_, PyAny>, allowed: &str) -> PyResult<T> {
    if value.is_instance_of::<PyBool>() || !value.hasattr("__index__")? {
        return Err(wrong_type(name, value, "int"));
    }
    let number = value.extract::<u64>().ok().and_then(|number| T::try_from(number).ok());
    number.ok_or_else(|| match value.str() {
        Ok(text) => invalid(value.py(), name, text, allowed),
        Err(error) => error,
    })
}

/// Like [`unsigned`], for an optional argument.
pub(crate) fn optional_unsigned<T: TryFrom<u64>>(
    name: &'static str,
    value: Option<&Bound<'_, PyAny>>,
    allowed: &str,
) -> PyResult<Option<T>> {
    value.map(|value| unsigned(name, value, allowed)).transpose()
}
