//! The class `Trigger`: writes a clip when a source is loud, or on request.
//!
//! May use `errors`, `arguments`, `waiting`, `callback`, `buffer` and `registry`.

mod options;
mod queue;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use capbuf_capture::ClipInfo;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::pyclass::{PyTraverseError, PyVisit};
use pyo3::types::PyTuple;

use self::options::TriggerArguments;
use self::queue::{ClipQueue, clip_queue};
use crate::arguments::{Wait, named, now_utc_ns, utc_ns};
use crate::buffer::Clip;
use crate::callback::{Callback, Running};
use crate::errors::{self, OrRaise as _};
use crate::pickling::refuses_pickling;
use crate::registry::{Registry, registry_argument};
use crate::waiting::Poll;

/// The interval at which a waiting caller looks for a clip.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Write a clip when a source is loud, or when `fire` is called: an iterator of `Clip`.
///
/// Iterate with ``for`` or ``async for``. A trigger listens on a thread of its own, from its
/// creation on. The buffer may be allocated later, and removed and allocated again. A clip includes
/// the audio before the moment at which the trigger fired. Overlapping clips are merged: a clip is
/// written once nothing can be merged into it any more, which delays it by `before`. If a clip
/// can't be written, the iterator raises the error and continues.
///
/// Closed by `close` in any thread, the end of a ``with`` block or the last reference; these wait
/// for the clip that is being written, and for a callback that runs, except in a callback. A loop
/// takes the remaining clips and then ends. The queue holds 1024 clips; when it is full, the oldest
/// is dropped, and counted in `dropped`. At the end of the program a trigger is closed after the
/// threads of `threading` have ended; a callback that runs then has ten seconds.
///
/// Parameters
/// ----------
/// registry : Registry
///     The registry of the buffer.
/// source : str
///     The name of the buffer.
/// folder : str or os.PathLike
///     The folder of the clips, which are named as `clip_name` does, with a number if that name is
///     in use.
/// louder_than_dbfs : float, optional
///     Fire while the RMS level of 0.1 s exceeds this, -200 to 0 dBFS. By default only `fire` does.
/// between_hz : tuple of two floats, optional
///     Measure the level between these frequencies only.
/// before, after : float or timedelta, default 3 and 5
///     The length of a clip before and after the moment at which the trigger fired.
/// at_most : float or timedelta, default 60
///     The longest merged clip. Longer events become several adjacent clips.
/// extension : str, default "wav"
///     "wav" or "flac".
/// callback : callable, optional
///     Called on the trigger's thread with each `Clip`, or the `Error` if it can't be written. An
///     exception goes to ``sys.unraisablehook``.
///
/// Raises
/// ------
/// InvalidConfig, InvalidArgument, InvalidType
///     If an argument is outside of what is allowed.
///
/// Examples
/// --------
/// >>> import capbuf, tempfile
/// >>> registry = capbuf.Registry.private()
/// >>> folder = tempfile.TemporaryDirectory()
/// >>> lengths = {"before": 0.1, "after": 0.2}
/// >>> with capbuf.record("tone:440", registry=registry) as capture:
/// ...     with capbuf.Trigger(registry, "tone:440", folder.name, **lengths) as trigger:
/// ...         trigger.fire()
/// ...         clip = trigger.next_clip(wait=60)
/// >>> clip.path.suffix, clip.missing.not_yet_frames
/// ('.wav', 0)
/// >>> folder.cleanup()
#[pyclass(module = "capbuf", frozen, weakref)]
pub(crate) struct Trigger {
    trigger: Running<capbuf_capture::Trigger>,
    queue: ClipQueue,
    callback: Option<Callback>,
}

impl Trigger {
    /// Looks once for a clip; `Ready(None)` at the end.
    fn poll(&self, py: Python<'_>, waited: Duration, is_over: bool) -> PyResult<Poll<Option<Clip>>> {
        if let Ok(trigger) = self.trigger.get(py) {
            trigger.check_process().or_raise(py)?;
        }
        // Loaded before `pop`, which then sees all clips of an ended trigger.
        let has_ended = self.queue.has_ended();
        match self.queue.pop() {
            Some(clip) => clip.or_raise(py).map(|clip| Poll::Ready(Some(Clip::new(clip)))),
            None if has_ended => Ok(Poll::Ready(None)),
            None if is_over => Err(capbuf::Error::TimedOut { waited }).or_raise(py),
            None => Ok(Poll::RetryAfter(POLL_INTERVAL)),
        }
    }

    /// Waits for the next clip. After `close` it returns the remaining clips, then `None`.
    fn next(&self, py: Python<'_>, wait: Wait) -> PyResult<Option<Clip>> {
        let begun = Instant::now();
        loop {
            let waited = begun.elapsed();
            let left = wait.left(waited);
            match self.poll(py, waited, left.is_zero())? {
                Poll::Ready(clip) => return Ok(clip),
                Poll::RetryAfter(pause) => py.detach(|| std::thread::sleep(pause.min(left))),
            }
            py.check_signals()?;
        }
    }
}

#[pymethods]
impl Trigger {
    #[new]
    #[pyo3(
        signature = (registry, source, folder, *, louder_than_dbfs=None, between_hz=None, before=None, after=None,
                     at_most=None, extension="wav", callback=None),
        text_signature = "(registry, source, folder, *, louder_than_dbfs=None, between_hz=None, before=3.0, after=5.0, \
                          at_most=60.0, extension='wav', callback=None)"
    )]
    fn new(
        py: Python<'_>,
        #[pyo3(from_py_with = registry_argument)] registry: &Registry,
        #[pyo3(from_py_with = named::source)] source: &str,
        #[pyo3(from_py_with = named::folder)] folder: PathBuf,
        #[pyo3(from_py_with = named::louder_than_dbfs)] louder_than_dbfs: Option<f32>,
        #[pyo3(from_py_with = named::between_hz)] between_hz: Option<(f32, f32)>,
        before: Option<&Bound<'_, PyAny>>,
        after: Option<&Bound<'_, PyAny>>,
        at_most: Option<&Bound<'_, PyAny>>,
        #[pyo3(from_py_with = named::extension)] extension: &str,
        callback: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let arguments = TriggerArguments { folder, louder_than_dbfs, between_hz, before, after, at_most, extension };
        let options = arguments.options(py)?;
        let callback = callback.map(Callback::of).transpose()?;
        let (sender, queue) = clip_queue();
        let called = callback.clone();
        let on_clip = move |clip: capbuf_capture::Result<ClipInfo>| {
            sender.push(clip.clone());
            if let Some(callback) = &called {
                callback.call(|py| outcome(py, clip));
            }
        };
        let registry = registry.registry(py)?;
        let trigger = py.detach(|| capbuf_capture::Trigger::begin(&registry, source, options, on_clip)).or_raise(py)?;
        Ok(Self { trigger: Running::new("trigger", trigger), queue, callback })
    }

    /// Fire, and return at once.
    ///
    /// Parameters
    /// ----------
    /// when : datetime or float or int, optional
    ///     An aware datetime, float seconds since 1970, or int nanoseconds since 1970, in the past
    ///     or the future; by default now.
    ///
    /// Raises
    /// ------
    /// Closed
    ///     After `close`.
    #[pyo3(signature = (when=None))]
    fn fire(&self, py: Python<'_>, when: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        let utc_ns = when.map_or_else(|| Ok(now_utc_ns()), |when| utc_ns("when", when))?;
        let trigger = self.trigger.get(py)?;
        trigger.check_process().or_raise(py)?;
        trigger.fire(utc_ns);
        Ok(())
    }

    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Clip>> {
        self.next(py, Wait::Forever)
    }

    fn __aiter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __anext__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        py.import(intern!(py, "capbuf._asyncio"))?.call_method1(intern!(py, "next_clip"), (slf,))
    }

    /// Wait for the next clip and return it.
    ///
    /// Parameters
    /// ----------
    /// wait : float or timedelta, optional
    ///     Seconds to wait; by default without limit.
    ///
    /// Returns
    /// -------
    /// Clip
    ///
    /// Raises
    /// ------
    /// TimedOut
    ///     If `wait` is over.
    /// ClipFailed
    ///     If the clip can't be written; the next call continues.
    /// Closed
    ///     After `close`, when no clip is left.
    #[pyo3(signature = (*, wait=Wait::Forever), text_signature = "($self, *, wait=None)")]
    fn next_clip(&self, py: Python<'_>, wait: Wait) -> PyResult<Clip> {
        self.next(py, wait)?.ok_or_else(|| self.trigger.closed(py))
    }

    /// Look once, for `_asyncio`: the clip, None at the end, or seconds to sleep as a float.
    fn _poll(&self, py: Python<'_>, waited: f64, is_over: bool) -> PyResult<Py<PyAny>> {
        let waited = Duration::try_from_secs_f64(waited).unwrap_or_default();
        self.poll(py, waited, is_over)?.or_seconds(py)
    }

    /// Progress of the clip being written: written frames and all frames; None if there is none.
    ///
    /// Stale at once.
    #[getter]
    fn writing(&self, py: Python<'_>) -> PyResult<Option<(u64, u64)>> {
        let progress = self.trigger.get(py)?.writing();
        Ok(progress.map(|progress| (progress.frames, progress.of_frames)))
    }

    /// The number of clips that a full queue dropped. Their files are written all the same.
    #[getter]
    fn dropped(&self) -> u64 {
        self.queue.dropped()
    }

    /// Close the trigger, in all threads, and write the pending clip at once. Idempotent.
    ///
    /// The clip has the audio that is there; its `missing` has the rest. Does not wait in a
    /// callback; Ctrl-C ends the wait.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        self.trigger.close(py)
    }

    /// True if the trigger is closed.
    #[getter]
    fn closed(&self) -> bool {
        self.trigger.is_closed()
    }

    fn __enter__<'py>(slf: Bound<'py, Self>) -> PyResult<Bound<'py, Self>> {
        slf.get().trigger.get(slf.py())?;
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
        self.trigger.end_soon();
    }
}

/// Converts the outcome of a clip into the argument of the callback.
fn outcome(py: Python<'_>, clip: capbuf_capture::Result<ClipInfo>) -> PyResult<Py<PyAny>> {
    match clip {
        Ok(clip) => Py::new(py, Clip::new(clip)).map(Py::into_any),
        Err(error) => Ok(errors::capture(py, &error).into_value(py).into_any()),
    }
}

refuses_pickling!(Trigger, "it belongs to its process; begin one there");
