//! What is wrong with how buffers are used, told while it is.

use std::sync::Arc;
use std::time::Duration;

use capbuf::WatchSettings;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::errors::{OrRaise as _, invalid, wrong_type};
use crate::handle::Handle;
use crate::registry::Registry;
use crate::times::{self, Wait};
use crate::waiting::{self, Step};

/// How often who waits for an event looks for one.
const LOOK: Duration = Duration::from_millis(50);

/// Something that is wrong, with the evidence.
///
/// ``str(anomaly)`` is a line to read.
///
/// Attributes
/// ----------
/// kind : str
///     ``"repeated allocation"``, ``"churn"``, ``"removed and held"``, ``"stalled writer"``, ``"writer rate"``, ``"lapped reader"``,
///     ``"spec conflict"``, ``"budget"`` or ``"source under two names"``.
/// severity : str
///     ``"notice"``: it wastes something; ``"warning"``: it will lose something; ``"severe"``: it loses audio now.
/// source : str or None
///     The source, without credentials.
/// evidence, advice : str
///     What was seen, and what to do.
/// count : int
///     How often it was seen.
/// first_utc_ns, last_utc_ns : int
///     When it was seen first, and last, in nanoseconds since 1970.
#[pyclass(module = "capbuf", frozen, eq)]
#[derive(PartialEq)]
pub(crate) struct Anomaly(capbuf::Anomaly);

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

    /// When it was seen first.
    #[getter]
    fn first<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        times::datetime(py, self.0.first_utc_ns)
    }

    /// When it was seen last.
    #[getter]
    fn last<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        times::datetime(py, self.0.last_utc_ns)
    }

    /// The anomaly as JSON, in one line, by the schema ``docs/schema/event.json``.
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

/// Looks after a registry, or its domain, on a thread of its own: an iterator of `Anomaly`, for ``for`` and for ``async for``.
///
/// It never ends by itself; `close` in any thread, or Ctrl-C, does. Up to 1024 events wait to be taken; then the oldest go, and `dropped`
/// counts them. It ends with its object, so keep it.
#[pyclass(module = "capbuf", frozen, weakref)]
pub(crate) struct Watch {
    watch: Handle<capbuf::Watch>,
}

impl Watch {
    fn look(watch: &capbuf::Watch, waited: Duration, is_over: bool) -> Result<Step<Anomaly>, capbuf::Error> {
        match watch.next_event(Duration::ZERO) {
            Some(event) => Ok(Step::Done(Anomaly(event))),
            None if is_over => Err(capbuf::Error::TimedOut { waited }),
            None => Ok(Step::Pause(LOOK)),
        }
    }

    fn next(&self, py: Python<'_>, wait: Wait) -> PyResult<Anomaly> {
        waiting::wait(py, &self.watch, wait, |watch, waited, is_over| Self::look(watch, waited, is_over).or_raise(py))
    }
}

#[pymethods]
impl Watch {
    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Anomaly> {
        self.next(py, Wait::Ever)
    }

    fn __aiter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __anext__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        py.import(intern!(py, "capbuf._asyncio"))?.call_method1(intern!(py, "next_event"), (slf,))
    }

    /// Takes the next event; waits for one.
    ///
    /// Parameters
    /// ----------
    /// wait : float or timedelta, optional
    ///     For how long; for as long as it takes if not given.
    ///
    /// Returns
    /// -------
    /// Anomaly
    ///
    /// Raises
    /// ------
    /// TimedOut
    ///     If none came.
    /// Closed
    ///     If this was closed.
    #[pyo3(signature = (*, wait=Wait::Ever), text_signature = "($self, *, wait=None)")]
    fn next_event(&self, py: Python<'_>, wait: Wait) -> PyResult<Anomaly> {
        self.next(py, wait)
    }

    /// Looks once for who waits in an event loop and has waited so many seconds: the event, or the seconds to sleep.
    fn _look(&self, py: Python<'_>, waited: f64, is_over: bool) -> PyResult<Py<PyAny>> {
        let waited = Duration::try_from_secs_f64(waited).unwrap_or_default();
        let watch = self.watch.get(py)?;
        Self::look(&watch, waited, is_over).or_raise(py)?.or_seconds(py)
    }

    /// Everything that was found so far, the oldest first, with how often and when last.
    ///
    /// Returns
    /// -------
    /// list of Anomaly
    fn found(&self, py: Python<'_>) -> PyResult<Vec<Anomaly>> {
        let watch = self.watch.get(py)?;
        Ok(py.detach(|| watch.found()).into_iter().map(Anomaly).collect())
    }

    /// How many events were not taken in time.
    #[getter]
    fn dropped(&self, py: Python<'_>) -> PyResult<u64> {
        let watch = self.watch.get(py)?;
        Ok(py.detach(|| watch.dropped()))
    }

    /// Ends it, in all threads. Closing again is harmless.
    fn close(&self, py: Python<'_>) {
        self.watch.close(py);
    }

    /// Whether it was closed.
    #[getter]
    fn closed(&self) -> bool {
        self.watch.is_closed()
    }

    fn __enter__<'py>(slf: Bound<'py, Self>) -> PyResult<Bound<'py, Self>> {
        slf.get().watch.with(slf.py(), |_| ())?;
        Ok(slf)
    }

    #[pyo3(signature = (*_args))]
    fn __exit__(&self, py: Python<'_>, _args: &Bound<'_, PyTuple>) {
        self.close(py);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // Its thread may be calling into Python: it is waited for detached.
        Python::try_attach(|py| self.watch.close(py));
    }
}

/// Settings by name, as keyword arguments.
fn settings(given: Option<&Bound<'_, PyDict>>) -> PyResult<WatchSettings> {
    let mut settings = WatchSettings::default();
    for (name, value) in given.into_iter().flat_map(|given| given.iter()) {
        let py = value.py();
        let name: String = name.extract()?;
        match name.as_str() {
            "every" => settings.every = times::duration("every", &value)?,
            "window" => settings.window = times::duration("window", &value)?,
            "removed_held" => settings.removed_held = times::duration("removed_held", &value)?,
            "stalled" => settings.stalled = times::duration("stalled", &value)?,
            "rate_window" => settings.rate_window = times::duration("rate_window", &value)?,
            "repeated_allocations" => settings.repeated_allocations = count("repeated_allocations", &value)?,
            "churn_allocations" => settings.churn_allocations = count("churn_allocations", &value)?,
            "lapped_reads" => settings.lapped_reads = count("lapped_reads", &value)?,
            "rate_tolerance" => settings.rate_tolerance = share("rate_tolerance", &value)?,
            "budget_share" => settings.budget_share = share("budget_share", &value)?,
            _ => {
                let allowed = "every, window, repeated_allocations, churn_allocations, removed_held, stalled, \
                               rate_tolerance, rate_window, lapped_reads, budget_share";
                return Err(invalid(py, "a setting", name, allowed));
            }
        }
    }
    Ok(settings)
}

fn count(what: &'static str, given: &Bound<'_, PyAny>) -> PyResult<u64> {
    let count: u64 = crate::arguments::whole(what, given, "1 to 2**64 - 1")?;
    if count == 0 {
        return Err(invalid(given.py(), what, "0", "1 to 2**64 - 1"));
    }
    Ok(count)
}

fn share(what: &'static str, given: &Bound<'_, PyAny>) -> PyResult<f64> {
    let share: f64 = given.extract().map_err(|_| wrong_type(what, given, "float"))?;
    if share > 0.0 && share <= 1.0 {
        return Ok(share);
    }
    Err(invalid(given.py(), what, share.to_string(), "more than 0, to 1"))
}

#[pymethods]
impl Registry {
    /// Starts a thread that looks after this registry, or its domain, and tells what is wrong, in the watch that is returned, in
    /// `allocation_report` and in metrics.
    ///
    /// Some things are known only of what is tracked, see `enable_allocation_tracking`. A watch keeps no buffer from going.
    ///
    /// Parameters
    /// ----------
    /// tell : callable, optional
    ///     Called with each `Anomaly`, on the watch's thread. What it raises goes to ``sys.unraisablehook``.
    /// every : float or timedelta, default 1
    ///     How often it looks.
    /// window : float or timedelta, default 60
    ///     Within how long things that happen again and again are counted.
    /// repeated_allocations : int, default 3
    ///     Refused allocations from one place within the window.
    /// churn_allocations : int, default 5
    ///     Rings made for one source within the window.
    /// removed_held : float or timedelta, default 60
    ///     How long a removed buffer may be held.
    /// stalled : float or timedelta, default 30
    ///     How long a living writer may write nothing.
    /// rate_tolerance : float, default 0.05
    ///     By what part of its rate a writer may be off.
    /// rate_window : float or timedelta, default 30
    ///     Over how long the rate is measured, three times before it is told.
    /// lapped_reads : int, default 10
    ///     Reads of one source that come too late within the window.
    /// budget_share : float, default 0.9
    ///     The part of the budget that may be used.
    ///
    /// Returns
    /// -------
    /// Watch
    ///
    /// Raises
    /// ------
    /// InvalidArgument, InvalidType
    ///     For settings that can be none.
    ///
    /// Examples
    /// --------
    /// >>> import capbuf
    /// >>> registry = capbuf.Registry.private()
    /// >>> with registry.watch(every=0.01) as watch:
    /// ...     # Two names, two buffers, one camera.
    /// ...     buffers = [registry.get_or_allocate(name, seconds=1) for name in ("rtsp://cam/1", "rtsp://cam/1/")]
    /// ...     watch.next_event(wait=60).kind
    /// 'source under two names'
    #[pyo3(
        signature = (tell=None, **settings),
        text_signature = "($self, tell=None, *, every=1.0, window=60.0, repeated_allocations=3, churn_allocations=5, \
                          removed_held=60.0, stalled=30.0, rate_tolerance=0.05, rate_window=30.0, lapped_reads=10, \
                          budget_share=0.9)"
    )]
    fn watch(
        &self,
        py: Python<'_>,
        tell: Option<Bound<'_, PyAny>>,
        settings: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Watch> {
        let settings = self::settings(settings)?;
        let registry = self.registry(py)?;
        let started = match tell {
            None => py.detach(|| registry.watch(settings)),
            Some(tell) if tell.is_callable() => {
                let tell = Arc::new(tell.unbind());
                py.detach(|| registry.watch_with(settings, move |event| call(&tell, event)))
            }
            Some(tell) => return Err(wrong_type("tell", &tell, "callable")),
        };
        Ok(Watch { watch: Handle::new("watch", started.or_raise(py)?) })
    }
}

/// Calls Python with an event, unless the interpreter is ending.
fn call(tell: &Py<PyAny>, event: &capbuf::Anomaly) {
    Python::try_attach(|py| {
        if let Err(error) = tell.call1(py, (Anomaly(event.clone()),)) {
            error.write_unraisable(py, Some(tell.bind(py)));
        }
    });
}
