//! Samples as numpy arrays: dtypes, shapes and memory.
//!
//! May use [`crate::errors`] only.

mod bytes;
mod dtype;
mod inherited;
mod input;
mod out;
mod plain;
mod shape;
mod target;

use capbuf::{I24, Sample as _, Samples};
use numpy::ndarray::Array2;
use numpy::{Element, PyArray1, PyArray2, PyArrayMethods as _};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

pub(crate) use bytes::Bytes;
pub(crate) use dtype::{DType, with_dtype};
pub(crate) use inherited::{Place, note_process};
pub(crate) use input::{readable, slice};
pub(crate) use out::{Out, memory};
pub(crate) use target::Target;

use crate::errors::{busy, invalid};

/// Fetches the interface of numpy, which panics if it can't be imported at the first use.
pub(crate) fn load(py: Python<'_>) -> PyResult<()> {
    numpy(py)?;
    let array = PyArray1::from_vec(py, vec![0_i16]);
    let is_readable = array.try_readonly().is_ok();
    if is_readable { Ok(()) } else { Err(busy(py, "a new array")) }
}

/// Returns the module numpy.
fn numpy(py: Python<'_>) -> PyResult<&Bound<'_, PyModule>> {
    static NUMPY: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    let module = NUMPY.get_or_try_init(py, || py.import("numpy").map(Bound::unbind))?;
    Ok(module.bind(py))
}

/// Moves samples into an array of shape `(frames, channels)`. Only s24 is copied, to int32.
pub(crate) fn from_samples(py: Python<'_>, samples: Samples, channels: usize) -> PyResult<Bound<'_, PyAny>> {
    match samples {
        Samples::S16(samples) => from_vec(py, samples, channels),
        Samples::S32(samples) => from_vec(py, samples, channels),
        Samples::F32(samples) => from_vec(py, samples, channels),
        Samples::S24(samples) => from_vec(py, samples.into_iter().map(I24::to_s32).collect(), channels),
    }
}

/// Moves interleaved samples into an array of shape `(frames, channels)`.
pub(crate) fn from_vec<T: Element>(py: Python<'_>, samples: Vec<T>, channels: usize) -> PyResult<Bound<'_, PyAny>> {
    let shape = (samples.len() / channels.max(1), channels);
    let array =
        Array2::from_shape_vec(shape, samples).map_err(|error| invalid(py, "samples", error, "whole frames"))?;
    Ok(PyArray2::from_owned_array(py, array).into_any())
}
