//! The last N seconds of one source.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::PathBuf;
use std::time::Duration;

use capbuf::Stretch;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::arguments::spec_dict;
use crate::clip::Clip;
use crate::errors::OrRaise as _;
use crate::handle::Handle;
use crate::reading::{self, Pace, Request, Target};
use crate::segment::Segment;
use crate::status::{Holder, Status};
use crate::times::{self, Wait};
use crate::windows::Windows;
use crate::writer::Writer;

/// A handle on the last N seconds of a source.
///
/// Any number of handles, threads and processes may read it at once, beside the one writer. All methods may be called from
/// any thread. Two handles of the same buffer are equal. The memory goes back when the last handle ends that is not, or no
/// longer, in a registry: by `close`, the end of a ``with`` block or the garbage collector. After `close` all methods raise
/// `Closed`, in all threads; a call that waits just then does so within 50 ms.
///
/// Reads have these arguments in common:
///
/// wait : float or timedelta or None, default 0.0
///     How many seconds to wait for frames that are still to come; None for as long as it takes. Ctrl-C ends a wait.
/// available : bool, default False
///     Gives what is there, and tells in `Segment.missing` what is not, instead of an error.
/// silence : bool or None
///     Whether gaps are filled with silence. By default stretches of time are, so that they keep their length, and frames
///     named by number are not.
/// dtype : str or numpy.dtype, default "float32"
///     "float32" (full scale at 1.0), "int16" or "int32" (top bits first, which is how s24 is best read).
/// out : numpy.ndarray, optional
///     A writeable, C-contiguous array of one of these types and of shape ``(frames, channels)``, or ``(frames,)`` for mono, that
///     is read into instead of a new one. Nothing else may use it meanwhile. After an error its content is unspecified.
///
/// Examples
/// --------
/// >>> import numpy, capbuf
/// >>> buffer = capbuf.Registry.private().get_or_allocate("mic", seconds=60, sample_rate_hz=48000)
/// >>> with buffer.writer() as writer:
/// ...     writer.write(numpy.zeros(48000, "int16"), at=1700000000.0)
/// >>> buffer.read(1700000000.25, 1700000000.5).samples.shape
/// (12000, 1)
/// >>> buffer.source, buffer.spec["seconds"], buffer.frames
/// ('mic', 60.0, (0, 48000))
#[pyclass(module = "capbuf", frozen, weakref)]
pub(crate) struct CaptureBuffer {
    handle: Handle<capbuf::CaptureBuffer>,
    id: u64,
    shown: String,
}

impl CaptureBuffer {
    pub(crate) fn new(buffer: capbuf::CaptureBuffer) -> Self {
        let (id, shown) = (buffer.id(), buffer.source().to_string());
        Self { handle: Handle::new("buffer", buffer), id, shown }
    }

    fn read_stretch(
        &self,
        py: Python<'_>,
        stretch: Stretch,
        (wait, available, silence): (Wait, bool, Option<bool>),
        dtype: Option<&Bound<'_, PyAny>>,
        out: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Segment> {
        let request = Request { stretch, available, silence, pace: Pace::Block(wait) };
        request.segment(py, &self.handle, &Target::of(dtype, out)?)?.done(py)
    }

    fn cut(
        &self,
        py: Python<'_>,
        path: PathBuf,
        stretch: Stretch,
        (wait, available, silence): (Wait, bool, Option<bool>),
    ) -> PyResult<Clip> {
        let request = Request { stretch, available, silence, pace: Pace::Block(wait) };
        let segment = request.native(py, &self.handle)?.done(py)?;
        py.detach(|| capbuf_capture::write_clip(&segment, &path)).or_raise(py).map(Clip::new)
    }
}

/// Begins a read that waits in the event loop, by the coroutine in `_asyncio.py`.
fn begin_read<'py>(
    slf: &Bound<'py, CaptureBuffer>,
    stretch: Bound<'py, PyTuple>,
    wait: Wait,
    options: (bool, Option<bool>),
    array: (Option<Bound<'py, PyAny>>, Option<Bound<'py, PyAny>>),
) -> PyResult<Bound<'py, PyAny>> {
    let py = slf.py();
    let module = py.import(intern!(py, "capbuf._asyncio"))?;
    let ((available, silence), (dtype, out)) = (options, array);
    let arguments = (slf, stretch, wait.to_python(py)?, available, silence, dtype, out);
    module.call_method1(intern!(py, "read"), arguments)
}

#[pymethods]
impl CaptureBuffer {
    /// The source that feeds it, as it was given: with its password, if it is a URL that has one. See `redact`.
    #[getter]
    fn source(&self, py: Python<'_>) -> PyResult<String> {
        self.handle.with(py, |buffer| buffer.source().as_str().to_owned())
    }

    /// The number that tells this buffer from every other one, in every process.
    #[getter]
    fn id(&self) -> u64 {
        self.id
    }

    /// Its shape, as the keyword arguments that it was allocated with.
    #[getter]
    fn spec<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        spec_dict(py, &self.handle.with(py, |buffer| *buffer.spec())?)
    }

    #[getter]
    fn sample_rate_hz(&self, py: Python<'_>) -> PyResult<u32> {
        self.handle.with(py, |buffer| buffer.spec().sample_rate_hz())
    }

    #[getter]
    fn channels(&self, py: Python<'_>) -> PyResult<u16> {
        self.handle.with(py, |buffer| buffer.spec().channels())
    }

    /// "s16", "s24", "s32" or "f32".
    #[getter]
    fn sample_format(&self, py: Python<'_>) -> PyResult<&'static str> {
        self.handle.with(py, |buffer| buffer.spec().format().name())
    }

    /// How many frames it keeps.
    #[getter]
    fn length_frames(&self, py: Python<'_>) -> PyResult<u64> {
        self.handle.with(py, |buffer| buffer.spec().length_frames())
    }

    /// How long it stays when nobody uses it: "until removed" or "while open".
    #[getter]
    fn lifetime(&self, py: Python<'_>) -> PyResult<&'static str> {
        self.handle.with(py, |buffer| buffer.lifetime().name())
    }

    /// The frames that can be read: the number of the oldest, and one past that of the newest. Stale at once.
    #[getter]
    fn frames(&self, py: Python<'_>) -> PyResult<(u64, u64)> {
        let frames = self.handle.with(py, capbuf::CaptureBuffer::frames)?;
        Ok((frames.start, frames.end))
    }

    /// Whether it was removed from its registry. Its audio stays readable; nothing is written any more.
    #[getter]
    fn is_removed(&self, py: Python<'_>) -> PyResult<bool> {
        self.handle.with(py, capbuf::CaptureBuffer::is_removed)
    }

    /// Copies the audio from one time to another.
    ///
    /// A frame belongs to the time at which it begins, to the nearest frame. One copy; converting, if the buffer's samples
    /// are of another type, is part of it.
    ///
    /// Parameters
    /// ----------
    /// start, end : datetime or float or int
    ///     Aware datetimes, float seconds since 1970, or int nanoseconds since 1970.
    /// wait, available, silence, dtype, out
    ///     As the class says.
    ///
    /// Returns
    /// -------
    /// Segment
    ///
    /// Raises
    /// ------
    /// NotYet
    ///     If frames are still to come, with when (`expected_utc_ns`); `TimedOut` or `Removed` after waiting.
    /// Evicted
    ///     If frames are gone, with the oldest that is still there (`oldest_frame`, `oldest_utc_ns`).
    /// InvalidRange, InvalidArgument, InvalidType, FormatMismatch, TooSmall
    ///     For arguments that are none.
    ///
    /// Examples
    /// --------
    /// >>> import datetime, numpy, capbuf
    /// >>> buffer = capbuf.Registry.private().get_or_allocate("mic", seconds=2, sample_rate_hz=8000)
    /// >>> with buffer.writer() as writer:
    /// ...     writer.write(numpy.zeros((8000, 1), "int16"), at=1700000000.0)
    /// >>> start = datetime.datetime.fromtimestamp(1700000000.5, datetime.timezone.utc)
    /// >>> segment = buffer.read(start, start + datetime.timedelta(seconds=0.25))
    /// >>> segment.first_frame, segment.samples.shape, segment.start == start
    /// (4000, (2000, 1), True)
    /// >>> memory = numpy.empty((2000, 1), "int16")
    /// >>> buffer.read(1700000000.5, 1700000000.75, out=memory).samples is memory
    /// True
    #[pyo3(
        signature = (start, end, *, wait=Wait::Not, available=false, silence=None, dtype=None, out=None),
        text_signature = "($self, start, end, *, wait=0.0, available=False, silence=None, dtype=None, out=None)"
    )]
    fn read(
        &self,
        py: Python<'_>,
        start: &Bound<'_, PyAny>,
        end: &Bound<'_, PyAny>,
        wait: Wait,
        available: bool,
        silence: Option<bool>,
        dtype: Option<&Bound<'_, PyAny>>,
        out: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Segment> {
        let stretch = reading::by_time(start, end)?;
        self.read_stretch(py, stretch, (wait, available, silence), dtype, out)
    }

    /// Copies frames by their numbers: exactly these, whatever the clocks did.
    ///
    /// Parameters
    /// ----------
    /// first, end : int
    ///     The first frame, and one past the last.
    /// wait, available, silence, dtype, out
    ///     As the class says.
    ///
    /// Returns
    /// -------
    /// Segment
    ///
    /// Raises
    /// ------
    /// NotYet, Evicted, TimedOut, Removed, InvalidRange, InvalidArgument, InvalidType, FormatMismatch, TooSmall
    ///     As `read`.
    #[pyo3(
        signature = (first, end, *, wait=Wait::Not, available=false, silence=None, dtype=None, out=None),
        text_signature = "($self, first, end, *, wait=0.0, available=False, silence=None, dtype=None, out=None)"
    )]
    fn read_frames(
        &self,
        py: Python<'_>,
        first: &Bound<'_, PyAny>,
        end: &Bound<'_, PyAny>,
        wait: Wait,
        available: bool,
        silence: Option<bool>,
        dtype: Option<&Bound<'_, PyAny>>,
        out: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Segment> {
        let stretch = reading::by_frames(first, end)?;
        self.read_stretch(py, stretch, (wait, available, silence), dtype, out)
    }

    /// Copies the newest so much.
    ///
    /// Parameters
    /// ----------
    /// seconds : float or timedelta
    ///     How much: this times the nominal rate, exactly.
    /// wait, available, silence, dtype, out
    ///     As the class says.
    ///
    /// Returns
    /// -------
    /// Segment
    ///
    /// Raises
    /// ------
    /// NotYet, Evicted, TimedOut, Removed, InvalidRange, InvalidArgument, InvalidType, FormatMismatch, TooSmall
    ///     As `read`.
    #[pyo3(
        signature = (seconds, *, wait=Wait::Not, available=false, silence=None, dtype=None, out=None),
        text_signature = "($self, seconds, *, wait=0.0, available=False, silence=None, dtype=None, out=None)"
    )]
    fn last(
        &self,
        py: Python<'_>,
        seconds: &Bound<'_, PyAny>,
        wait: Wait,
        available: bool,
        silence: Option<bool>,
        dtype: Option<&Bound<'_, PyAny>>,
        out: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Segment> {
        self.read_stretch(py, reading::newest(seconds)?, (wait, available, silence), dtype, out)
    }

    /// As `read`, to be awaited: waits in the event loop, without a thread, until the frames should be there.
    ///
    /// It waits for as long as it takes unless `wait` says otherwise. Cancelling ends it.
    ///
    /// Examples
    /// --------
    /// >>> import asyncio, capbuf
    /// >>> async def tenth(capture):
    /// ...     return await capture.buffer.aread_frames(0, 4800)
    /// >>> with capbuf.record("tone:440", registry=capbuf.Registry.private()) as capture:
    /// ...     len(asyncio.run(tenth(capture)))
    /// 4800
    #[pyo3(
        signature = (start, end, *, wait=Wait::Ever, available=false, silence=None, dtype=None, out=None),
        text_signature = "($self, start, end, *, wait=None, available=False, silence=None, dtype=None, out=None)"
    )]
    fn aread<'py>(
        slf: &Bound<'py, Self>,
        start: &Bound<'py, PyAny>,
        end: &Bound<'py, PyAny>,
        wait: Wait,
        available: bool,
        silence: Option<bool>,
        dtype: Option<Bound<'py, PyAny>>,
        out: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let stretch = PyTuple::new(slf.py(), [intern!(slf.py(), "time").as_any(), start, end])?;
        begin_read(slf, stretch, wait, (available, silence), (dtype, out))
    }

    /// As `read_frames`, to be awaited: see `aread`.
    #[pyo3(
        signature = (first, end, *, wait=Wait::Ever, available=false, silence=None, dtype=None, out=None),
        text_signature = "($self, first, end, *, wait=None, available=False, silence=None, dtype=None, out=None)"
    )]
    fn aread_frames<'py>(
        slf: &Bound<'py, Self>,
        first: &Bound<'py, PyAny>,
        end: &Bound<'py, PyAny>,
        wait: Wait,
        available: bool,
        silence: Option<bool>,
        dtype: Option<Bound<'py, PyAny>>,
        out: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let stretch = PyTuple::new(slf.py(), [intern!(slf.py(), "frames").as_any(), first, end])?;
        begin_read(slf, stretch, wait, (available, silence), (dtype, out))
    }

    /// As `last`, to be awaited: see `aread`.
    #[pyo3(
        signature = (seconds, *, wait=Wait::Ever, available=false, silence=None, dtype=None, out=None),
        text_signature = "($self, seconds, *, wait=None, available=False, silence=None, dtype=None, out=None)"
    )]
    fn alast<'py>(
        slf: &Bound<'py, Self>,
        seconds: &Bound<'py, PyAny>,
        wait: Wait,
        available: bool,
        silence: Option<bool>,
        dtype: Option<Bound<'py, PyAny>>,
        out: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let stretch = PyTuple::new(slf.py(), [intern!(slf.py(), "last").as_any(), seconds])?;
        begin_read(slf, stretch, wait, (available, silence), (dtype, out))
    }

    /// Looks once for an awaited read, which has waited so many seconds: the segment, or the seconds to sleep.
    fn _look(
        &self,
        py: Python<'_>,
        stretch: (String, Bound<'_, PyAny>, Option<Bound<'_, PyAny>>),
        waited: f64,
        is_over: bool,
        available: bool,
        silence: Option<bool>,
        dtype: Option<&Bound<'_, PyAny>>,
        out: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        let stretch = match &stretch {
            (kind, first, Some(end)) if kind == "frames" => reading::by_frames(first, end)?,
            (_, start, Some(end)) => reading::by_time(start, end)?,
            (_, seconds, None) => reading::newest(seconds)?,
        };
        let waited = Duration::try_from_secs_f64(waited).unwrap_or_default();
        let request = Request { stretch, available, silence, pace: Pace::Look { waited, is_over } };
        request.segment(py, &self.handle, &Target::of(dtype, out)?)?.or_seconds(py)
    }

    /// Takes the one writer of this buffer, in all processes: exclusive until it is closed.
    ///
    /// Returns
    /// -------
    /// Writer
    ///
    /// Raises
    /// ------
    /// WriterBusy
    ///     While another writer is alive, in any process, with who it is (`pid`, `program`).
    /// Removed
    ///     If the buffer was removed.
    fn writer(&self, py: Python<'_>) -> PyResult<Writer> {
        let buffer = self.handle.get(py)?;
        py.detach(|| buffer.writer()).or_raise(py).map(Writer::new)
    }

    /// Goes through the buffer window by window, in a ``for`` or an ``async for`` loop.
    ///
    /// A window has exactly so many frames, all of which belong together: after a longer gap windows begin anew. An analysis
    /// that is overtaken goes on with frames that are still there, and is told how many were lost.
    ///
    /// Parameters
    /// ----------
    /// seconds : float or timedelta
    ///     The length of a window.
    /// hop : float or timedelta, optional
    ///     How much later the next window begins. The length of a window if not given.
    /// start_frame : int, optional
    ///     The first frame of the first window, which may be still to come. The oldest there is if not given.
    /// join_gaps : float or timedelta, default 0.1
    ///     Windows span gaps of up to this length: the frames on both sides stand side by side, and the window counts it.
    /// wait : float or timedelta or None, optional
    ///     How many seconds to wait for a window before `TimedOut` is raised; for as long as it takes if not given. The
    ///     iterator is where it was after that: go on with another ``for`` loop.
    /// dtype, out
    ///     As the class says. With `out`, every window is read into this one array.
    ///
    /// Returns
    /// -------
    /// Windows
    ///     An iterator of `Window`. It ends when the buffer was removed.
    ///
    /// Raises
    /// ------
    /// InvalidArgument
    ///     For windows that are empty or longer than the buffer, or do not move.
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
        signature = (seconds, hop=None, *, start_frame=None, join_gaps=None, wait=Wait::Ever, dtype=None, out=None),
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
        Windows::new(py, &buffer, (seconds, hop), (start_frame, join_gaps), wait, dtype, out)
    }

    /// Cuts the audio from one time to another into a WAV or FLAC file, by the extension of its name, in the buffer's own format.
    ///
    /// The file is whole under its name, or not there; one that has the name is replaced.
    ///
    /// Parameters
    /// ----------
    /// path : str or os.PathLike
    ///     The name, which ends in ``.wav`` or ``.flac``. See `clip_name`.
    /// start, end, wait, available, silence
    ///     As `read`.
    ///
    /// Returns
    /// -------
    /// Clip
    ///
    /// Raises
    /// ------
    /// ClipFailed
    ///     For another extension, a folder that isn't there, a full disk, what the type can't hold.
    /// NotYet, Evicted, TimedOut, Removed, InvalidRange, InvalidArgument, InvalidType
    ///     As `read`.
    #[pyo3(
        signature = (path, start, end, *, wait=Wait::Not, available=false, silence=None),
        text_signature = "($self, path, start, end, *, wait=0.0, available=False, silence=None)"
    )]
    fn clip(
        &self,
        py: Python<'_>,
        path: PathBuf,
        start: &Bound<'_, PyAny>,
        end: &Bound<'_, PyAny>,
        wait: Wait,
        available: bool,
        silence: Option<bool>,
    ) -> PyResult<Clip> {
        self.cut(py, path, reading::by_time(start, end)?, (wait, available, silence))
    }

    /// Cuts frames by their numbers into a WAV or FLAC file: exact however late it is done.
    ///
    /// Parameters
    /// ----------
    /// path : str or os.PathLike
    ///     As `clip`.
    /// first, end, wait, available, silence
    ///     As `read_frames`. See `Window.around`.
    ///
    /// Returns
    /// -------
    /// Clip
    ///
    /// Raises
    /// ------
    /// ClipFailed, NotYet, Evicted, TimedOut, Removed, InvalidRange, InvalidArgument, InvalidType
    ///     As `clip`.
    ///
    /// Examples
    /// --------
    /// >>> import pathlib, tempfile, numpy, capbuf
    /// >>> buffer = capbuf.Registry.private().get_or_allocate("mic", seconds=2, sample_rate_hz=8000)
    /// >>> with buffer.writer() as writer:
    /// ...     writer.write(numpy.zeros(8000, "int16"))
    /// >>> with tempfile.TemporaryDirectory() as folder:
    /// ...     clip = buffer.clip_frames(pathlib.Path(folder) / "bird.wav", 2000, 6000)
    /// >>> clip.frames, clip.sample_format
    /// (4000, 's16')
    #[pyo3(
        signature = (path, first, end, *, wait=Wait::Not, available=false, silence=None),
        text_signature = "($self, path, first, end, *, wait=0.0, available=False, silence=None)"
    )]
    fn clip_frames(
        &self,
        py: Python<'_>,
        path: PathBuf,
        first: &Bound<'_, PyAny>,
        end: &Bound<'_, PyAny>,
        wait: Wait,
        available: bool,
        silence: Option<bool>,
    ) -> PyResult<Clip> {
        self.cut(py, path, reading::by_frames(first, end)?, (wait, available, silence))
    }

    /// Looks at everything at once: how full, how old, how loud.
    ///
    /// Reads the last second to measure its level: some tens of microseconds.
    ///
    /// Returns
    /// -------
    /// Status
    fn status(&self, py: Python<'_>) -> PyResult<Status> {
        let buffer = self.handle.get(py)?;
        Ok(Status::new(py.detach(|| buffer.status())))
    }

    /// The living processes of its domain that have it open, this one included; none for a private registry.
    ///
    /// Makes system calls. Stale at once, in both directions.
    ///
    /// Returns
    /// -------
    /// list of Holder
    fn opened_by(&self, py: Python<'_>) -> PyResult<Vec<Holder>> {
        let buffer = self.handle.get(py)?;
        Ok(py.detach(|| buffer.opened_by()).into_iter().map(|opened| Holder::new(opened.holder)).collect())
    }

    /// Ends this handle, in all threads; others on the same buffer stay. Closing again is harmless.
    fn close(&self, py: Python<'_>) {
        self.handle.close(py);
    }

    /// Whether this handle was closed.
    #[getter]
    fn closed(&self) -> bool {
        self.handle.is_closed()
    }

    fn __enter__<'py>(slf: Bound<'py, Self>) -> PyResult<Bound<'py, Self>> {
        slf.get().handle.with(slf.py(), |_| ())?;
        Ok(slf)
    }

    #[pyo3(signature = (*_args))]
    fn __exit__(&self, py: Python<'_>, _args: &Bound<'_, PyTuple>) {
        self.close(py);
    }

    fn __eq__(&self, other: &Self) -> bool {
        self.id == other.id
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.id.hash(&mut hasher);
        hasher.finish()
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        let spec = self.handle.with(py, |buffer| buffer.spec().to_string());
        let spec = spec.unwrap_or_else(|_| "closed".to_owned());
        format!("<capbuf.CaptureBuffer {:?}: {spec}>", self.shown)
    }
}

/// When a time is, for who shows it.
pub(crate) fn datetime(py: Python<'_>, utc_ns: Option<i64>) -> PyResult<Option<Bound<'_, PyAny>>> {
    utc_ns.map(|utc_ns| times::datetime(py, utc_ns)).transpose()
}
