//! Triggers: a clip whenever something is heard, or somebody calls.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use capbuf_capture::{ClipInfo, Condition, TriggerOptions};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::blocking::interruptible;
use crate::clip::Clip;
use crate::errors::{self, OrRaise as _, invalid, wrong_type};
use crate::handle::Handle;
use crate::registry::Registry;
use crate::times::{self, Wait};
use crate::waiting::Step;

/// How often who waits for a clip looks for one.
const LOOK: Duration = Duration::from_millis(50);
/// So many clips wait to be taken; then the oldest are told of no more.
const KEPT: usize = 1024;

/// What became of clips and was not taken yet.
#[derive(Default)]
struct Clips {
    waiting: VecDeque<capbuf_capture::Result<ClipInfo>>,
    dropped: u64,
    /// There will be no more.
    has_ended: bool,
}

/// Says so when the trigger's thread has ended, with its last clip written.
struct EndsWith(Arc<Mutex<Clips>>);

impl Drop for EndsWith {
    fn drop(&mut self) {
        lock(&self.0).has_ended = true;
    }
}

/// Cuts a clip whenever a source is loud, or `fire` is called, with the audio from before: an iterator of `Clip`, for ``for`` and for
/// ``async for``.
///
/// It listens on a thread of its own, from now on, and follows the source through whatever becomes of its buffer, which may be still to
/// come. What overlaps is one clip: where it fires by itself, a clip is written when nothing that is still to be heard could be merged
/// into it, so much later as there is audio from before in it. A clip that can't be written is raised, and the iterator goes on. It ends with `close`, in any
/// thread, the end of a ``with`` block or the garbage collector, which wait for the clip that is being written; a loop over it then
/// takes what is left, and ends. Up to 1024 clips wait to be taken; then the oldest are told of no more, and `dropped` counts them.
///
/// Parameters
/// ----------
/// registry : Registry
///     Where the buffer is.
/// source : str
///     The name of the buffer.
/// folder : str or os.PathLike
///     Where clips are written, by names of source and time.
/// louder_than_dbfs : float, optional
///     Fires by itself while a tenth of a second has an RMS above so many dB of full scale, -200 to 0. When it is called only, if not
///     given.
/// between_hz : tuple of two floats, optional
///     Looks at what is between two frequencies only.
/// before, after : float or timedelta, default 3 and 5
///     How much audio from before it fires is in a clip, and how much from after.
/// at_most : float or timedelta, default 60
///     How long a clip may be into which others were merged. What goes on for longer is several, one where the other ends.
/// extension : str, default "wav"
///     "wav" or "flac".
/// tell : callable, optional
///     Called with each `Clip`, or the `Error` for one that can't be written, on the trigger's thread. What it raises goes to
///     ``sys.unraisablehook``.
///
/// Raises
/// ------
/// InvalidConfig, InvalidArgument, InvalidType
///     For what can't be.
///
/// Examples
/// --------
/// >>> import capbuf, tempfile
/// >>> registry = capbuf.Registry.private()
/// >>> folder = tempfile.TemporaryDirectory()
/// >>> with capbuf.record("tone:440", registry=registry) as capture:
/// ...     with capbuf.Trigger(registry, "tone:440", folder.name, before=0.1, after=0.2) as trigger:
/// ...         trigger.fire()
/// ...         clip = trigger.next_clip(wait=60)
/// >>> clip.path.suffix, clip.missing.not_yet_frames
/// ('.wav', 0)
/// >>> folder.cleanup()
#[pyclass(module = "capbuf", frozen, weakref)]
pub(crate) struct Trigger {
    trigger: Handle<capbuf_capture::Trigger>,
    clips: Arc<Mutex<Clips>>,
}

fn lock(clips: &Mutex<Clips>) -> MutexGuard<'_, Clips> {
    clips.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Trigger {
    /// Takes the clip that has waited longest.
    fn take(&self, py: Python<'_>) -> PyResult<Option<Clip>> {
        let taken = lock(&self.clips).waiting.pop_front();
        taken.map(|clip| clip.or_raise(py).map(Clip::new)).transpose()
    }

    /// Looks for a clip; `Done(None)` at the end.
    fn look(&self, py: Python<'_>, waited: Duration, is_over: bool) -> PyResult<Step<Option<Clip>>> {
        // Before the look: what was written before the end is found.
        let has_ended = lock(&self.clips).has_ended;
        match self.take(py)? {
            Some(clip) => Ok(Step::Done(Some(clip))),
            None if has_ended => Ok(Step::Done(None)),
            None if is_over => Err(capbuf::Error::TimedOut { waited }).or_raise(py),
            None => Ok(Step::Pause(LOOK)),
        }
    }

    /// Waits for the next clip, also for the last one, which is written while this is closed.
    fn next(&self, py: Python<'_>, wait: Wait) -> PyResult<Option<Clip>> {
        let begun = Instant::now();
        loop {
            let waited = begun.elapsed();
            let left = wait.left(waited);
            match self.look(py, waited, left.is_zero())? {
                Step::Done(clip) => return Ok(clip),
                Step::Pause(pause) => py.detach(|| std::thread::sleep(pause.min(left))),
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
                     at_most=None, extension="wav", tell=None),
        text_signature = "(registry, source, folder, *, louder_than_dbfs=None, between_hz=None, before=3.0, after=5.0, \
                          at_most=60.0, extension='wav', tell=None)"
    )]
    fn new(
        py: Python<'_>,
        registry: &Registry,
        source: &str,
        folder: PathBuf,
        louder_than_dbfs: Option<f32>,
        between_hz: Option<(f32, f32)>,
        before: Option<&Bound<'_, PyAny>>,
        after: Option<&Bound<'_, PyAny>>,
        at_most: Option<&Bound<'_, PyAny>>,
        extension: &str,
        tell: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let mut options = TriggerOptions::new(folder);
        match (louder_than_dbfs, between_hz) {
            (Some(dbfs), None) => options = options.when(Condition::louder_than(dbfs)),
            (Some(dbfs), Some((low, high))) => {
                options = options.when(Condition::louder_than(dbfs).between(low, high));
            }
            (None, Some(_)) => {
                return Err(invalid(py, "between_hz", "given", "where louder_than_dbfs is given, too"));
            }
            (None, None) => {}
        }
        if let Some(before) = before {
            options = options.before(times::duration("before", before)?);
        }
        if let Some(after) = after {
            options = options.after(times::duration("after", after)?);
        }
        if let Some(at_most) = at_most {
            options = options.at_most(times::duration("at_most", at_most)?);
        }
        match extension {
            "wav" => {}
            "flac" => options = options.flac(),
            other => return Err(invalid(py, "extension", format!("{other:?}"), "\"wav\", \"flac\"")),
        }
        let tell = match tell {
            Some(tell) if !tell.is_callable() => return Err(wrong_type("tell", &tell, "callable")),
            tell => tell.map(Bound::unbind),
        };
        let clips = Arc::new(Mutex::new(Clips::default()));
        let told = {
            let ends = EndsWith(Arc::clone(&clips));
            move |clip: capbuf_capture::Result<ClipInfo>| {
                {
                    let mut clips = lock(&ends.0);
                    clips.waiting.push_back(clip.clone());
                    if clips.waiting.len() > KEPT {
                        clips.waiting.pop_front();
                        clips.dropped += 1;
                    }
                }
                if let Some(tell) = &tell {
                    call(tell, clip);
                }
            }
        };
        let registry = registry.registry(py)?;
        let trigger = py.detach(|| capbuf_capture::Trigger::begin(&registry, source, options, told)).or_raise(py)?;
        Ok(Self { trigger: Handle::new("trigger", trigger), clips })
    }

    /// Fires, and waits for nothing.
    ///
    /// Parameters
    /// ----------
    /// when : datetime or float or int, optional
    ///     An aware datetime, float seconds since 1970, or int nanoseconds since 1970: past, present or to come. Now, if not given.
    ///
    /// Raises
    /// ------
    /// Closed
    ///     If this was closed.
    #[pyo3(signature = (when=None))]
    fn fire(&self, py: Python<'_>, when: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        let utc_ns = when.map_or_else(|| Ok(times::now_utc_ns()), |when| times::utc_ns("when", when))?;
        self.trigger.with(py, |trigger| trigger.fire(utc_ns))
    }

    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Clip>> {
        self.next(py, Wait::Ever)
    }

    fn __aiter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __anext__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        py.import(intern!(py, "capbuf._asyncio"))?.call_method1(intern!(py, "next_clip"), (slf,))
    }

    /// Takes the next clip; waits for one.
    ///
    /// Parameters
    /// ----------
    /// wait : float or timedelta, optional
    ///     For how long; for as long as it takes if not given.
    ///
    /// Returns
    /// -------
    /// Clip
    ///
    /// Raises
    /// ------
    /// TimedOut
    ///     If none came.
    /// ClipFailed
    ///     If one can't be written; the next call goes on.
    /// Closed
    ///     If this was closed, and none is left.
    #[pyo3(signature = (*, wait=Wait::Ever), text_signature = "($self, *, wait=None)")]
    fn next_clip(&self, py: Python<'_>, wait: Wait) -> PyResult<Clip> {
        self.next(py, wait)?.ok_or_else(|| self.trigger.closed(py))
    }

    /// Looks once for who waits in an event loop and has waited so many seconds: the clip, or the seconds to sleep; None at the end.
    fn _look(&self, py: Python<'_>, waited: f64, is_over: bool) -> PyResult<Py<PyAny>> {
        let waited = Duration::try_from_secs_f64(waited).unwrap_or_default();
        self.look(py, waited, is_over)?.or_seconds(py)
    }

    /// How far the clip is that is being written just now: frames that are written, and frames in all; None if none is. Stale at once.
    #[getter]
    fn writing(&self, py: Python<'_>) -> PyResult<Option<(u64, u64)>> {
        let progress = self.trigger.with(py, capbuf_capture::Trigger::writing)?;
        Ok(progress.map(|progress| (progress.frames, progress.of_frames)))
    }

    /// How many clips were not taken in time. They are written all the same.
    #[getter]
    fn dropped(&self) -> u64 {
        lock(&self.clips).dropped
    }

    /// Ends it, in all threads, and waits for the clip that is being written. Closing again is harmless.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        if let Ok(trigger) = self.trigger.get(py) {
            self.trigger.close(py);
            interruptible(py, move || drop(trigger))?;
        }
        Ok(())
    }

    /// Whether it was closed.
    #[getter]
    fn closed(&self) -> bool {
        self.trigger.is_closed()
    }

    fn __enter__<'py>(slf: Bound<'py, Self>) -> PyResult<Bound<'py, Self>> {
        slf.get().trigger.with(slf.py(), |_| ())?;
        Ok(slf)
    }

    #[pyo3(signature = (*_args))]
    fn __exit__(&self, py: Python<'_>, _args: &Bound<'_, PyTuple>) -> PyResult<()> {
        self.close(py)
    }
}

impl Drop for Trigger {
    fn drop(&mut self) {
        // Its thread may be calling into Python: it is waited for detached.
        Python::try_attach(|py| self.trigger.close(py));
    }
}

/// Calls Python with what became of a clip, unless the interpreter is ending.
fn call(tell: &Py<PyAny>, clip: capbuf_capture::Result<ClipInfo>) {
    Python::try_attach(|py| {
        let told = match clip {
            Ok(clip) => tell.call1(py, (Clip::new(clip),)),
            Err(error) => tell.call1(py, (errors::capture(py, &error).into_value(py),)),
        };
        if let Err(error) = told {
            error.write_unraisable(py, Some(tell.bind(py)));
        }
    });
}
