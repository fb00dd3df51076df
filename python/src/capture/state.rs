//! The class `State`: the state of a capture.

use pyo3::prelude::*;
use pyo3::pyclass::{PyTraverseError, PyVisit};

use crate::errors;
use crate::pickling::{Reduced, reduce};

/// The state of a capture.
///
/// Attributes
/// ----------
/// name : str
///     "idle", "starting", "running", "stalled" (no data, or all zeros), "backing off" (the source
///     was lost and will be opened again), "circuit open" (it failed so often that it is retried
///     rarely), "finished" (the end of a file), "failed" (permanently) or "stopped".
/// reason : Error or None
///     The error, while the capture is not running.
/// attempts : int
///     Failures since the source last ran, while backing off.
/// left_seconds : float
///     The time until the next attempt, while backing off.
#[pyclass(module = "capbuf", frozen)]
pub(crate) struct State {
    #[pyo3(get)]
    name: String,
    #[pyo3(get)]
    reason: Option<Py<PyAny>>,
    #[pyo3(get)]
    attempts: u32,
    #[pyo3(get)]
    left_seconds: f64,
    text: String,
}

impl State {
    pub(crate) fn new(py: Python<'_>, state: &capbuf_capture::State) -> Self {
        use capbuf_capture::State as Core;
        let (reason, attempts, left_seconds) = match state {
            Core::BackingOff { reason, attempts, left } => (Some(reason), *attempts, left.as_secs_f64()),
            Core::CircuitOpen { reason, failures, left } => (Some(reason), *failures, left.as_secs_f64()),
            Core::Stalled { reason } | Core::Failed { reason } => (Some(reason), 0, 0.0),
            _ => (None, 0, 0.0),
        };
        let name = state.kind().name().to_owned();
        let reason = reason.map(|reason| errors::capture(py, reason).into_value(py).into_any());
        Self { name, reason, attempts, left_seconds, text: state.to_string() }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

#[pymethods]
impl State {
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py>> {
        let (py, state) = (slf.py(), slf.get());
        let reason = state.reason.as_ref().map(|reason| reason.clone_ref(py));
        let fields = (state.name.as_str(), reason, state.attempts, state.left_seconds, state.text.as_str());
        reduce(slf.as_any(), fields.into_pyobject(py)?)
    }

    #[staticmethod]
    fn _restore(name: String, reason: Option<Py<PyAny>>, attempts: u32, left_seconds: f64, text: String) -> Self {
        Self { name, reason, attempts, left_seconds, text }
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.reason)
    }

    fn __str__(&self) -> &str {
        &self.text
    }

    fn __repr__(&self) -> String {
        format!("<capbuf.State {:?}>", self.text)
    }
}
