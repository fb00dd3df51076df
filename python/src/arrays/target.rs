//! The destination of a read: a new array of a dtype, or the caller's array.

use pyo3::prelude::*;

use super::dtype::DType;
use crate::errors::invalid;

/// The arguments `dtype` and `out` of a read.
pub(crate) struct Target<'py> {
    pub(crate) dtype: DType,
    pub(crate) out: Option<Bound<'py, PyAny>>,
}

impl<'py> Target<'py> {
    /// Extracts `dtype` and `out`; both may be passed if they agree. float32 by default.
    pub(crate) fn of(dtype: Option<&Bound<'py, PyAny>>, out: Option<Bound<'py, PyAny>>) -> PyResult<Self> {
        let requested = dtype.map(DType::of).transpose()?;
        let Some(array) = &out else {
            return Ok(Self { dtype: requested.unwrap_or(DType::Float32), out });
        };
        let dtype = DType::of_array(array)?;
        if let Some(requested) = requested.filter(|requested| *requested != dtype) {
            return Err(invalid(array.py(), "dtype", requested.name(), format!("that of out, {}", dtype.name())));
        }
        Ok(Self { dtype, out })
    }
}
