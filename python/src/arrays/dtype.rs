//! The dtypes of samples.

use capbuf::{Sample as _, SampleFormat};
use numpy::{Element as _, PyArrayDescr, PyArrayDescrMethods as _, PyUntypedArray, PyUntypedArrayMethods as _};
use pyo3::prelude::*;

use crate::errors::{invalid, wrong_dtype, wrong_type};

/// A dtype of samples. numpy has none for s24: it is read and written as int32, top bits first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DType {
    Float32,
    Int16,
    Int32,
}

/// Evaluates a block in which `$T` is the Rust type of a [`DType`].
macro_rules! with_dtype {
    ($dtype:expr, $T:ident => $block:expr) => {
        match $dtype {
            $crate::arrays::DType::Float32 => {
                type $T = f32;
                $block
            }
            $crate::arrays::DType::Int16 => {
                type $T = i16;
                $block
            }
            $crate::arrays::DType::Int32 => {
                type $T = i32;
                $block
            }
        }
    };
}
pub(crate) use with_dtype;

pub(super) const DTYPES: &str = "float32, int16, int32";
pub(super) const OUT: &str = "a writeable, C-contiguous numpy array of float32, int16 or int32";

impl DType {
    const ALL: [Self; 3] = [Self::Float32, Self::Int16, Self::Int32];

    /// Extracts the argument `dtype`: anything that numpy converts to one of the three.
    pub(crate) fn of(value: &Bound<'_, PyAny>) -> PyResult<Self> {
        let py = value.py();
        if value.is_none() {
            return Err(wrong_type("dtype", value, DTYPES));
        }
        let descr = PyArrayDescr::new(py, value).map_err(|_| match value.repr() {
            Ok(repr) => invalid(py, "dtype", repr, DTYPES),
            Err(error) => error,
        })?;
        Self::of_descr(&descr).ok_or_else(|| invalid(py, "dtype", descr, DTYPES))
    }

    /// Returns the dtype of the array `out`.
    pub(crate) fn of_array(value: &Bound<'_, PyAny>) -> PyResult<Self> {
        let array = value.cast::<PyUntypedArray>().map_err(|_| wrong_type("out", value, OUT))?;
        let refused = || wrong_dtype(value.py(), &array.dtype().to_string(), DTYPES);
        Self::of_descr(&array.dtype()).ok_or_else(refused)
    }

    fn of_descr(descr: &Bound<'_, PyArrayDescr>) -> Option<Self> {
        let py = descr.py();
        Self::ALL.into_iter().find(|dtype| with_dtype!(dtype, T => T::get_dtype(py)).is_equiv_to(descr))
    }

    /// Returns the sample format to which a read converts for this dtype.
    pub(crate) fn format(self) -> SampleFormat {
        with_dtype!(self, T => T::FORMAT)
    }

    /// Returns the dtype of samples to write to a buffer of this format.
    pub(crate) fn of_format(format: SampleFormat) -> Self {
        match format {
            SampleFormat::S16 => Self::Int16,
            SampleFormat::S24 | SampleFormat::S32 => Self::Int32,
            SampleFormat::F32 => Self::Float32,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Float32 => "float32",
            Self::Int16 => "int16",
            Self::Int32 => "int32",
        }
    }
}
