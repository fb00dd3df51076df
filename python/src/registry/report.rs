//! The class `AllocationReport`.

use std::collections::BTreeMap;

use capbuf::AllocationReport as Report;
use pyo3::intern;
use pyo3::prelude::*;

use crate::arguments::datetime;
use crate::pickling::{Reduced, reduce};

/// The allocations of a registry, or of all processes of its domain, at one moment.
///
/// ``str(report)`` is a text to read. Attempts, allocations and live buffers are three different
/// numbers. Live buffers, their bytes and the processes that have them open are always complete;
/// attempts, call sites, handles and stacks cover the time during which tracking was enabled. Names
/// have no credentials.
///
/// Attributes
/// ----------
/// attempts : int or None
///     Attempts to get a buffer, with any outcome; None if none were recorded.
/// allocations : int or None
///     Allocated rings; None if none were recorded.
/// live_buffers : int
///     Existing buffers.
/// live_bytes, live_audio_bytes : int
///     Their mapped memory, and the part of it that is audio.
/// removed_and_held : int
///     Removed buffers with open handles.
/// ended_processes : int
///     Ended processes whose logs were removed. Their counts are included, without call sites.
/// dropped : dict[str, int]
///     Numbers of records that did not fit in the logs, or were overwritten: ``sources``,
///     ``attempts``, ``call_sites``, ``holders`` and ``stacks``.
///
/// Examples
/// --------
/// >>> import capbuf
/// >>> registry = capbuf.Registry.private(track_allocations=True)
/// >>> shape = {"seconds": 60, "sample_rate_hz": 48000}
/// >>> buffers = [registry.get_or_allocate("mic", **shape) for _ in range(5)]
/// >>> report = registry.allocation_report()
/// >>> report.attempts, report.allocations, report.live_buffers, report.live_audio_bytes
/// (5, 1, 1, 5760000)
/// >>> source = report.to_dict()["sources"][0]
/// >>> source["source"], source["results"]["already_there"]
/// ('mic', 4)
/// >>> source["call_sites"][0]["language"]
/// 'Python'
#[pyclass(module = "capbuf", frozen)]
pub(crate) struct AllocationReport {
    #[pyo3(get)]
    attempts: Option<u64>,
    #[pyo3(get)]
    allocations: Option<u64>,
    #[pyo3(get)]
    live_buffers: u64,
    #[pyo3(get)]
    live_bytes: u64,
    #[pyo3(get)]
    live_audio_bytes: u64,
    #[pyo3(get)]
    removed_and_held: u64,
    #[pyo3(get)]
    ended_processes: u64,
    #[pyo3(get)]
    dropped: BTreeMap<String, u64>,
    made_utc_ns: i64,
    text: String,
    json: String,
}

impl AllocationReport {
    pub(super) fn new(report: &Report) -> Self {
        let (totals, dropped) = (&report.totals, report.dropped);
        let dropped = [
            ("sources", dropped.sources),
            ("attempts", dropped.attempts),
            ("call_sites", dropped.call_sites),
            ("holders", dropped.holders),
            ("stacks", dropped.stacks),
        ];
        Self {
            attempts: totals.attempts,
            allocations: totals.allocations,
            live_buffers: totals.live_buffers,
            live_bytes: totals.live_bytes,
            live_audio_bytes: totals.live_audio_bytes,
            removed_and_held: totals.removed_and_held,
            ended_processes: report.ended_processes,
            dropped: dropped.map(|(name, count)| (name.to_owned(), count)).into(),
            made_utc_ns: report.made_utc_ns,
            text: report.to_string(),
            json: report.to_json(),
        }
    }
}

#[pymethods]
impl AllocationReport {
    /// Creation time of the report, as an aware `datetime` in UTC.
    #[getter]
    fn made<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        datetime(py, self.made_utc_ns)
    }

    /// Return the report as JSON, by the schema ``docs/schema/report.json``.
    ///
    /// The same as the command ``capbuf report --json``.
    ///
    /// Returns
    /// -------
    /// str
    fn to_json(&self) -> &str {
        &self.json
    }

    /// Return the report as dictionaries and lists, named as in `to_json`.
    ///
    /// Returns
    /// -------
    /// dict
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        py.import(intern!(py, "json"))?.call_method1(intern!(py, "loads"), (self.to_json(),))
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py>> {
        let report = slf.get();
        let counts = (report.attempts, report.allocations, report.live_buffers, report.removed_and_held);
        let bytes = (report.live_bytes, report.live_audio_bytes);
        let left_out = (report.ended_processes, &report.dropped);
        let texts = (report.text.as_str(), report.json.as_str());
        reduce(slf.as_any(), (counts, bytes, left_out, report.made_utc_ns, texts).into_pyobject(slf.py())?)
    }

    #[staticmethod]
    fn _restore(
        counts: (Option<u64>, Option<u64>, u64, u64),
        bytes: (u64, u64),
        left_out: (u64, BTreeMap<String, u64>),
        made_utc_ns: i64,
        texts: (String, String),
    ) -> Self {
        let (attempts, allocations, live_buffers, removed_and_held) = counts;
        let ((live_bytes, live_audio_bytes), (ended_processes, dropped)) = (bytes, left_out);
        let (text, json) = texts;
        Self {
            attempts,
            allocations,
            live_buffers,
            live_bytes,
            live_audio_bytes,
            removed_and_held,
            ended_processes,
            dropped,
            made_utc_ns,
            text,
            json,
        }
    }

    fn __str__(&self) -> &str {
        &self.text
    }

    fn __repr__(&self) -> String {
        let [attempts, allocations] = [self.attempts, self.allocations]
            .map(|count| count.map_or_else(|| "unknown".to_owned(), |count| count.to_string()));
        let live_buffers = self.live_buffers;
        format!("<capbuf.AllocationReport {attempts} attempts, {allocations} allocations, {live_buffers} live buffers>")
    }
}
