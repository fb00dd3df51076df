//! The class `AllocationReport`.

use std::collections::BTreeMap;

use capbuf::AllocationReport as Report;
use pyo3::intern;
use pyo3::prelude::*;

use crate::arguments::datetime;

/// The allocations of a registry, or of all processes of its domain, at one moment.
///
/// ``str(report)`` is a text to read. Attempts, allocations and live buffers are three different
/// numbers. Live buffers, their bytes and the processes that have them open are always complete;
/// attempts, call sites, handles and stacks cover the time during which tracking was enabled. Names
/// have no credentials.
///
/// Attributes
/// ----------
/// attempts : int
///     Attempts to get a buffer, with any outcome.
/// allocations : int
///     Allocated rings.
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
pub(crate) struct AllocationReport(Report);

impl AllocationReport {
    pub(super) fn new(report: Report) -> Self {
        Self(report)
    }
}

#[pymethods]
impl AllocationReport {
    #[getter]
    fn attempts(&self) -> u64 {
        self.0.totals.attempts
    }

    #[getter]
    fn allocations(&self) -> u64 {
        self.0.totals.allocations
    }

    #[getter]
    fn live_buffers(&self) -> u64 {
        self.0.totals.live_buffers
    }

    #[getter]
    fn live_bytes(&self) -> u64 {
        self.0.totals.live_bytes
    }

    #[getter]
    fn live_audio_bytes(&self) -> u64 {
        self.0.totals.live_audio_bytes
    }

    #[getter]
    fn removed_and_held(&self) -> u64 {
        self.0.totals.removed_and_held
    }

    #[getter]
    fn ended_processes(&self) -> u64 {
        self.0.ended_processes
    }

    #[getter]
    fn dropped(&self) -> BTreeMap<&'static str, u64> {
        let dropped = self.0.dropped;
        BTreeMap::from([
            ("sources", dropped.sources),
            ("attempts", dropped.attempts),
            ("call_sites", dropped.call_sites),
            ("holders", dropped.holders),
            ("stacks", dropped.stacks),
        ])
    }

    /// Creation time of the report, as an aware `datetime` in UTC.
    #[getter]
    fn made<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        datetime(py, self.0.made_utc_ns)
    }

    /// Return the report as JSON, by the schema ``docs/schema/report.json``.
    ///
    /// The same as the command ``capbuf report --json``.
    ///
    /// Returns
    /// -------
    /// str
    fn to_json(&self, py: Python<'_>) -> String {
        py.detach(|| self.0.to_json())
    }

    /// Return the report as dictionaries and lists, named as in `to_json`.
    ///
    /// Returns
    /// -------
    /// dict
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        py.import(intern!(py, "json"))?.call_method1(intern!(py, "loads"), (self.to_json(py),))
    }

    fn __str__(&self, py: Python<'_>) -> String {
        py.detach(|| self.0.to_string())
    }

    fn __repr__(&self) -> String {
        let totals = &self.0.totals;
        format!(
            "<capbuf.AllocationReport {} attempts, {} allocations, {} live buffers>",
            totals.attempts, totals.allocations, totals.live_buffers
        )
    }
}
