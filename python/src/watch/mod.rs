//! The class `Watch`: finds misuse of a registry while the program runs.
//!
//! May use `errors`, `arguments`, `waiting`, `callback` and `registry`.

mod anomaly;
mod settings;

use std::time::Duration;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::pyclass::{PyTraverseError, PyVisit};
use pyo3::types::{PyDict, PyTuple};

pub(crate) use anomaly::Anomaly;

use crate::arguments::Wait;
use crate::callback::{Callback, Running};
use crate::errors::OrRaise as _;
use crate::pickling::refuses_pickling;
use crate::registry::Registry;
use crate::waiting::{Poll, block_on};

/// The interval at which a waiting caller looks for an event.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// An iterator over the findings of a watch, for ``for`` and ``async for``. See `Registry.watch`.
///
/// Endless until `close` in any thread, or Ctrl-C. The queue holds 1024 events; when it is full,
/// the oldest is dropped, and counted in `dropped`. The thread ends with this object: keep it.
///
/// `close`, the end of a ``with`` block and the last reference wait for a callback that runs,
/// except in a callback. At the end of the program a watch is closed after the threads of
/// `threading` have ended; a callback that runs then has ten seconds.
#[pyclass(module = "capbuf", frozen, weakref)]
pub(crate) struct Watch {
    watch: Running<capbuf::Watch>,
    callback: Option<Callback>,
}

impl Watch {
    fn poll(watch: &capbuf::Watch, waited: Duration, is_over: bool) -> Result<Poll<Anomaly>, capbuf::Error> {
        watch.check_process()?;
        match watch.next_event(Duration::ZERO) {
            Some(event) => Ok(Poll::Ready(Anomaly::new(&event))),
            None if is_over => Err(capbuf::Error::TimedOut { waited }),
            None => Ok(Poll::RetryAfter(POLL_INTERVAL)),
        }
    }

    fn next(&self, py: Python<'_>, wait: Wait) -> PyResult<Anomaly> {
        let look = |watch: &capbuf::Watch, waited, is_over| Self::poll(watch, waited, is_over).or_raise(py);
        block_on(py, || self.watch.get(py), wait, look)
    }
}

#[pymethods]
impl Watch {
    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Anomaly> {
        self.next(py, Wait::Forever)
    }

    fn __aiter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __anext__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        py.import(intern!(py, "capbuf._asyncio"))?.call_method1(intern!(py, "next_event"), (slf,))
    }

    /// Wait for the next event and return it.
    ///
    /// Parameters
    /// ----------
    /// wait : float or timedelta, optional
    ///     Seconds to wait; by default without limit.
    ///
    /// Returns
    /// -------
    /// Anomaly
    ///
    /// Raises
    /// ------
    /// TimedOut
    ///     If `wait` is over.
    /// Closed
    ///     After `close`.
    #[pyo3(signature = (*, wait=Wait::Forever), text_signature = "($self, *, wait=None)")]
    fn next_event(&self, py: Python<'_>, wait: Wait) -> PyResult<Anomaly> {
        self.next(py, wait)
    }

    /// Look once, for `_asyncio`: the event, or seconds to sleep as a float.
    fn _poll(&self, py: Python<'_>, waited: f64, is_over: bool) -> PyResult<Py<PyAny>> {
        let waited = Duration::try_from_secs_f64(waited).unwrap_or_default();
        let watch = self.watch.get(py)?;
        Self::poll(&watch, waited, is_over).or_raise(py)?.or_seconds(py)
    }

    /// List all findings so far, oldest first, with counts and times.
    ///
    /// Returns
    /// -------
    /// list of Anomaly
    fn found(&self, py: Python<'_>) -> PyResult<Vec<Anomaly>> {
        Ok(self.watch.get(py)?.detached(capbuf::Watch::found).iter().map(Anomaly::new).collect())
    }

    /// The number of events that a full queue dropped.
    #[getter]
    fn dropped(&self, py: Python<'_>) -> PyResult<u64> {
        Ok(self.watch.get(py)?.detached(capbuf::Watch::dropped))
    }

    /// Close the watch, in all threads, and wait for a callback that runs. Idempotent.
    ///
    /// Does not wait in a callback. Ctrl-C ends the wait.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        self.watch.close(py)
    }

    /// True if the watch is closed.
    #[getter]
    fn closed(&self) -> bool {
        self.watch.is_closed()
    }

    fn __enter__<'py>(slf: Bound<'py, Self>) -> PyResult<Bound<'py, Self>> {
        slf.get().watch.get(slf.py())?;
        Ok(slf)
    }

    #[pyo3(signature = (*_args))]
    fn __exit__(&self, py: Python<'_>, _args: &Bound<'_, PyTuple>) -> PyResult<()> {
        self.close(py)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.callback.as_ref().map_or(Ok(()), |callback| callback.visit(&visit))
    }

    fn __clear__(&self) {
        if let Some(callback) = &self.callback {
            callback.clear();
        }
        self.watch.end_soon();
    }
}

#[pymethods]
impl Registry {
    /// Start a thread that looks for misuse of the registry, or of its domain.
    ///
    /// Findings are returned by the watch, and included in `allocation_report` and metrics. Some
    /// kinds need allocation tracking, see `enable_allocation_tracking`. A watch keeps no buffer
    /// alive.
    ///
    /// Parameters
    /// ----------
    /// callback : callable, optional
    ///     Called on the watch's thread with each `Anomaly`. An exception goes to
    ///     ``sys.unraisablehook``.
    /// every : float or timedelta, default 1
    ///     The interval between two looks.
    /// window : float or timedelta, default 60
    ///     The period over which repeated events are counted.
    /// repeated_allocations : int, default 3
    ///     Threshold: refused allocations from one call site within the window.
    /// churn_allocations : int, default 5
    ///     Threshold: rings allocated for one source within the window.
    /// removed_held : float or timedelta, default 60
    ///     Threshold: the time for which a removed buffer has open handles.
    /// stalled : float or timedelta, default 30
    ///     Threshold: the time for which a living writer writes nothing.
    /// rate_tolerance : float, default 0.05
    ///     Threshold: the relative error of a writer's rate.
    /// rate_window : float or timedelta, default 30
    ///     The period over which the rate is measured; reported after three of them.
    /// lapped_reads : int, default 10
    ///     Threshold: reads of one source that raise `Evicted` within the window.
    /// budget_share : float, default 0.9
    ///     Threshold: the used part of the budget.
    ///
    /// Returns
    /// -------
    /// Watch
    ///
    /// Raises
    /// ------
    /// InvalidArgument, InvalidType
    ///     If a setting is unknown or outside of what is allowed.
    ///
    /// Examples
    /// --------
    /// >>> import capbuf
    /// >>> registry = capbuf.Registry.private()
    /// >>> with registry.watch(every=0.01) as watch:
    /// ...     # One camera under two names has two buffers.
    /// ...     cameras = ("rtsp://cam/1", "rtsp://cam/1/")
    /// ...     buffers = [registry.get_or_allocate(camera, seconds=1) for camera in cameras]
    /// ...     watch.next_event(wait=60).kind
    /// 'source under two names'
    #[pyo3(
        signature = (callback=None, **settings),
        text_signature = "($self, callback=None, *, every=1.0, window=60.0, repeated_allocations=3, churn_allocations=5, \
                          removed_held=60.0, stalled=30.0, rate_tolerance=0.05, rate_window=30.0, lapped_reads=10, \
                          budget_share=0.9)"
    )]
    fn watch(
        &self,
        py: Python<'_>,
        callback: Option<Bound<'_, PyAny>>,
        settings: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Watch> {
        let settings = settings::settings(settings)?;
        let registry = self.registry(py)?;
        let callback = callback.map(Callback::of).transpose()?;
        let started = py.detach(|| match callback.clone() {
            None => registry.watch(settings),
            Some(callback) => registry.watch_with(settings, move |event| {
                callback.call(|py| Py::new(py, Anomaly::new(event)).map(Py::into_any));
            }),
        });
        Ok(Watch { watch: Running::new("watch", started.or_raise(py)?), callback })
    }
}

refuses_pickling!(Watch, "it belongs to its process; begin one there with Registry.watch");
