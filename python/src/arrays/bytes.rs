//! The argument `data`: bytes, or any contiguous object with the buffer protocol.

use numpy::{PyArray1, PyArrayMethods as _, PyReadonlyArray1};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::numpy;
use super::plain::plain_memory;
use crate::errors::{busy, invalid, wrong_type};

const ALLOWED: &str = "bytes, or an object with the buffer protocol, contiguous";

/// A borrow of the memory of `data`.
pub(crate) enum Bytes<'a, 'py> {
    Plain(&'a Bound<'py, PyBytes>),
    Array(PyReadonlyArray1<'py, u8>),
}

impl<'a, 'py> Bytes<'a, 'py> {
    pub(crate) fn of(value: &'a Bound<'py, PyAny>) -> PyResult<Self> {
        if let Ok(bytes) = value.cast::<PyBytes>() {
            return Ok(Self::Plain(bytes));
        }
        let py = value.py();
        let refused = || wrong_type("data", value, ALLOWED);
        let memory = plain_memory("data", value, ALLOWED)?;
        let array = numpy(py)?.call_method1(intern!(py, "frombuffer"), (memory, "u1"));
        // `frombuffer` refuses empty memory and memory with holes.
        let Ok(array) = array else {
            let empty = value.len().is_ok_and(|length| length == 0);
            return if empty { Ok(Self::Array(PyArray1::from_vec(py, Vec::new()).readonly())) } else { Err(refused()) };
        };
        let array = array.cast_into::<PyArray1<u8>>()?;
        array.try_readonly().map(Self::Array).map_err(|_| busy(py, "the memory data"))
    }

    pub(crate) fn slice(&self, py: Python<'_>) -> PyResult<&[u8]> {
        match self {
            Self::Plain(bytes) => Ok(bytes.as_bytes()),
            Self::Array(array) => slice_of(py, array),
        }
    }
}

fn slice_of<'a>(py: Python<'_>, array: &'a PyReadonlyArray1<'_, u8>) -> PyResult<&'a [u8]> {
    array.as_slice().map_err(|_| invalid(py, "data", "memory with holes", "contiguous memory"))
}
