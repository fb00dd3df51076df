//! Copies of plain values, also in other processes: `pickle` and `copy`.
//!
//! A value is restored by the function `_restore` from its class and its fields. A handle belongs
//! to its process: it refuses, and names what to do instead.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyTuple, PyType};

/// The result of `__reduce__`: a function, and its arguments.
pub(crate) type Reduced<'py> = (Bound<'py, PyAny>, (Bound<'py, PyType>, Bound<'py, PyTuple>));

/// Implements `__reduce__` with these fields, which [`pickled`] restores.
pub(crate) fn reduce<'py>(value: &Bound<'py, PyAny>, fields: Bound<'py, PyTuple>) -> PyResult<Reduced<'py>> {
    let py = value.py();
    let restore = py.import(intern!(py, "capbuf._capbuf"))?.getattr(intern!(py, "_restore"))?;
    Ok((restore, (value.get_type(), fields)))
}

/// Restore a value from its class and its fields, for `pickle`.
#[pyfunction]
#[pyo3(name = "_restore")]
pub(crate) fn restore<'py>(kind: &Bound<'py, PyType>, fields: &Bound<'py, PyTuple>) -> PyResult<Bound<'py, PyAny>> {
    kind.call_method1(intern!(kind.py(), "_restore"), fields)
}

/// Makes a class picklable whose fields are all attributes.
macro_rules! pickled {
    ($Type:ident { $($field:ident),* $(,)? }) => {
        #[pyo3::pymethods]
        impl $Type {
            fn __reduce__<'py>(
                slf: &pyo3::Bound<'py, Self>,
            ) -> pyo3::PyResult<$crate::pickling::Reduced<'py>> {
                use pyo3::prelude::PyAnyMethods as _;
                let fields = [$(slf.getattr(stringify!($field))?),*];
                $crate::pickling::reduce(slf.as_any(), pyo3::types::PyTuple::new(slf.py(), fields)?)
            }

            #[staticmethod]
            #[pyo3(signature = (*fields))]
            fn _restore(fields: &pyo3::Bound<'_, pyo3::types::PyTuple>) -> pyo3::PyResult<Self> {
                use pyo3::prelude::{PyAnyMethods as _, PyTupleMethods as _};
                let mut number = 0..;
                let mut next = || fields.get_item(number.next().unwrap_or_default());
                Ok(Self { $($field: next()?.extract()?),* })
            }
        }
    };
}
pub(crate) use pickled;

/// Makes a class refuse `pickle` and `copy`, with advice.
macro_rules! refuses_pickling {
    ($Type:ident, $advice:literal) => {
        #[pyo3::pymethods]
        impl $Type {
            fn __reduce__(&self) -> pyo3::PyResult<()> {
                Err(pyo3::exceptions::PyTypeError::new_err(concat!(
                    "cannot pickle or copy a capbuf.",
                    stringify!($Type),
                    ": ",
                    $advice
                )))
            }
        }
    };
}
pub(crate) use refuses_pickling;
