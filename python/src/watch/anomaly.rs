//! The class `Anomaly`: one finding of a watch.

use pyo3::prelude::*;

use crate::arguments::datetime;
use crate::pickling::{Reduced, reduce};

/// A finding of a `Watch`, with its evidence.
///
/// ``str(anomaly)`` is one line of text.
///
/// Attributes
/// ----------
/// kind : str
///     ``"repeated allocation"``, ``"churn"``, ``"removed and held"``, ``"stalled writer"``,
///     ``"writer rate"``, ``"lapped reader"``, ``"spec conflict"``, ``"budget"``,
///     ``"source under two names"``, ``"source down"``, ``"lost buffer"`` or
///     ``"clock set back"``.
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
pub(crate) struct Anomaly {
    #[pyo3(get)]
    kind: String,
    #[pyo3(get)]
    severity: String,
    #[pyo3(get)]
    source: Option<String>,
    #[pyo3(get)]
    evidence: String,
    #[pyo3(get)]
    advice: String,
    #[pyo3(get)]
    count: u64,
    #[pyo3(get)]
    first_utc_ns: i64,
    #[pyo3(get)]
    last_utc_ns: i64,
    text: String,
    json: String,
}

impl Anomaly {
    pub(super) fn new(anomaly: &capbuf::Anomaly) -> Self {
        Self {
            kind: anomaly.kind.name().to_owned(),
            severity: anomaly.severity.name().to_owned(),
            source: anomaly.source.clone(),
            evidence: anomaly.evidence.clone(),
            advice: anomaly.advice.to_owned(),
            count: anomaly.count,
            first_utc_ns: anomaly.first_utc_ns,
            last_utc_ns: anomaly.last_utc_ns,
            text: anomaly.to_string(),
            json: anomaly.to_json(),
        }
    }
}

#[pymethods]
impl Anomaly {
    /// Time of the first observation, as an aware `datetime` in UTC.
    #[getter]
    fn first<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        datetime(py, self.first_utc_ns)
    }

    /// Time of the last observation, as an aware `datetime` in UTC.
    #[getter]
    fn last<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        datetime(py, self.last_utc_ns)
    }

    /// Return the anomaly as one line of JSON, by the schema ``docs/schema/event.json``.
    ///
    /// Returns
    /// -------
    /// str
    fn to_json(&self) -> &str {
        &self.json
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py>> {
        let Self { kind, severity, source, evidence, advice, count, first_utc_ns, last_utc_ns, text, json } = slf.get();
        let names = (kind.as_str(), severity.as_str(), source.as_deref());
        let texts = (evidence.as_str(), advice.as_str(), text.as_str(), json.as_str());
        reduce(slf.as_any(), (names, texts, (*count, *first_utc_ns, *last_utc_ns)).into_pyobject(slf.py())?)
    }

    #[staticmethod]
    fn _restore(
        names: (String, String, Option<String>),
        texts: (String, String, String, String),
        seen: (u64, i64, i64),
    ) -> Self {
        let (kind, severity, source) = names;
        let (evidence, advice, text, json) = texts;
        let (count, first_utc_ns, last_utc_ns) = seen;
        Self { kind, severity, source, evidence, advice, count, first_utc_ns, last_utc_ns, text, json }
    }

    fn __str__(&self) -> &str {
        &self.text
    }

    fn __repr__(&self) -> String {
        format!("<capbuf.Anomaly {}>", self.text)
    }
}
