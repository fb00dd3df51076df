//! Sources that are captured into their buffers.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::arguments::CaptureArguments;
use crate::blocking::interruptible;
use crate::buffer::CaptureBuffer;
use crate::caller::Calling;
use crate::errors::{self, OrRaise as _};
use crate::registry::{self, Registry};

/// What a capture is doing.
///
/// Attributes
/// ----------
/// name : str
///     "idle", "starting", "running", "stalled" (nothing comes, or not what it should be), "backing off" (the source was lost and will be
///     opened again), "circuit open" (it has failed so often that it is tried now and then only), "finished" (as a file does), "failed"
///     (for good) or "stopped".
/// reason : Error or None
///     Why it is not running.
/// attempts : int
///     While backing off: how often it has been lost or failed to open since it last ran.
/// left_seconds : float
///     While backing off: how long is left until the next attempt.
#[pyclass(module = "capbuf", frozen)]
pub(crate) struct State {
    #[pyo3(get)]
    name: &'static str,
    #[pyo3(get)]
    reason: Option<Py<PyAny>>,
    #[pyo3(get)]
    attempts: u32,
    #[pyo3(get)]
    left_seconds: f64,
    shown: String,
}

impl State {
    pub(crate) fn new(py: Python<'_>, state: &capbuf_capture::State) -> Self {
        use capbuf_capture::State as Core;
        let (reason, attempts, left_seconds) = match state {
            Core::BackingOff { reason, attempts, left } => (Some(reason), *attempts, left.as_secs_f64()),
            Core::CircuitOpen { reason, failures, left } => (Some(reason), *failures, left.as_secs_f64()),
            Core::Stalled { reason } | Core::Failed { reason } => (Some(reason), 0, 0.0),
            _ => (None, 0, 0.0),
        };
        let name = state.kind().name();
        let reason = reason.map(|reason| errors::capture(py, reason).into_value(py).into_any());
        Self { name, reason, attempts, left_seconds, shown: state.to_string() }
    }

    pub(crate) fn shown(&self) -> &str {
        &self.shown
    }
}

#[pymethods]
impl State {
    fn __str__(&self) -> &str {
        &self.shown
    }

    fn __repr__(&self) -> String {
        format!("<capbuf.State {:?}>", self.shown)
    }
}

/// A source that is captured into its buffer, on a thread of its own that needs no interpreter.
///
/// When the source is lost it is opened again, after delays that grow; buffer and audio stay, and the gap is on record. It ends by
/// `stop`, the end of a ``with`` block or the garbage collector; the buffer stays with its registry.
#[pyclass(module = "capbuf", frozen, weakref)]
pub(crate) struct Capture {
    /// Ends in `Drop` only, detached.
    capture: Option<Arc<capbuf_capture::Capture>>,
}

/// Opens a source, allocates its buffer, or takes the one that it has, and begins to capture.
///
/// Blocks until the source delivers. Ctrl-C ends that.
///
/// Parameters
/// ----------
/// source : str
///     ``device:default``, ``device:alsa:NAME``, ``device:pulseaudio:NAME``, ``device:usb:VENDOR:PRODUCT:SERIAL``,
///     ``device:path:PATH``; an ``rtsp://``, ``rtsps://``, ``http://``,
///     ``https://`` or ``udp://`` URL; ``file:PATH``, ``file:PATH?loop``; ``tone:HERTZ``, ``position:``.
/// seconds : float or timedelta, default 60
///     How much its buffer keeps.
/// domain : str, optional
///     The domain of the buffer: as `open`.
/// registry : Registry, optional
///     The registry of the buffer, instead of a domain.
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
///
/// Returns
/// -------
/// Capture
///
/// Raises
/// ------
/// InvalidLocator
///     For a string that names no source.
/// DeviceNotFound, HostUnavailable, DeviceFailed, NotOffered, Unreadable, StreamFailed, FfmpegMissing, OpenTimedOut, ThreadFailed
///     If the source can't be opened.
/// SpecMismatch, WriterBusy, OverBudget, OutOfMemory, OutOfSpace
///     If the buffer is refused, has another shape or another writer.
///
/// Examples
/// --------
/// >>> import capbuf
/// >>> with capbuf.record("tone:440", seconds=10, registry=capbuf.Registry.private()) as capture:
/// ...     tenth = capture.buffer.last(0.1, wait=10)
/// >>> tenth.samples.shape, bool(abs(tenth.samples).max() > 0.1)
/// ((4800, 1), True)
#[pyfunction]
#[pyo3(
    signature = (source, seconds=None, *, domain=None, registry=None, sample_rate_hz=None, channels=None, sample_format=None,
                 mix=None, gain_db=0.0, open_deadline=None, retry_after=None, retry_at_most_after=None, give_up_after=None,
                 then_retry_every=None, nothing_for=None, silence_for=None),
    text_signature = "(source, seconds=60.0, *, domain=None, registry=None, sample_rate_hz=None, channels=None, \
                      sample_format=None, mix='auto', gain_db=0.0, open_deadline=20.0, retry_after=0.5, \
                      retry_at_most_after=30.0, give_up_after=10, then_retry_every=60.0, nothing_for=15.0, silence_for=None)"
)]
pub(crate) fn record(
    py: Python<'_>,
    source: String,
    seconds: Option<&Bound<'_, PyAny>>,
    domain: Option<String>,
    registry: Option<&Bound<'_, Registry>>,
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
) -> PyResult<Capture> {
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
    let options = asked.options(py)?;
    let registry = match (registry, domain) {
        (Some(_), Some(_)) => return Err(errors::invalid(py, "domain", "given beside registry", "one of the two")),
        (Some(registry), None) => registry.get().registry(py)?,
        (None, domain) => registry::open(py, domain, None, None, None, None, None)?.registry(py)?,
    };
    // What it returns is stopped by its thread if a signal came meanwhile.
    let calling = Calling::of(py, &registry);
    let started =
        interruptible(py, move || calling.makes(|| capbuf_capture::Capture::start(&registry, &source, &options)))?;
    Ok(Capture { capture: Some(Arc::new(started.or_raise(py)?)) })
}

impl Capture {
    fn running(&self, py: Python<'_>) -> PyResult<&Arc<capbuf_capture::Capture>> {
        self.capture.as_ref().ok_or_else(|| errors::closed(py, "capture"))
    }
}

#[pymethods]
impl Capture {
    /// A handle on the buffer that is fed.
    #[getter]
    fn buffer(&self, py: Python<'_>) -> PyResult<CaptureBuffer> {
        Ok(CaptureBuffer::new(self.running(py)?.buffer().clone()))
    }

    /// What it is doing. Stale at once.
    #[getter]
    fn state(&self, py: Python<'_>) -> PyResult<State> {
        Ok(State::new(py, &self.running(py)?.state()))
    }

    /// Stops it, and waits up to five seconds until the source is closed. Stopping again is harmless.
    ///
    /// Returns
    /// -------
    /// bool
    ///     Whether it is closed: a sound server or a driver that does not answer may hold it longer.
    fn stop(&self, py: Python<'_>) -> PyResult<bool> {
        let capture = Arc::clone(self.running(py)?);
        capture.request_stop();
        interruptible(py, move || capture.stop())
    }

    /// As `stop`.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        self.stop(py).map(|_| ())
    }

    fn __enter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    #[pyo3(signature = (*_args))]
    fn __exit__(&self, py: Python<'_>, _args: &Bound<'_, PyTuple>) -> PyResult<()> {
        self.close(py)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let capture = self.running(py)?;
        Ok(format!("<capbuf.Capture of {:?}, {}>", capture.buffer().source().to_string(), capture.state()))
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        // It waits for its source; other threads are to run meanwhile.
        let capture = self.capture.take();
        Python::try_attach(|py| py.detach(|| drop(capture)));
    }
}
