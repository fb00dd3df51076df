//! The class `Anomaly`: one finding of a watch.

use pyo3::prelude::*;

use crate::arguments::datetime;

/// A finding of a `Watch`, with its evidence.
///
/// ``str(anomaly)`` is one line of text.
///
/// Attributes
/// ----------
/// kind : str
///     ``"repeated allocation"``, ``"churn"``, ``"removed and held"``, ``"stalled writer"``,
///     ``"writer rate"``, ``"lapped reader"``, ``"spec conflict"``, ``"budget"``,
///     ``"source under two names"``, ``"source down"`` or ``"lost buffer"``.
/// severity : str
///     ``"notice"``: something is wasted; ``"warning"``: something will be lost; ``"severe"``:
///     audio is being lost.
/// source : str or None
///     The source, without credentials.
/// evidence, advice : str
///     The observation, and what to do.
/// count : int
///     The number of observations.
/// first_utc_ns, last_utc_ns : int
///     Times of the first and the last observation, in ns of UTC.
#[pyclass(module = "capbuf", frozen, eq)]
#[derive(PartialEq)]
pub(crate) struct Anomaly(pub(super) capbuf::Anomaly);

#[pymethods]
impl Anomaly {
    #[getter]
    fn kind(&self) -> &'static str {
        self.0.kind.name()
    }

    #[getter]
    fn severity(&self) -> &'static str {
        self.0.severity.name()
    }

    #[getter]
    fn source(&self) -> Option<&str> {
        self.0.source.as_deref()
    }

    #[getter]
    fn evidence(&self) -> &str {
        &self.0.evidence
    }

    #[getter]
    fn advice(&self) -> &'static str {
        self.0.advice
    }

    #[getter]
    fn count(&self) -> u64 {
        self.0.count
    }

    #[getter]
    fn first_utc_ns(&self) -> i64 {
        self.0.first_utc_ns
    }

    #[getter]
    fn last_utc_ns(&self) -> i64 {
        self.0.last_utc_ns
    }

    /// Time of the first observation, as an aware `datetime` in UTC.
    #[getter]
    fn first<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        datetime(py, self.0.first_utc_ns)
    }

    /// Time of the last observation, as an aware `datetime` in UTC.
    #[getter]
    fn last<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        datetime(py, self.0.last_utc_ns)
    }

    /// Return the anomaly as one line of JSON, by the schema ``docs/schema/event.json``.
    ///
    /// Returns
    /// -------
    /// str
    fn to_json(&self) -> String {
        self.0.to_json()
    }

    fn __str__(&self) -> String {
        self.0.to_string()
    }

    fn __repr__(&self) -> String {
        format!("<capbuf.Anomaly {}>", self.0)
    }
}
