//! The argument `samples`: an array that a write copies.

use numpy::{Element, PyArrayDyn, PyArrayMethods as _, PyReadonlyArrayDyn, PyUntypedArray, PyUntypedArrayMethods as _};
use pyo3::intern;
use pyo3::prelude::*;

use super::dtype::DType;
use super::inherited::copy_if_inherited;
use super::numpy;
use super::plain::plain_memory;
use super::shape::check_shape;
use crate::errors::{busy, invalid, wrong_dtype};

/// Borrows an array, or any object with the buffer protocol, whose samples have type `T`.
pub(crate) fn readable<'py, T: Element>(
    value: &Bound<'py, PyAny>,
    channels: u16,
    expected: DType,
) -> PyResult<PyReadonlyArrayDyn<'py, T>> {
    let py = value.py();
    let view;
    let array = match value.cast::<PyUntypedArray>() {
        Ok(array) => array,
        Err(_) => {
            view = as_array(value)?;
            view.cast::<PyUntypedArray>()?
        }
    };
    let typed = array.cast::<PyArrayDyn<T>>();
    let typed = typed.map_err(|_| wrong_dtype(py, &array.dtype().to_string(), expected.name()))?;
    check_shape("samples", array, channels)?;
    typed.try_readonly().or_else(|_| {
        let copy = copy_if_inherited(typed, busy(py, "the array samples"))?;
        copy.cast::<PyArrayDyn<T>>()?.try_readonly().map_err(|_| busy(py, "the array samples"))
    })
}

/// Wraps an object that has the buffer protocol in an array, without copying.
fn as_array<'py>(value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = value.py();
    let memory = plain_memory("samples", value, "a numpy array, or an object with the buffer protocol")?;
    numpy(py)?.call_method1(intern!(py, "asarray"), (memory,))
}

/// Returns the samples of a borrowed array.
pub(crate) fn slice<'a, T: Element>(py: Python<'_>, array: &'a PyReadonlyArrayDyn<'_, T>) -> PyResult<&'a [T]> {
    array.as_slice().map_err(|_| invalid(py, "samples", "not aligned", "aligned arrays: see numpy.require"))
}
