//! Overlapping analysis windows: the iterator `Windows`.

mod cursor;
mod spare;
mod window;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::time::Duration;

use arc_swap::ArcSwap;
use capbuf::{Owner, WindowOptions};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::pyclass::{PyTraverseError, PyVisit};
use pyo3::types::PyTuple;

use self::cursor::Cursor;
pub(crate) use self::window::Window;
use self::window::frames_of;
use super::CaptureBuffer;
use crate::arguments::{FRAMES, Wait, duration, optional_duration, optional_unsigned};
use crate::arrays::{DType, Out, Target};
use crate::errors::{self, OrRaise as _};
use crate::pickling::refuses_pickling;
use crate::waiting::{Handle, Poll, block_on};

/// An iterator over the windows of a buffer, for ``for`` and ``async for``.
///
/// See `CaptureBuffer.windows`.
///
/// One thread at a time may wait for a window; a second one gets `Busy`. The iterator ends when the
/// buffer is removed. Ctrl-C ends a wait; `close` in any thread makes it raise `Closed`. The
/// iterator stays open when the buffer's handle is closed.
#[pyclass(module = "capbuf", frozen, weakref)]
pub(crate) struct Windows {
    buffer: Handle<capbuf::CaptureBuffer>,
    /// The position of this process: a forked child begins one of its own.
    position: ArcSwap<Position>,
    options: WindowOptions,
    /// First frame of the window after the last one; `NO_WINDOW` before the first.
    next_frame: AtomicU64,
    dtype: DType,
    /// Locked by attached threads only, for moments: no child of `os.fork` inherits it locked.
    out: Mutex<Option<Py<PyAny>>>,
    wait: Wait,
    window_frames: u64,
    hop_frames: u64,
}

#[pymethods]
impl CaptureBuffer {
    /// Iterate over the buffer in windows, in a ``for`` or an ``async for`` loop.
    ///
    /// Every window has the same number of frames. The frames are contiguous: after a gap longer
    /// than `join_gaps` the windows restart. A loop that the writer overtakes continues with the
    /// oldest frames left, and `Window.lost_frames` counts the ones it missed.
    ///
    /// Parameters
    /// ----------
    /// seconds : float or timedelta
    ///     The length of a window.
    /// hop : float or timedelta, optional
    ///     The distance from one window to the next; by default the length of a window.
    /// start_frame : int, optional
    ///     The first frame of the first window, which may be in the future; by default the oldest.
    /// join_gaps : float or timedelta, default 0.1
    ///     Gaps up to this length do not restart the windows: the frames on both sides are adjacent
    ///     in the window, and `Window.joined_gaps` counts the gap.
    /// wait : float or timedelta or None, optional
    ///     Seconds to wait for a window before `TimedOut` is raised; by default without limit. The
    ///     iterator keeps its position: continue with another ``for`` loop.
    /// dtype, out
    ///     As for all reads, see `CaptureBuffer`. With `out`, every window is read into this array.
    ///
    /// Returns
    /// -------
    /// Windows
    ///     An iterator of `Window`, which ends when the buffer is removed.
    ///
    /// Raises
    /// ------
    /// InvalidArgument
    ///     If a window or the hop is empty, or a window is longer than the buffer.
    ///
    /// Examples
    /// --------
    /// >>> import numpy, capbuf
    /// >>> registry = capbuf.Registry.private()
    /// >>> buffer = registry.get_or_allocate("mic", seconds=10, sample_rate_hz=8000)
    /// >>> with buffer.writer() as writer:
    /// ...     writer.write(numpy.zeros(40000, "int16"))
    /// >>> registry.remove("mic")  # or the loop would wait for more
    /// >>> [window.first_frame for window in buffer.windows(3.0, hop=1.0)]
    /// [0, 8000, 16000]
    #[pyo3(
        signature = (seconds, hop=None, *, start_frame=None, join_gaps=None, wait=Wait::Forever, dtype=None, out=None),
        text_signature = "($self, seconds, hop=None, *, start_frame=None, join_gaps=0.1, wait=None, dtype=None, out=None)"
    )]
    fn windows<'py>(
        &self,
        py: Python<'py>,
        seconds: &Bound<'py, PyAny>,
        hop: Option<&Bound<'py, PyAny>>,
        start_frame: Option<&Bound<'py, PyAny>>,
        join_gaps: Option<&Bound<'py, PyAny>>,
        wait: Wait,
        dtype: Option<&Bound<'py, PyAny>>,
        out: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Windows> {
        let buffer = self.handle.get(py)?;
        let rate = buffer.spec().sample_rate_hz();
        let window_frames = frames_of(duration("seconds", seconds)?, rate);
        let hop_frames = optional_duration("hop", hop)?.map_or(window_frames, |hop| frames_of(hop, rate));
        let mut options = WindowOptions::new(window_frames, hop_frames);
        let start_frame = optional_unsigned("start_frame", start_frame, FRAMES)?;
        if let Some(frame) = start_frame {
            options = options.from_frame(frame);
        }
        if let Some(join) = optional_duration("join_gaps", join_gaps)? {
            options = options.join_gaps(join);
        }
        let target = Target::of(dtype, out)?;
        if let Some(out) = &target.out {
            check_out(out, buffer.spec().channels(), window_frames)?;
        }
        let next_frame = start_frame.unwrap_or_else(|| buffer.frames().start);
        let (dtype, out) = (target.dtype, target.out.map(Bound::unbind));
        let cursor = Cursor::new(buffer.windows(options).or_raise(py)?, next_frame, hop_frames, dtype);
        Ok(Windows {
            position: ArcSwap::from_pointee(Position::new(cursor)),
            buffer: Handle::new("iterator", capbuf::CaptureBuffer::clone(&buffer)),
            options,
            next_frame: AtomicU64::new(NO_WINDOW),
            dtype,
            out: Mutex::new(out),
            wait,
            window_frames,
            hop_frames,
        })
    }
}

/// Refuses an array `out` that does not fit one window exactly.
fn check_out(out: &Bound<'_, PyAny>, channels: u16, window_frames: u64) -> PyResult<()> {
    Out::borrow(out, channels)?;
    let frames = u64::try_from(out.len()?).unwrap_or(u64::MAX);
    if frames != window_frames {
        let allowed = format!("{window_frames} frames, a window");
        return Err(errors::invalid(out.py(), "out", format!("{frames} frames"), allowed));
    }
    Ok(())
}

const NO_WINDOW: u64 = u64::MAX;

/// The position of an iteration, and its use by one thread of one process.
struct Position {
    cursor: Mutex<Cursor>,
    is_busy: AtomicBool,
    owner: Owner,
}

impl Position {
    fn new(cursor: Cursor) -> Self {
        Self { cursor: Mutex::new(cursor), is_busy: AtomicBool::new(false), owner: Owner::this() }
    }

    /// Excludes other threads while this one waits.
    fn enter(&self, py: Python<'_>) -> PyResult<InUse<'_>> {
        // SYNC none: the cursor has a lock of its own.
        if self.is_busy.swap(true, Ordering::Relaxed) {
            return Err(errors::busy(py, "the iterator"));
        }
        Ok(InUse(&self.is_busy))
    }
}

struct InUse<'a>(&'a AtomicBool);

impl Drop for InUse<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

impl Windows {
    /// The position of this process. In a child a thread that is not there may be using the
    /// inherited one for ever: the child goes on after the last window with one of its own.
    fn position(&self, py: Python<'_>) -> PyResult<Arc<Position>> {
        loop {
            let position = self.position.load_full();
            if !position.owner.is_parent() {
                return Ok(position);
            }
            let buffer = self.buffer.get(py)?;
            // SYNC none: stored by this thread, or by one of the parent.
            let (options, next_frame) = match self.next_frame.load(Ordering::Relaxed) {
                NO_WINDOW => (self.options, buffer.frames().start),
                next_frame => (self.options.from_frame(next_frame), next_frame),
            };
            let windows = buffer.windows(options).or_raise(py)?;
            let own = Position::new(Cursor::new(windows, next_frame, self.hop_frames, self.dtype));
            self.position.compare_and_swap(&position, Arc::new(own));
        }
    }

    fn out(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        let out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        out.as_ref().map(|out| out.clone_ref(py))
    }

    /// Looks once for the next window; `Ready(None)` at the end.
    fn poll(
        &self,
        py: Python<'_>,
        position: &Position,
        buffer: &capbuf::CaptureBuffer,
        waited: Duration,
        is_over: bool,
    ) -> PyResult<Poll<Option<Window>>> {
        let mut cursor = match position.cursor.try_lock() {
            Ok(cursor) => cursor,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return Err(errors::busy(py, "the iterator")),
        };
        let polled = cursor.poll(py, buffer, self.out(py), waited, is_over)?;
        if let Poll::Ready(Some(window)) = &polled {
            self.next_frame.store(window.first_frame.saturating_add(self.hop_frames), Ordering::Relaxed);
        }
        Ok(polled)
    }
}

#[pymethods]
impl Windows {
    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Window>> {
        let position = self.position(py)?;
        let _in_use = position.enter(py)?;
        let look = |buffer: &capbuf::CaptureBuffer, waited, is_over| self.poll(py, &position, buffer, waited, is_over);
        block_on(py, || self.buffer.get(py), self.wait, look)
    }

    fn __aiter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __anext__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let wait = slf.get().wait.to_python(py)?;
        py.import(intern!(py, "capbuf._asyncio"))?.call_method1(intern!(py, "next_window"), (slf, wait))
    }

    /// Look once, for `_asyncio`: the window, None at the end, or seconds to sleep as a float.
    fn _poll(&self, py: Python<'_>, waited: f64, is_over: bool) -> PyResult<Py<PyAny>> {
        let buffer = self.buffer.get(py)?;
        let waited = Duration::try_from_secs_f64(waited).unwrap_or_default();
        self.poll(py, &*self.position(py)?, &buffer, waited, is_over)?.or_seconds(py)
    }

    /// Frames of a window.
    #[getter]
    fn window_frames(&self) -> u64 {
        self.window_frames
    }

    /// Frames from the start of a window to the start of the next one.
    #[getter]
    fn hop_frames(&self) -> u64 {
        self.hop_frames
    }

    /// Close the iterator, in all threads. Idempotent.
    fn close(&self, py: Python<'_>) {
        self.buffer.close(py);
    }

    /// True if the iterator is closed.
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

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.out.try_lock().map_or(Ok(()), |out| visit.call(&*out))
    }

    fn __clear__(&self) {
        drop(self.buffer.take());
        let out = self.out.try_lock().ok().and_then(|mut out| out.take());
        drop(out);
    }

    fn __repr__(&self) -> String {
        format!("<capbuf.Windows of {} frames, every {} frames>", self.window_frames, self.hop_frames)
    }
}

refuses_pickling!(Windows, "it belongs to its buffer; pass on next_frame, and begin others there with start_frame");
