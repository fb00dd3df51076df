//! The check of an array's shape and memory layout.

use numpy::{PyUntypedArray, PyUntypedArrayMethods as _};
use pyo3::prelude::*;

use crate::errors::invalid;

/// Refuses an array that is not C-contiguous, aligned, and of shape `(frames, channels)`.
///
/// Mono may also have shape `(frames,)`.
pub(super) fn check_shape(name: &'static str, array: &Bound<'_, PyUntypedArray>, channels: u16) -> PyResult<()> {
    let py = array.py();
    let fits = match *array.shape() {
        [_] => channels == 1,
        [_, width] => width == usize::from(channels),
        _ => false,
    };
    if !fits {
        let mono = if channels == 1 { " or (frames,)" } else { "" };
        let allowed = format!("of shape (frames, {channels}){mono}");
        return Err(invalid(py, name, format!("an array of shape {:?}", array.shape()), allowed));
    }
    if !array.is_c_contiguous() {
        return Err(invalid(py, name, "not C-contiguous", "C-contiguous arrays: see numpy.ascontiguousarray"));
    }
    if !array.is_aligned() {
        return Err(invalid(py, name, "not aligned", "arrays of aligned samples: see numpy.require"));
    }
    Ok(())
}
