//! Samples as numpy arrays: which types, which shapes, which memory.

use capbuf::{I24, Sample, SampleFormat, Samples};
use numpy::ndarray::Array2;
use numpy::{
    Element, PyArray1, PyArray2, PyArrayDescr, PyArrayDescrMethods as _, PyArrayDyn, PyArrayMethods as _,
    PyReadonlyArrayDyn, PyReadwriteArrayDyn, PyUntypedArray, PyUntypedArrayMethods as _,
};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyMemoryView};

use crate::errors::{invalid, wrong_dtype, wrong_type};

/// A type of samples that numpy knows. Of s24 it does not: that is read and written as int32, top bits first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DType {
    Float32,
    Int16,
    Int32,
}

/// Runs a block with `$T` standing for the Rust type of a [`DType`].
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

const DTYPES: &str = "float32, int16, int32";

impl DType {
    const ALL: [Self; 3] = [Self::Float32, Self::Int16, Self::Int32];

    /// Takes the argument `dtype`: anything that numpy understands as one of the three.
    pub(crate) fn of(given: &Bound<'_, PyAny>) -> PyResult<Self> {
        let py = given.py();
        if given.is_none() {
            return Err(wrong_type("dtype", given, DTYPES));
        }
        let descr = PyArrayDescr::new(py, given).map_err(|_| match given.repr() {
            Ok(shown) => invalid(py, "dtype", shown, DTYPES),
            Err(error) => error,
        })?;
        Self::of_descr(&descr).ok_or_else(|| invalid(py, "dtype", descr, DTYPES))
    }

    /// The type of the array `out`.
    pub(crate) fn of_array(given: &Bound<'_, PyAny>) -> PyResult<Self> {
        let array = given.cast::<PyUntypedArray>().map_err(|_| wrong_type("out", given, OUT))?;
        let refused = || wrong_dtype(given.py(), &array.dtype().to_string(), DTYPES);
        Self::of_descr(&array.dtype()).ok_or_else(refused)
    }

    fn of_descr(descr: &Bound<'_, PyArrayDescr>) -> Option<Self> {
        let py = descr.py();
        Self::ALL.into_iter().find(|dtype| with_dtype!(dtype, T => T::get_dtype(py)).is_equiv_to(descr))
    }

    /// The format that samples are converted to on their way into an array of this type.
    pub(crate) fn format(self) -> SampleFormat {
        with_dtype!(self, T => T::FORMAT)
    }

    /// The type in which samples of a format are written.
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

/// Makes an array of shape `(frames, channels)` of samples, without copying them.
pub(crate) fn from_samples(py: Python<'_>, samples: Samples, channels: usize) -> PyResult<Bound<'_, PyAny>> {
    match samples {
        Samples::S16(samples) => from_vec(py, samples, channels),
        Samples::S32(samples) => from_vec(py, samples, channels),
        Samples::F32(samples) => from_vec(py, samples, channels),
        Samples::S24(samples) => from_vec(py, samples.into_iter().map(I24::to_s32).collect(), channels),
    }
}

/// Makes an array of shape `(frames, channels)` of interleaved samples, without copying them.
pub(crate) fn from_vec<T: Element>(py: Python<'_>, samples: Vec<T>, channels: usize) -> PyResult<Bound<'_, PyAny>> {
    let shape = (samples.len() / channels.max(1), channels);
    let array =
        Array2::from_shape_vec(shape, samples).map_err(|error| invalid(py, "samples", error, "whole frames"))?;
    Ok(PyArray2::from_owned_array(py, array).into_any())
}

/// The argument `out`: an array that samples are read into.
pub(crate) enum Out<'py> {
    Float32(PyReadwriteArrayDyn<'py, f32>),
    Int16(PyReadwriteArrayDyn<'py, i16>),
    Int32(PyReadwriteArrayDyn<'py, i32>),
}

const OUT: &str = "a writeable, C-contiguous numpy array of float32, int16 or int32";

impl<'py> Out<'py> {
    /// Borrows an array to be written to: of one of our types, whole in memory, of the right shape.
    pub(crate) fn borrow(given: &Bound<'py, PyAny>, channels: u16) -> PyResult<Self> {
        let array = given.cast::<PyUntypedArray>().map_err(|_| wrong_type("out", given, OUT))?;
        check_shape("out", array, channels)?;
        Ok(match DType::of_array(given)? {
            DType::Float32 => Self::Float32(writeable(array)?),
            DType::Int16 => Self::Int16(writeable(array)?),
            DType::Int32 => Self::Int32(writeable(array)?),
        })
    }
}

/// The memory of an array that was borrowed to be written to.
pub(crate) fn memory<'a, T: Element>(
    py: Python<'_>,
    array: &'a mut PyReadwriteArrayDyn<'_, T>,
) -> PyResult<&'a mut [T]> {
    array.as_slice_mut().map_err(|_| invalid(py, "out", "an array with holes, or not aligned", OUT))
}

fn writeable<'py, T: Element>(array: &Bound<'py, PyUntypedArray>) -> PyResult<PyReadwriteArrayDyn<'py, T>> {
    let py = array.py();
    let typed = array.cast::<PyArrayDyn<T>>().map_err(|_| wrong_dtype(py, &array.dtype().to_string(), DTYPES))?;
    typed.try_readwrite().map_err(|error| match error {
        numpy::BorrowError::NotWriteable => invalid(py, "out", "a read-only array", OUT),
        _ => crate::errors::busy(py, "the array out"),
    })
}

/// Refuses what is neither `(frames, channels)` nor, for mono, `(frames,)`, or does not lie in memory as it is counted.
fn check_shape(what: &'static str, array: &Bound<'_, PyUntypedArray>, channels: u16) -> PyResult<()> {
    let py = array.py();
    let fits = match *array.shape() {
        [_] => channels == 1,
        [_, width] => width == usize::from(channels),
        _ => false,
    };
    if !fits {
        let mono = if channels == 1 { " or (frames,)" } else { "" };
        let allowed = format!("of shape (frames, {channels}){mono}");
        return Err(invalid(py, what, format!("an array of shape {:?}", array.shape()), allowed));
    }
    if !array.is_c_contiguous() {
        return Err(invalid(py, what, "not C-contiguous", "C-contiguous arrays: see numpy.ascontiguousarray"));
    }
    if !array.is_aligned() {
        return Err(invalid(py, what, "not aligned", "arrays of aligned samples: see numpy.require"));
    }
    Ok(())
}

/// Borrows the argument `samples`, of exactly the type `T`.
pub(crate) fn readable<'py, T: Element>(
    given: &Bound<'py, PyAny>,
    channels: u16,
    expected: DType,
) -> PyResult<PyReadonlyArrayDyn<'py, T>> {
    let py = given.py();
    let viewed;
    let array = match given.cast::<PyUntypedArray>() {
        Ok(array) => array,
        Err(_) => {
            viewed = view(given)?;
            viewed.cast::<PyUntypedArray>()?
        }
    };
    let typed = array.cast::<PyArrayDyn<T>>();
    let typed = typed.map_err(|_| wrong_dtype(py, &array.dtype().to_string(), expected.name()))?;
    check_shape("samples", array, channels)?;
    typed.try_readonly().map_err(|_| crate::errors::busy(py, "the array samples"))
}

/// What has a buffer but is no array, as one.
fn view<'py>(given: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = given.py();
    let memory =
        PyMemoryView::from(given).map_err(|_| wrong_type("samples", given, "a numpy array, or what has its buffer"))?;
    py.import(intern!(py, "numpy"))?.call_method1(intern!(py, "asarray"), (memory,))
}

/// The samples of an array that was borrowed.
pub(crate) fn slice<'a, T: Element>(py: Python<'_>, array: &'a PyReadonlyArrayDyn<'_, T>) -> PyResult<&'a [T]> {
    array.as_slice().map_err(|_| invalid(py, "samples", "not aligned", "arrays that numpy has made"))
}

/// The argument `data`: bytes of any kind.
pub(crate) enum Bytes<'a, 'py> {
    Plain(&'a Bound<'py, PyBytes>),
    Array(numpy::PyReadonlyArray1<'py, u8>),
}

impl<'a, 'py> Bytes<'a, 'py> {
    pub(crate) fn of(given: &'a Bound<'py, PyAny>) -> PyResult<Self> {
        if let Ok(bytes) = given.cast::<PyBytes>() {
            return Ok(Self::Plain(bytes));
        }
        let py = given.py();
        let refused = || wrong_type("data", given, "bytes, or what has a contiguous buffer");
        let memory = PyMemoryView::from(given).map_err(|_| refused())?;
        let array = py.import(intern!(py, "numpy"))?.call_method1(intern!(py, "frombuffer"), (memory, "u1"));
        // It refuses what is empty or has holes.
        let Ok(array) = array else {
            let empty = given.len().is_ok_and(|length| length == 0);
            return if empty { Ok(Self::Array(PyArray1::from_vec(py, Vec::new()).readonly())) } else { Err(refused()) };
        };
        let array = array.cast_into::<PyArray1<u8>>()?;
        array.try_readonly().map(Self::Array).map_err(|_| crate::errors::busy(py, "the memory data"))
    }

    pub(crate) fn slice(&self, py: Python<'_>) -> PyResult<&[u8]> {
        match self {
            Self::Plain(bytes) => Ok(bytes.as_bytes()),
            Self::Array(array) => slice_of_bytes(py, array),
        }
    }
}

fn slice_of_bytes<'a>(py: Python<'_>, array: &'a numpy::PyReadonlyArray1<'_, u8>) -> PyResult<&'a [u8]> {
    array.as_slice().map_err(|_| invalid(py, "data", "memory with holes", "contiguous memory"))
}
