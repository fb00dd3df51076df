//! The memory of an object with the buffer protocol: plain numbers, never pointers.

use pyo3::exceptions::PyBufferError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyMemoryView;

use crate::errors::{wrong_dtype, wrong_type};

/// Formats of one byte, and of numbers in the byte order of this machine, which is little-endian.
const NUMBERS: &str = "BbchHiIlLqQefd";

/// Returns the memory of `value` after checking that its elements are plain numbers.
///
/// Objects, pointers, structures and characters have a buffer, too: their bytes are no audio.
pub(super) fn plain_memory<'py>(
    name: &'static str,
    value: &Bound<'py, PyAny>,
    allowed: &str,
) -> PyResult<Bound<'py, PyMemoryView>> {
    let py = value.py();
    let memory = PyMemoryView::from(value).map_err(|error| {
        // Such as memory with holes, and data of numpy that has no format: dates.
        if error.is_instance_of::<PyBufferError>(py) || !has_buffer(value) {
            return wrong_type(name, value, allowed);
        }
        wrong_dtype(py, &error.to_string(), "plain numbers")
    })?;
    let format: String = memory.getattr(intern!(py, "format"))?.extract()?;
    let number = format.trim_start_matches(['@', '=', '<', '|']);
    let is_byte = matches!(format.trim_start_matches(['>', '!']), "B" | "b" | "c");
    if is_byte || (number.len() == 1 && NUMBERS.contains(number)) {
        return Ok(memory);
    }
    let dtype = value.getattr(intern!(py, "dtype")).and_then(|dtype| dtype.str()).map(|dtype| dtype.to_string());
    let given = dtype.unwrap_or_else(|_| format!("of format {format:?}"));
    Err(wrong_dtype(py, &given, "plain numbers, little-endian"))
}

fn has_buffer(value: &Bound<'_, PyAny>) -> bool {
    value.hasattr(intern!(value.py(), "dtype")).unwrap_or(false)
}
