//! The classes `SourceStatus` and `Transition`: the state of a station's source, and its history.

use pyo3::prelude::*;

use crate::arguments::datetime;
use crate::buffer::CaptureBuffer;
use crate::capture::State;
use crate::pickling::{Reduced, pickled, reduce};

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
///     A handle to the buffer, once it is allocated. None in a copy by `pickle`.
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
    fn __copy__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    /// A copy by `pickle` has no buffer: the other process opens it by its name.
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py>> {
        let (py, Self { name, state, restarts, history, .. }) = (slf.py(), slf.get());
        let history: Vec<_> = history.iter().map(|change| change.clone_ref(py)).collect();
        reduce(slf.as_any(), (name.as_str(), state.clone_ref(py), *restarts, history).into_pyobject(py)?)
    }

    #[staticmethod]
    fn _restore(name: String, state: Py<State>, restarts: u64, history: Vec<Py<Transition>>) -> Self {
        Self { name, state, restarts, history, buffer: None }
    }

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
    state: String,
    reason: Option<String>,
}

impl Transition {
    fn new(change: capbuf_capture::Transition) -> Self {
        Self { utc_ns: change.utc_ns, state: change.state.name().to_owned(), reason: change.reason }
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

pickled!(Transition { utc_ns, state, reason });
