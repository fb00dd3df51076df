//! The class `Station`: many captures, reconfigured while they run.
//!
//! May use all modules but `watch` and `trigger`.

mod changes;
mod config;
mod source_status;

use pyo3::prelude::*;
use pyo3::types::PyTuple;

pub(crate) use changes::Changes;
pub(crate) use config::SourceConfig;
pub(crate) use source_status::{SourceStatus, Transition};

use self::config::configs;
use crate::callback::Running;
use crate::errors::OrRaise as _;
use crate::pickling::refuses_pickling;
use crate::registry::{CallSite, Registry, registry_argument};
use crate::waiting::interruptible;

/// A set of sources that are captured, and can be reconfigured while they are.
///
/// Each source has threads that need no interpreter. Closed by `close`, the end of a ``with``
/// block, the last reference or the end of the program, which stop all sources; the buffers stay in
/// the registry.
///
/// Parameters
/// ----------
/// registry : Registry
///     The registry of the buffers.
///
/// Examples
/// --------
/// >>> import capbuf
/// >>> high = capbuf.SourceConfig("high", "tone:880", seconds=10)
/// >>> with capbuf.Station(capbuf.Registry.private()) as station:
/// ...     changes = station.reconfigure(["tone:440", high])
/// ...     assert changes.started == ["high", "tone:440"]
/// ...     # The unchanged source loses no frame.
/// ...     changes = station.reconfigure(["tone:440"])
/// >>> changes.unchanged, changes.stopped
/// (['tone:440'], ['high'])
#[pyclass(module = "capbuf", frozen, weakref)]
pub(crate) struct Station {
    registry: capbuf::Registry,
    station: Running<capbuf_capture::Station>,
}

#[pymethods]
impl Station {
    #[new]
    fn new(py: Python<'_>, #[pyo3(from_py_with = registry_argument)] registry: &Registry) -> PyResult<Self> {
        let registry = registry.registry(py)?;
        let station = Running::new("station", capbuf_capture::Station::new(&registry));
        Ok(Self { registry, station })
    }

    /// Record these sources, and no others.
    ///
    /// Unchanged sources are not touched, new ones are started in the background, and missing ones
    /// are stopped. An invalid configuration is refused before anything changes. The same
    /// configuration again changes nothing.
    ///
    /// Blocks while sources are stopped, five seconds at most; concurrent calls are serialised.
    /// After Ctrl-C it continues in the background.
    ///
    /// Parameters
    /// ----------
    /// sources : iterable of SourceConfig or str
    ///     A string is both name and locator, with defaults for the rest.
    ///
    /// Returns
    /// -------
    /// Changes
    ///
    /// Raises
    /// ------
    /// InvalidConfig
    ///     If a source (`source`) can't be configured like this; nothing changed.
    /// InvalidType
    ///     If an item is no configuration.
    /// Closed
    ///     After `close`.
    fn reconfigure(&self, py: Python<'_>, sources: &Bound<'_, PyAny>) -> PyResult<Changes> {
        let configs = configs(sources)?;
        let station = self.station.share(py)?;
        let call_site = CallSite::of(py, &self.registry);
        let changes = interruptible(py, move || call_site.run(|| station.reconfigure(&configs)))?;
        changes.or_raise(py).map(Changes::new)
    }

    /// Check a configuration without applying it.
    ///
    /// Parameters
    /// ----------
    /// sources : iterable of SourceConfig or str
    ///     As `reconfigure`.
    ///
    /// Raises
    /// ------
    /// InvalidConfig, InvalidType, Closed
    ///     As `reconfigure`.
    fn check(&self, py: Python<'_>, sources: &Bound<'_, PyAny>) -> PyResult<()> {
        let configs = configs(sources)?;
        self.station.get(py)?.detached(|station| station.check(&configs)).or_raise(py)
    }

    /// Return a snapshot of all sources, sorted by name. Stale at once.
    ///
    /// Returns
    /// -------
    /// list of SourceStatus
    fn sources(&self, py: Python<'_>) -> PyResult<Vec<SourceStatus>> {
        let station = self.station.get(py)?;
        station.check_process().or_raise(py)?;
        let sources = station.detached(capbuf_capture::Station::sources);
        sources.into_iter().map(|source| SourceStatus::new(py, source)).collect()
    }

    /// Stop all sources at once, and wait up to five seconds until they are closed.
    ///
    /// The buffers stay in the registry. `reconfigure` starts sources again.
    ///
    /// Returns
    /// -------
    /// bool
    ///     True if all sources are closed; false if a sound server or driver does not respond.
    fn stop(&self, py: Python<'_>) -> PyResult<bool> {
        let station = self.station.share(py)?;
        station.check_process().or_raise(py)?;
        interruptible(py, move || station.stop())
    }

    /// Stop all sources and close the station, in all threads. Idempotent.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        self.station.close(py)
    }

    /// True if the station is closed.
    #[getter]
    fn closed(&self) -> bool {
        self.station.is_closed()
    }

    fn __enter__<'py>(slf: Bound<'py, Self>) -> PyResult<Bound<'py, Self>> {
        slf.get().station.get(slf.py())?;
        Ok(slf)
    }

    #[pyo3(signature = (*_args))]
    fn __exit__(&self, py: Python<'_>, _args: &Bound<'_, PyTuple>) -> PyResult<()> {
        self.close(py)
    }
}

refuses_pickling!(Station, "it belongs to its process; create one there, and pass it the sources");
