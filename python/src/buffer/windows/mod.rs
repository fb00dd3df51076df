//! Going through a buffer window by window, as an analysis does.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, TryLockError};
use std::time::Duration;

use capbuf::{CaptureBuffer, Error, Sample, WindowOptions};
use numpy::{Element, PyReadwriteArrayDyn};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::arguments::{FRAMES, maybe_whole};
use crate::arrays::{self, DType, Out, with_dtype};
use crate::errors::{self, OrRaise as _};
use crate::gap::Gap;
use crate::handle::Handle;
use crate::reading::Target;
use crate::times::{self, Wait};
use crate::waiting::{self, Step};
use crate::window::{Window, frames_of};

/// Memory for the next window, kept while it has not come.
enum Spare {
    Float32(Vec<f32>),
    Int16(Vec<i16>),
    Int32(Vec<i32>),
}

struct Cursor {
    windows: capbuf::Windows,
    spare: Option<Spare>,
    /// The first frame of the next window, as far as is known.
    next_frame: u64,
}

/// Goes through a buffer window by window: an iterator of `Window`, for ``for`` and for ``async for``.
///
/// One thread at a time may ask for a window; another one gets `Busy`. It ends when the buffer was removed. A wait can be ended by
/// Ctrl-C and, by `Closed`, by `close` in any thread. Closing the buffer's handle does not close it.
#[pyclass(module = "capbuf", frozen, weakref)]
pub(crate) struct Windows {
    buffer: Handle<CaptureBuffer>,
    cursor: Mutex<Cursor>,
    is_busy: AtomicBool,
    wait: Wait,
    dtype: DType,
    out: Option<Py<PyAny>>,
    window_frames: u64,
    hop_frames: u64,
}

impl Windows {
    pub(crate) fn new<'py>(
        py: Python<'py>,
        buffer: &CaptureBuffer,
        (seconds, hop): (&Bound<'py, PyAny>, Option<&Bound<'py, PyAny>>),
        (start_frame, join_gaps): (Option<&Bound<'py, PyAny>>, Option<&Bound<'py, PyAny>>),
        wait: Wait,
        dtype: Option<&Bound<'py, PyAny>>,
        out: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Self> {
        let rate = buffer.spec().sample_rate_hz();
        let window_frames = frames_of(times::duration("seconds", seconds)?, rate);
        let hop = hop.map(|hop| times::duration("hop", hop)).transpose()?;
        let hop_frames = hop.map_or(window_frames, |hop| frames_of(hop, rate));
        let mut options = WindowOptions::new(window_frames, hop_frames);
        let start_frame = maybe_whole("start_frame", start_frame, FRAMES)?;
        if let Some(frame) = start_frame {
            options = options.from_frame(frame);
        }
        if let Some(join) = join_gaps {
            options = options.join_gaps(times::duration("join_gaps", join)?);
        }
        let target = Target::of(dtype, out)?;
        if let Some(out) = &target.out {
            Out::borrow(out, buffer.spec().channels())?;
            let given = u64::try_from(out.len()?).unwrap_or(u64::MAX);
            if given != window_frames {
                let allowed = format!("{window_frames} frames, a window");
                return Err(errors::invalid(py, "out", format!("{given} frames"), allowed));
            }
        }
        let cursor = Cursor {
            windows: buffer.windows(options).or_raise(py)?,
            spare: None,
            next_frame: start_frame.unwrap_or_else(|| buffer.frames().start),
        };
        Ok(Self {
            buffer: Handle::new("iterator", buffer.clone()),
            cursor: Mutex::new(cursor),
            is_busy: AtomicBool::new(false),
            wait,
            dtype: target.dtype,
            out: target.out.map(Bound::unbind),
            window_frames,
            hop_frames,
        })
    }

    fn lock(&self, py: Python<'_>) -> PyResult<MutexGuard<'_, Cursor>> {
        match self.cursor.try_lock() {
            Ok(cursor) => Ok(cursor),
            Err(TryLockError::Poisoned(poisoned)) => Ok(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => Err(errors::busy(py, "the iterator")),
        }
    }

    /// Keeps other threads out while this one waits.
    fn enter(&self, py: Python<'_>) -> PyResult<InUse<'_>> {
        // SYNC none: the cursor has a lock of its own.
        if self.is_busy.swap(true, Ordering::Relaxed) {
            return Err(errors::busy(py, "the iterator"));
        }
        Ok(InUse(&self.is_busy))
    }

    /// Looks once; `None` at the end.
    fn look(
        &self,
        py: Python<'_>,
        buffer: &CaptureBuffer,
        waited: Duration,
        is_over: bool,
    ) -> PyResult<Step<Option<Window>>> {
        let cursor = &mut *self.lock(py)?;
        let looked = match &self.out {
            None => with_dtype!(self.dtype, T => self.look_new::<T>(py, cursor)),
            Some(out) => match Out::borrow(out.bind(py), buffer.spec().channels())? {
                Out::Float32(mut array) => self.look_into(py, cursor, &mut array),
                Out::Int16(mut array) => self.look_into(py, cursor, &mut array),
                Out::Int32(mut array) => self.look_into(py, cursor, &mut array),
            },
        }?;
        let rate = buffer.spec().sample_rate_hz();
        match looked {
            Ok((window, samples)) => {
                cursor.next_frame = window.first_frame.saturating_add(self.hop_frames);
                let samples = match &self.out {
                    Some(out) => out.clone_ref(py),
                    None => samples.ok_or_else(|| errors::thread(py, "a window without samples"))?,
                };
                Ok(Step::Done(Some(Window {
                    samples,
                    first_frame: window.first_frame,
                    end_frame: window.end_frame,
                    start_utc_ns: window.start_utc_ns,
                    lost_frames: window.lost_frames,
                    after_gap: window.after_gap.as_ref().map(Gap::on_timeline),
                    joined_gaps: window.joined_gaps,
                    sample_rate_hz: rate,
                })))
            }
            Err(Error::Removed { .. }) => Ok(Step::Done(None)),
            Err(Error::TimedOut { .. }) if is_over => Err(Error::TimedOut { waited }).or_raise(py),
            Err(Error::TimedOut { .. }) => {
                let end = cursor.next_frame.saturating_add(self.window_frames);
                Ok(Step::Pause(waiting::pause_for(end.saturating_sub(buffer.frames().end), rate)))
            }
            Err(error) => Err(error).or_raise(py),
        }
    }

    fn look_into<T: Sample + Element>(
        &self,
        py: Python<'_>,
        cursor: &mut Cursor,
        array: &mut PyReadwriteArrayDyn<'_, T>,
    ) -> PyResult<Looked> {
        let out = arrays::memory(py, array)?;
        let windows = &mut cursor.windows;
        Ok(py.detach(|| windows.next_into(out, Duration::ZERO)).map(|window| (window, None)))
    }

    fn look_new<T: InSpare>(&self, py: Python<'_>, cursor: &mut Cursor) -> PyResult<Looked> {
        let samples = usize::try_from(cursor.windows.window_samples()).unwrap_or(usize::MAX);
        let mut memory = T::take(&mut cursor.spare).unwrap_or_else(|| vec![T::default(); samples]);
        let windows = &mut cursor.windows;
        match py.detach(|| windows.next_into(&mut memory, Duration::ZERO)) {
            Ok(window) => {
                let channels = usize::from(cursor.windows.buffer().spec().channels());
                Ok(Ok((window, Some(arrays::from_vec(py, memory, channels)?.unbind()))))
            }
            Err(error) => {
                cursor.spare = Some(T::keep(memory));
                Ok(Err(error))
            }
        }
    }
}

/// What a look at the next window gave: with an array, if it is a new one.
type Looked = capbuf::Result<(capbuf::Window, Option<Py<PyAny>>)>;

struct InUse<'a>(&'a AtomicBool);

impl Drop for InUse<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// A type that memory may be kept for.
trait InSpare: Sample + Element {
    fn take(spare: &mut Option<Spare>) -> Option<Vec<Self>>;
    fn keep(memory: Vec<Self>) -> Spare;
}

macro_rules! in_spare {
    ($T:ty, $kind:ident) => {
        impl InSpare for $T {
            fn take(spare: &mut Option<Spare>) -> Option<Vec<Self>> {
                match spare.take() {
                    Some(Spare::$kind(memory)) => Some(memory),
                    _ => None,
                }
            }

            fn keep(memory: Vec<Self>) -> Spare {
                Spare::$kind(memory)
            }
        }
    };
}

in_spare!(f32, Float32);
in_spare!(i16, Int16);
in_spare!(i32, Int32);

#[pymethods]
impl Windows {
    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Window>> {
        let _in_use = self.enter(py)?;
        waiting::wait(py, &self.buffer, self.wait, |buffer, waited, is_over| self.look(py, buffer, waited, is_over))
    }

    fn __aiter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __anext__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let wait = slf.get().wait.to_python(py)?;
        py.import(intern!(py, "capbuf._asyncio"))?.call_method1(intern!(py, "next_window"), (slf, wait))
    }

    /// Looks once for who waits in an event loop and has waited so many seconds: the window, None at the end, or the seconds to sleep.
    fn _look(&self, py: Python<'_>, waited: f64, is_over: bool) -> PyResult<Py<PyAny>> {
        let buffer = self.buffer.get(py)?;
        let waited = Duration::try_from_secs_f64(waited).unwrap_or_default();
        self.look(py, &buffer, waited, is_over)?.or_seconds(py)
    }

    /// Frames of a window.
    #[getter]
    fn window_frames(&self) -> u64 {
        self.window_frames
    }

    /// Frames from one window's first to the next one's.
    #[getter]
    fn hop_frames(&self) -> u64 {
        self.hop_frames
    }

    /// Ends it, in all threads. Closing again is harmless.
    fn close(&self, py: Python<'_>) {
        self.buffer.close(py);
    }

    /// Whether it was closed.
    #[getter]
    fn closed(&self) -> bool {
        self.buffer.is_closed()
    }

    fn __enter__<'py>(slf: Bound<'py, Self>) -> PyResult<Bound<'py, Self>> {
        slf.get().buffer.with(slf.py(), |_| ())?;
        Ok(slf)
    }

    #[pyo3(signature = (*_args))]
    fn __exit__(&self, py: Python<'_>, _args: &Bound<'_, PyTuple>) {
        self.close(py);
    }

    fn __repr__(&self) -> String {
        format!("<capbuf.Windows of {} frames, every {} frames>", self.window_frames, self.hop_frames)
    }
}
