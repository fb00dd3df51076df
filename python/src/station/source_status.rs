//! The classes `SourceStatus` and `Transition`: the state of a station's source, and its history.

use pyo3::prelude::*;

use crate::arguments::datetime;
use crate::buffer::CaptureBuffer;
use crate::capture::State;

/// A snapshot of a source of a station.
///
/// Attributes
/// ----------
/// name : str
///     The name of the buffer.
/// state : State
///     The state of the capture.
/// restarts : int
///     The number of times that the source was opened again after it had run.
/// history : list of Transition
///     The last changes of state, oldest first.
/// buffer : CaptureBuffer or None
///     A handle to the buffer, once it is allocated.
#[pyclass(module = "capbuf", frozen, get_all)]
pub(crate) struct SourceStatus {
    name: String,
    state: Py<State>,
    restarts: u64,
    history: Vec<Py<Transition>>,
    buffer: Option<Py<CaptureBuffer>>,
}

impl SourceStatus {
    pub(super) fn new(py: Python<'_>, source: capbuf_capture::SourceStatus) -> PyResult<Self> {
        let history = source.history.into_iter().map(|change| Py::new(py, Transition::new(change)));
        Ok(Self {
            state: Py::new(py, State::new(py, &source.state))?,
            buffer: source.buffer.map(|buffer| Py::new(py, CaptureBuffer::new(buffer))).transpose()?,
            name: source.name,
            restarts: source.restarts,
            history: history.collect::<PyResult<_>>()?,
        })
    }
}

#[pymethods]
impl SourceStatus {
    fn __repr__(&self) -> String {
        let name = capbuf::redact(&self.name);
        format!("<capbuf.SourceStatus of {name:?}, {}>", self.state.get().text())
    }
}

/// A change of a source's state.
///
/// Attributes
/// ----------
/// utc_ns : int
///     Time of the change, in ns of UTC.
/// time : datetime
///     The same as an aware `datetime`.
/// state : str
///     The new state: a name as `State.name` has it.
/// reason : str or None
///     The error, if there is one.
#[pyclass(module = "capbuf", frozen, get_all)]
pub(crate) struct Transition {
    utc_ns: i64,
    state: &'static str,
    reason: Option<String>,
}

impl Transition {
    fn new(change: capbuf_capture::Transition) -> Self {
        Self { utc_ns: change.utc_ns, state: change.state.name(), reason: change.reason }
    }
}

#[pymethods]
impl Transition {
    #[getter]
    fn time<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        datetime(py, self.utc_ns)
    }

    fn __repr__(&self) -> String {
        let reason = self.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
        format!("<capbuf.Transition to {:?}{reason}>", self.state)
    }
}
