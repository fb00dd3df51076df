//! The argument `out`: an array that a read fills.

use numpy::{
    Element, PyArrayDyn, PyArrayMethods as _, PyReadwriteArrayDyn, PyUntypedArray, PyUntypedArrayMethods as _,
};
use pyo3::prelude::*;

use super::dtype::{DTYPES, DType, OUT};
use super::shape::check_shape;
use crate::errors::{busy, invalid, wrong_dtype, wrong_type};

/// An exclusive borrow of the array `out`.
pub(crate) enum Out<'py> {
    Float32(PyReadwriteArrayDyn<'py, f32>),
    Int16(PyReadwriteArrayDyn<'py, i16>),
    Int32(PyReadwriteArrayDyn<'py, i32>),
}

impl<'py> Out<'py> {
    /// Borrows the array after checking its dtype, shape and layout.
    pub(crate) fn borrow(value: &Bound<'py, PyAny>, channels: u16) -> PyResult<Self> {
        let array = value.cast::<PyUntypedArray>().map_err(|_| wrong_type("out", value, OUT))?;
        check_shape("out", array, channels)?;
        Ok(match DType::of_array(value)? {
            DType::Float32 => Self::Float32(writeable(array)?),
            DType::Int16 => Self::Int16(writeable(array)?),
            DType::Int32 => Self::Int32(writeable(array)?),
        })
    }
}

fn writeable<'py, T: Element>(array: &Bound<'py, PyUntypedArray>) -> PyResult<PyReadwriteArrayDyn<'py, T>> {
    let py = array.py();
    let typed = array.cast::<PyArrayDyn<T>>().map_err(|_| wrong_dtype(py, &array.dtype().to_string(), DTYPES))?;
    typed.try_readwrite().map_err(|error| match error {
        numpy::BorrowError::NotWriteable => invalid(py, "out", "a read-only array", OUT),
        _ => busy(py, "the array out"),
    })
}

/// Returns the memory of a borrowed array.
pub(crate) fn memory<'a, T: Element>(
    py: Python<'_>,
    array: &'a mut PyReadwriteArrayDyn<'_, T>,
) -> PyResult<&'a mut [T]> {
    array.as_slice_mut().map_err(|_| invalid(py, "out", "an array with holes, or not aligned", OUT))
}
