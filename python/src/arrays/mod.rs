//! Samples as numpy arrays: dtypes, shapes and memory.
//!
//! May use [`crate::errors`] only.

mod bytes;
mod dtype;
mod input;
mod out;
mod shape;
mod target;

use capbuf::{I24, Sample as _, Samples};
use numpy::ndarray::Array2;
use numpy::{Element, PyArray2};
use pyo3::prelude::*;

pub(crate) use bytes::Bytes;
pub(crate) use dtype::{DType, with_dtype};
pub(crate) use input::{readable, slice};
pub(crate) use out::{Out, memory};
pub(crate) use target::Target;

use crate::errors::invalid;

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
