//! Metrics in Prometheus's text format.

use pyo3::prelude::*;

use super::Registry;
use crate::waiting::interruptible;

#[pymethods]
impl Registry {
    /// Return metrics of this registry and its buffers in Prometheus's text format.
    ///
    /// Attempts and reads are those of this registry; writes, frames, gaps and evictions are those
    /// of the buffers, by all processes. Sources have short names without credentials; the first 64
    /// have metrics of their own. See `capbuf.prometheus` for a collector.
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
        interruptible(py, move || registry.metrics_text())
    }

    /// Return metrics of the whole domain, as the command ``capbuf metrics`` does.
    ///
    /// Attempts are those of all processes that track allocations. Reads and their durations, which
    /// each process counts for itself, are absent.
    ///
    /// Returns
    /// -------
    /// str
    fn domain_metrics_text(&self, py: Python<'_>) -> PyResult<String> {
        let registry = self.registry(py)?;
        interruptible(py, move || registry.domain_metrics_text())
    }
}
