//! Everything that is known of allocations, and metrics.

use capbuf::AllocationReport as Report;
use pyo3::intern;
use pyo3::prelude::*;

use crate::errors::OrRaise as _;
use crate::registry::Registry;
use crate::times;

/// Everything that is known of the allocations of a registry, or of all processes of its domain, at one moment.
///
/// ``str(report)`` is the text to read. Attempts, allocations and live buffers are three numbers. Live buffers, their bytes and the
/// processes that have them open are always known; attempts, call sites, handles and stacks as far as they were recorded while
/// tracking was enabled. No name is shown with its credentials.
///
/// Attributes
/// ----------
/// attempts : int
///     Attempts to get a buffer, whatever came of them.
/// allocations : int
///     Rings that were made.
/// live_buffers : int
///     Buffers that there are.
/// live_bytes, live_audio_bytes : int
///     Bytes mapped for them, and bytes of audio that they keep.
/// removed_and_held : int
///     Buffers that were removed and that somebody still holds.
///
/// Examples
/// --------
/// >>> import capbuf
/// >>> registry = capbuf.Registry.private(track_allocations=True)
/// >>> buffers = [registry.get_or_allocate("mic", seconds=60, sample_rate_hz=48000) for _ in range(5)]
/// >>> report = registry.allocation_report()
/// >>> report.attempts, report.allocations, report.live_buffers, report.live_audio_bytes
/// (5, 1, 1, 5760000)
/// >>> source = report.to_dict()["sources"][0]
/// >>> source["source"], source["results"]["already_there"], source["call_sites"][0]["language"]
/// ('mic', 4, 'Python')
#[pyclass(module = "capbuf", frozen)]
pub(crate) struct AllocationReport(Report);

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

    /// When it was made.
    #[getter]
    fn made<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        times::datetime(py, self.0.made_utc_ns)
    }

    /// All of it as JSON, by the schema ``docs/schema/report.json``: the same as of ``capbuf report --json``.
    ///
    /// Returns
    /// -------
    /// str
    fn to_json(&self, py: Python<'_>) -> String {
        py.detach(|| self.0.to_json())
    }

    /// All of it as dictionaries and lists, named as in `to_json`.
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

#[pymethods]
impl Registry {
    /// Records every attempt to get a buffer from here on, with what came of it, when, by whom and from where; or ends that.
    ///
    /// Off, it costs one load an attempt. On, some microseconds for the Python frames, no lock, and memory of a fixed size. Counts
    /// go on from what they were. In a domain every process decides for itself, and the report of any tells of all that
    /// track. ``DEBUG_BUFFER_ALLOC=true`` does the same from the beginning.
    ///
    /// Parameters
    /// ----------
    /// enable : bool
    ///     Whether to.
    #[pyo3(signature = (enable=true))]
    fn enable_allocation_tracking(&self, py: Python<'_>, enable: bool) -> PyResult<()> {
        // The first time it makes the log.
        let registry = self.registry(py)?;
        py.detach(|| registry.enable_allocation_tracking(enable));
        Ok(())
    }

    /// Whether attempts are recorded.
    #[getter]
    fn is_allocation_tracking(&self, py: Python<'_>) -> PyResult<bool> {
        self.handle.with(py, capbuf::Registry::is_allocation_tracking)
    }

    /// Tells everything that is known of allocations: in a domain, those of all its processes. Reads files, resolves stacks.
    ///
    /// Returns
    /// -------
    /// AllocationReport
    fn allocation_report(&self, py: Python<'_>) -> PyResult<AllocationReport> {
        let registry = self.registry(py)?;
        Ok(AllocationReport(py.detach(|| registry.allocation_report())))
    }

    /// Gives the memory back that the pool keeps of removed buffers (``pool_bytes``): in a domain, for all of its processes.
    ///
    /// Raises
    /// ------
    /// System
    ///     In a domain whose folder can't be looked at.
    fn trim_pool(&self, py: Python<'_>) -> PyResult<()> {
        let registry = self.registry(py)?;
        py.detach(|| registry.trim_pool()).or_raise(py)
    }

    /// Metrics of this registry and its buffers, in Prometheus's text format. See `capbuf.prometheus` for a collector.
    ///
    /// Attempts and reads are this registry's own; writes, frames, gaps and evictions those of the buffers, whoever wrote
    /// and read them. Sources are named shortly and without credentials; the first 64 of them have metrics of their own.
    ///
    /// Returns
    /// -------
    /// str
    ///
    /// Examples
    /// --------
    /// >>> import capbuf
    /// >>> "capbuf_live_buffers 0" in capbuf.Registry.private().metrics_text()
    /// True
    fn metrics_text(&self, py: Python<'_>) -> PyResult<String> {
        let registry = self.registry(py)?;
        Ok(py.detach(|| registry.metrics_text()))
    }

    /// Metrics of a whole domain, for who looks at it from outside, as ``capbuf metrics`` does.
    ///
    /// Attempts are those of all processes that track; what only each process knows, its reads and their durations, is left out.
    ///
    /// Returns
    /// -------
    /// str
    fn domain_metrics_text(&self, py: Python<'_>) -> PyResult<String> {
        let registry = self.registry(py)?;
        Ok(py.detach(|| registry.domain_metrics_text()))
    }
}
