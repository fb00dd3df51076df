//! Allocation tracking, on and off.

use pyo3::prelude::*;

use super::Registry;
use super::report::AllocationReport;
use crate::arguments::named;
use crate::waiting::interruptible;

#[pymethods]
impl Registry {
    /// Start or stop recording allocation attempts: outcome, time, thread and call site.
    ///
    /// Costs one load an attempt when off; when on, some microseconds for the Python stack, no lock
    /// and memory of a fixed size. Counts continue from their last values. In a domain each process
    /// decides for itself, and a report covers all processes that track; ``capbuf track on``
    /// switches all of them.
    /// ``DEBUG_BUFFER_ALLOC=true`` in the environment starts it with the process, and has the
    /// report of a private registry printed to stderr: when it is closed, or when the program ends
    /// other than by ``os._exit`` or a signal; and at ``SIGUSR2``, unless the program has a handler
    /// for it.
    ///
    /// Parameters
    /// ----------
    /// enable : bool, default True
    ///     True to start, false to stop.
    #[pyo3(signature = (enable=true))]
    fn enable_allocation_tracking(
        &self,
        py: Python<'_>,
        #[pyo3(from_py_with = named::enable)] enable: bool,
    ) -> PyResult<()> {
        // The first call allocates the log: other Python threads run meanwhile.
        let registry = self.registry(py)?;
        interruptible(py, move || registry.enable_allocation_tracking(enable))
    }

    /// True if allocation attempts are recorded.
    #[getter]
    fn is_allocation_tracking(&self, py: Python<'_>) -> PyResult<bool> {
        self.handle.with(py, capbuf::Registry::is_allocation_tracking)
    }

    /// Return a report of allocations: in a domain, of all its processes.
    ///
    /// Reads files and resolves stacks.
    ///
    /// Returns
    /// -------
    /// AllocationReport
    fn allocation_report(&self, py: Python<'_>) -> PyResult<AllocationReport> {
        let registry = self.registry(py)?;
        interruptible(py, move || AllocationReport::new(&registry.allocation_report()))
    }
}
