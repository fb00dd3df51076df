//! Stations: what is recorded, changed while it is.

use capbuf_capture::WhenGone;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};

use crate::arguments::CaptureArguments;
use crate::blocking::interruptible;
use crate::buffer::CaptureBuffer;
use crate::caller::Calling;
use crate::capture::State;
use crate::errors::{OrRaise as _, invalid, wrong_type};
use crate::handle::Handle;
use crate::registry::Registry;
use crate::times;

/// A source as it is configured.
///
/// Parameters
/// ----------
/// name : str
///     The name of its buffer.
/// locator : str, optional
///     Where it comes from, as `record` takes it; the name, if not given.
/// seconds : float or timedelta, default 60
///     How much its buffer keeps.
/// sample_rate_hz, channels : int, optional
///     What the buffer is to have; what the source has is converted. The source's own if not given.
/// sample_format : str, optional
///     "s16", "s24", "s32" or "f32". The source's own if not given.
/// mix : str or int, default "auto"
///     Which channels of the source: "auto" (averaged where fewer are asked for than it has), "average", or the number of one, from 0.
/// gain_db : float, default 0
///     By how much it is made louder, -100 to 100; what is too loud then is held to full scale.
/// open_deadline : float or timedelta, default 20
///     How many seconds an opening may take.
/// retry_after, retry_at_most_after : float or timedelta, default 0.5 and 30
///     How long to wait before a lost source is opened again: so long first, then longer and longer, but not more than that.
/// give_up_after : int, default 10
///     After so many failures in a row a source is tried less often, until it has run for ten seconds.
/// then_retry_every : float or timedelta, default 60
///     How often then.
/// nothing_for : float or timedelta, default 15
///     A source that delivers no frame for so long is closed and opened again.
/// silence_for : float or timedelta, optional
///     So is one whose samples are all zero for so long, which those of a microphone never are. Silence is no fault, if not given.
/// when_gone : str, default "remove"
///     What becomes of its buffer when it is no longer configured: "remove" takes it out of the registry, "keep" leaves it.
///
/// Examples
/// --------
/// >>> import capbuf
/// >>> nest = capbuf.SourceConfig("nest", "rtsp://me:sesame@camera/audio", seconds=120)
/// >>> nest
/// <capbuf.SourceConfig 'nest' from 'rtsp://***@camera/audio'>
/// >>> nest == capbuf.SourceConfig("nest", "rtsp://me:sesame@camera/audio", seconds=120.0)
/// True
#[pyclass(module = "capbuf", frozen, eq)]
#[derive(PartialEq)]
pub(crate) struct SourceConfig(capbuf_capture::SourceConfig);

#[pymethods]
impl SourceConfig {
    #[new]
    #[pyo3(
        signature = (name, locator=None, *, seconds=None, sample_rate_hz=None, channels=None, sample_format=None, mix=None,
                     gain_db=0.0, open_deadline=None, retry_after=None, retry_at_most_after=None, give_up_after=None,
                     then_retry_every=None, nothing_for=None, silence_for=None, when_gone="remove"),
        text_signature = "(name, locator=None, *, seconds=60.0, sample_rate_hz=None, channels=None, sample_format=None, \
                          mix='auto', gain_db=0.0, open_deadline=20.0, retry_after=0.5, retry_at_most_after=30.0, \
                          give_up_after=10, then_retry_every=60.0, nothing_for=15.0, silence_for=None, when_gone='remove')"
    )]
    fn new(
        py: Python<'_>,
        name: &str,
        locator: Option<&str>,
        seconds: Option<&Bound<'_, PyAny>>,
        sample_rate_hz: Option<&Bound<'_, PyAny>>,
        channels: Option<&Bound<'_, PyAny>>,
        sample_format: Option<&str>,
        mix: Option<&Bound<'_, PyAny>>,
        gain_db: f32,
        open_deadline: Option<&Bound<'_, PyAny>>,
        retry_after: Option<&Bound<'_, PyAny>>,
        retry_at_most_after: Option<&Bound<'_, PyAny>>,
        give_up_after: Option<&Bound<'_, PyAny>>,
        then_retry_every: Option<&Bound<'_, PyAny>>,
        nothing_for: Option<&Bound<'_, PyAny>>,
        silence_for: Option<&Bound<'_, PyAny>>,
        when_gone: &str,
    ) -> PyResult<Self> {
        let asked = CaptureArguments {
            seconds,
            sample_rate_hz,
            channels,
            sample_format,
            mix,
            gain_db,
            open_deadline,
            retry_after,
            retry_at_most_after,
            give_up_after,
            then_retry_every,
            nothing_for,
            silence_for,
        };
        let when_gone = match when_gone {
            "remove" => WhenGone::Remove,
            "keep" => WhenGone::Keep,
            other => return Err(invalid(py, "when_gone", format!("{other:?}"), "\"remove\", \"keep\"")),
        };
        let config = capbuf_capture::SourceConfig::new(name, locator.unwrap_or(name));
        Ok(Self(config.options(asked.options(py)?).when_gone(when_gone)))
    }

    /// The name of its buffer, as given: it may hold credentials.
    #[getter]
    fn name(&self) -> &str {
        self.0.name()
    }

    /// Where it comes from, as given: it may hold credentials.
    #[getter]
    fn locator(&self) -> &str {
        self.0.locator()
    }

    fn __repr__(&self) -> String {
        let shown = |text| capbuf::redact(text).replace('\'', "\\'");
        format!("<capbuf.SourceConfig '{}' from '{}'>", shown(self.0.name()), shown(self.0.locator()))
    }
}

/// What a reconfiguration did, by the names of sources, in their order. False if nothing was changed.
///
/// Attributes
/// ----------
/// unchanged : list of str
///     Not touched: not one frame of them is lost.
/// started : list of str
///     Begun.
/// restarted : list of str
///     Begun anew, as where they come from or how they are supervised has changed. The buffer stays, with a gap because of
///     ``"reconfigured"``.
/// resized : list of str
///     Begun anew in a buffer of another length, which has what fits of the audio of the old one, and then such a gap.
/// reformatted : list of str
///     Begun anew in a new buffer, as the format has changed: none of the old audio is in it.
/// stopped : list of str
///     Stopped.
#[pyclass(module = "capbuf", frozen, eq, get_all)]
#[derive(PartialEq)]
pub(crate) struct Changes {
    unchanged: Vec<String>,
    started: Vec<String>,
    restarted: Vec<String>,
    resized: Vec<String>,
    reformatted: Vec<String>,
    stopped: Vec<String>,
}

impl Changes {
    fn new(changes: capbuf_capture::Changes) -> Self {
        Self {
            unchanged: changes.unchanged,
            started: changes.started,
            restarted: changes.restarted,
            resized: changes.resized,
            reformatted: changes.reformatted,
            stopped: changes.stopped,
        }
    }

    fn lists(&self) -> [(&'static str, &Vec<String>); 6] {
        [
            ("unchanged", &self.unchanged),
            ("started", &self.started),
            ("restarted", &self.restarted),
            ("resized", &self.resized),
            ("reformatted", &self.reformatted),
            ("stopped", &self.stopped),
        ]
    }
}

#[pymethods]
impl Changes {
    fn __bool__(&self) -> bool {
        self.lists()[1..].iter().any(|(_, names)| !names.is_empty())
    }

    fn __repr__(&self) -> String {
        let counts = self.lists().map(|(what, names)| format!(" {what}={}", names.len()));
        format!("<capbuf.Changes{}>", counts.concat())
    }
}

/// A source of a station at one moment.
///
/// Attributes
/// ----------
/// name : str
///     The name of its buffer.
/// state : State
///     What it is doing.
/// restarts : int
///     How often it was opened again after it had run.
/// history : list of Transition
///     Its last changes of state, the oldest first.
/// buffer : CaptureBuffer or None
///     A handle on its buffer, once there is one.
#[pyclass(module = "capbuf", frozen, get_all)]
pub(crate) struct SourceStatus {
    name: String,
    state: Py<State>,
    restarts: u64,
    history: Vec<Py<Transition>>,
    buffer: Option<Py<CaptureBuffer>>,
}

/// A change of a source's state.
///
/// Attributes
/// ----------
/// utc_ns : int
///     When, in ns of UTC.
/// time : datetime
///     The same, to the microsecond.
/// state : str
///     What began: a name as `State.name` has it.
/// reason : str or None
///     Why, where something is wrong.
#[pyclass(module = "capbuf", frozen, get_all)]
pub(crate) struct Transition {
    utc_ns: i64,
    state: &'static str,
    reason: Option<String>,
}

impl Transition {
    fn new(change: capbuf_capture::Transition) -> Self {
        Self { utc_ns: change.utc_ns, state: change.state.name(), reason: change.reason }
    }
}

#[pymethods]
impl Transition {
    #[getter]
    fn time<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        times::datetime(py, self.utc_ns)
    }

    fn __repr__(&self) -> String {
        let reason = self.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
        format!("<capbuf.Transition to {:?}{reason}>", self.state)
    }
}

#[pymethods]
impl SourceStatus {
    fn __repr__(&self) -> String {
        let shown = capbuf::redact(&self.name);
        format!("<capbuf.SourceStatus of {shown:?}, {}>", self.state.get().shown())
    }
}

/// Records what it is told to, and changes what it records while it does.
///
/// Each source has threads of its own that need no interpreter. It ends by `close`, the end of a ``with`` block or the garbage
/// collector, and stops its sources then; their buffers stay with the registry.
///
/// Parameters
/// ----------
/// registry : Registry
///     Where the buffers are.
///
/// Examples
/// --------
/// >>> import capbuf
/// >>> registry = capbuf.Registry.private()
/// >>> with capbuf.Station(registry) as station:
/// ...     changes = station.reconfigure(["tone:440", capbuf.SourceConfig("high", "tone:880", seconds=10)])
/// ...     assert changes.started == ["high", "tone:440"]
/// ...     # What is unchanged goes on without losing a frame.
/// ...     changes = station.reconfigure(["tone:440"])
/// >>> changes.unchanged, changes.stopped
/// (['tone:440'], ['high'])
#[pyclass(module = "capbuf", frozen, weakref)]
pub(crate) struct Station {
    registry: capbuf::Registry,
    station: Handle<capbuf_capture::Station>,
}

/// Takes a list of configurations and of names that are all there is to one.
fn configs(sources: &Bound<'_, PyAny>) -> PyResult<Vec<capbuf_capture::SourceConfig>> {
    const ALLOWED: &str = "an iterable of SourceConfig and str";
    let refused = |_| wrong_type("sources", sources, ALLOWED);
    if sources.is_instance_of::<PyString>() {
        return Err(wrong_type("sources", sources, ALLOWED));
    }
    let mut configs = Vec::new();
    for source in sources.try_iter().map_err(refused)? {
        let source = source?;
        configs.push(match source.cast::<SourceConfig>() {
            Ok(config) => config.get().0.clone(),
            Err(_) => {
                let name: String =
                    source.extract().map_err(|_| wrong_type("a source", &source, "SourceConfig, str"))?;
                capbuf_capture::SourceConfig::new(name.clone(), name)
            }
        });
    }
    Ok(configs)
}

#[pymethods]
impl Station {
    #[new]
    fn new(py: Python<'_>, registry: &Registry) -> PyResult<Self> {
        let registry = registry.registry(py)?;
        let station = Handle::new("station", capbuf_capture::Station::new(&registry));
        Ok(Self { registry, station })
    }

    /// Records these sources, and no others.
    ///
    /// What is unchanged is not touched; what is new begins, and what is gone ends, and its buffer becomes what was configured. All or
    /// nothing: what can't be is refused before anything is changed. Told the same again it does nothing. Blocks while sources are
    /// stopped, five seconds at most; new ones are opened in the background. Calls at the same time take turns. After Ctrl-C it
    /// goes on by itself.
    ///
    /// Parameters
    /// ----------
    /// sources : iterable of SourceConfig or str
    ///     A string is both name and source, with all else as it is by default.
    ///
    /// Returns
    /// -------
    /// Changes
    ///
    /// Raises
    /// ------
    /// InvalidConfig
    ///     For a source that can't be, with its name; nothing was changed.
    /// InvalidType
    ///     For what is none.
    /// Closed
    ///     If this was closed.
    fn reconfigure(&self, py: Python<'_>, sources: &Bound<'_, PyAny>) -> PyResult<Changes> {
        let configs = configs(sources)?;
        let station = self.station.get(py)?;
        let calling = Calling::of(py, &self.registry);
        let changes = interruptible(py, move || calling.makes(|| station.reconfigure(&configs)))?;
        changes.or_raise(py).map(Changes::new)
    }

    /// Tells whether a configuration can be, and changes nothing.
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
        let station = self.station.get(py)?;
        py.detach(|| station.check(&configs)).or_raise(py)
    }

    /// The sources as they are now, in the order of their names. Stale at once.
    ///
    /// Returns
    /// -------
    /// list of SourceStatus
    fn sources(&self, py: Python<'_>) -> PyResult<Vec<SourceStatus>> {
        let station = self.station.get(py)?;
        let status = |source: capbuf_capture::SourceStatus| {
            Ok(SourceStatus {
                state: Py::new(py, State::new(py, &source.state))?,
                buffer: source.buffer.map(|buffer| Py::new(py, CaptureBuffer::new(buffer))).transpose()?,
                name: source.name,
                restarts: source.restarts,
                history: source
                    .history
                    .into_iter()
                    .map(|change| Py::new(py, Transition::new(change)))
                    .collect::<PyResult<_>>()?,
            })
        };
        py.detach(|| station.sources()).into_iter().map(status).collect()
    }

    /// Stops all sources, all at once, and waits for them, five seconds at most. The buffers stay, and it can be told to
    /// record again.
    ///
    /// Returns
    /// -------
    /// bool
    ///     Whether all are closed: a sound server or a driver that does not answer may hold one longer.
    fn stop(&self, py: Python<'_>) -> PyResult<bool> {
        let station = self.station.get(py)?;
        interruptible(py, move || station.stop())
    }

    /// Stops all sources, and ends it, in all threads. Closing again is harmless.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        if let Ok(station) = self.station.get(py) {
            self.station.close(py);
            interruptible(py, move || station.stop())?;
        }
        Ok(())
    }

    /// Whether it was closed.
    #[getter]
    fn closed(&self) -> bool {
        self.station.is_closed()
    }

    fn __enter__<'py>(slf: Bound<'py, Self>) -> PyResult<Bound<'py, Self>> {
        slf.get().station.with(slf.py(), |_| ())?;
        Ok(slf)
    }

    #[pyo3(signature = (*_args))]
    fn __exit__(&self, py: Python<'_>, _args: &Bound<'_, PyTuple>) -> PyResult<()> {
        self.close(py)
    }
}

impl Drop for Station {
    fn drop(&mut self) {
        // It waits for its sources; other threads are to run meanwhile.
        Python::try_attach(|py| self.station.close(py));
    }
}
