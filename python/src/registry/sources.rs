//! The class `SourceInfo`: a source of a registry, with or without a buffer.

use pyo3::prelude::*;

use super::Registry;
use crate::arguments::optional_datetime;
use crate::buffer::{CaptureBuffer, Holder};
use crate::errors::OrRaise as _;
use crate::pickling::{Reduced, reduce};
use crate::waiting::interruptible;

/// A source that has a buffer, or that a recorder is opening, is waiting for, or could not open.
///
/// Attributes
/// ----------
/// source : str
///     The name of the source, unredacted.
/// buffer : CaptureBuffer or None
///     Its buffer; None until its recorder has opened it the first time, and in a copy by `pickle`.
/// state : str or None
///     Its state, a name as `State.name` has it; None if no recorder published one.
/// reason : str
///     The reason of the state, without credentials; empty if nothing is wrong.
/// since_utc_ns : int or None
///     The time the state began, in ns of UTC.
/// restarts : int
///     The number of times that it was opened again after it had run.
/// recorder : Holder or None
///     The living process that published the state; None in a private registry.
#[pyclass(module = "capbuf", frozen, get_all)]
pub(crate) struct SourceInfo {
    source: String,
    buffer: Option<Py<CaptureBuffer>>,
    state: Option<String>,
    reason: String,
    since_utc_ns: Option<i64>,
    restarts: u64,
    recorder: Option<Holder>,
}

impl SourceInfo {
    fn new(py: Python<'_>, info: capbuf::SourceInfo) -> PyResult<Self> {
        let health = info.health;
        Ok(Self {
            source: info.source.as_str().to_owned(),
            buffer: info.buffer.map(|buffer| Py::new(py, CaptureBuffer::new(buffer))).transpose()?,
            state: health.as_ref().map(|health| health.state.name().to_owned()),
            since_utc_ns: health.as_ref().map(|health| health.since_utc_ns),
            restarts: health.as_ref().map_or(0, |health| health.restarts),
            reason: health.map(|health| health.reason).unwrap_or_default(),
            recorder: info.recorder.map(Holder::new),
        })
    }
}

#[pymethods]
impl SourceInfo {
    /// The time the state began, as an aware `datetime` in UTC; None without a state.
    #[getter]
    fn since<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        optional_datetime(py, self.since_utc_ns)
    }

    fn __copy__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    /// A copy by `pickle` has no buffer: the other process opens it by its source.
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py>> {
        let Self { source, state, reason, since_utc_ns, restarts, recorder, .. } = slf.get();
        let texts = (source.as_str(), state.as_deref(), reason.as_str());
        reduce(slf.as_any(), (texts, *since_utc_ns, *restarts, recorder.clone()).into_pyobject(slf.py())?)
    }

    #[staticmethod]
    fn _restore(
        texts: (String, Option<String>, String),
        since_utc_ns: Option<i64>,
        restarts: u64,
        recorder: Option<Holder>,
    ) -> Self {
        let (source, state, reason) = texts;
        Self { source, buffer: None, state, reason, since_utc_ns, restarts, recorder }
    }

    fn __repr__(&self) -> String {
        let source = capbuf::redact(&self.source);
        let reason = if self.reason.is_empty() { String::new() } else { format!(": {}", self.reason) };
        format!("<capbuf.SourceInfo {source:?}, {}{reason}>", self.state.as_deref().unwrap_or("no state"))
    }
}

#[pymethods]
impl Registry {
    /// List all sources, sorted by name: those with a buffer, and those that a recorder is opening,
    /// is waiting for, or could not open.
    ///
    /// A source is listed from the moment its recorder claims it. Maps all buffers of a domain.
    ///
    /// Returns
    /// -------
    /// list of SourceInfo
    ///
    /// Examples
    /// --------
    /// >>> import capbuf
    /// >>> registry = capbuf.Registry.private()
    /// >>> buffer = registry.allocate("mic", seconds=60)
    /// >>> [(info.source, info.buffer == buffer, info.state) for info in registry.sources()]
    /// [('mic', True, None)]
    fn sources(&self, py: Python<'_>) -> PyResult<Vec<SourceInfo>> {
        let registry = self.registry(py)?;
        let sources = interruptible(py, move || registry.sources())?.or_raise(py)?;
        sources.into_iter().map(|info| SourceInfo::new(py, info)).collect()
    }
}
