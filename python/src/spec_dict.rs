//! The shape of a buffer as a Python dictionary (`capbuf.Spec`).

use capbuf::Spec;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// Builds the keyword arguments that would allocate a buffer of this shape.
pub(crate) fn spec_dict<'py>(py: Python<'py>, spec: &Spec) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("seconds", spec.length_frames() as f64 / f64::from(spec.sample_rate_hz()))?;
    dict.set_item("sample_rate_hz", spec.sample_rate_hz())?;
    dict.set_item("channels", spec.channels())?;
    dict.set_item("sample_format", spec.format().name())?;
    Ok(dict)
}
