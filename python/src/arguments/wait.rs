//! The argument `wait`: for how long a call may block.

use std::time::Duration;

use pyo3::IntoPyObjectExt as _;
use pyo3::prelude::*;

use super::times::possibly_infinite;

/// The longest time for which a call may block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    Never,
    For(Duration),
    Forever,
}

impl Wait {
    /// Returns the part that is left after `waited`.
    pub(crate) fn left(self, waited: Duration) -> Duration {
        match self {
            Self::Never => Duration::ZERO,
            Self::For(duration) => duration.saturating_sub(waited),
            Self::Forever => Duration::MAX,
        }
    }

    /// Converts to the Python argument: seconds, or `None` for no limit.
    pub(crate) fn to_python(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        match self {
            Self::Never => 0.0.into_py_any(py),
            Self::For(duration) => duration.as_secs_f64().into_py_any(py),
            Self::Forever => Ok(py.None()),
        }
    }
}

impl<'py> FromPyObject<'_, 'py> for Wait {
    type Error = PyErr;

    fn extract(value: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if value.is_none() {
            return Ok(Self::Forever);
        }
        Ok(match possibly_infinite("wait", &value)? {
            None => Self::Forever,
            Some(duration) if duration.is_zero() => Self::Never,
            Some(duration) => Self::For(duration),
        })
    }
}
