//! The last N seconds of one source.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::arguments::spec_dict;
use crate::errors::OrRaise as _;
use crate::handle::Handle;
use crate::status::{Holder, Status};
use crate::times::Wait;
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
///     Whether gaps are filled with silence. By default spanes of time are, so that they keep their length, and frames
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
    pub(crate) handle: Handle<capbuf::CaptureBuffer>,
    id: u64,
    shown: String,
}

impl CaptureBuffer {
    pub(crate) fn new(buffer: capbuf::CaptureBuffer) -> Self {
        let (id, shown) = (buffer.id(), buffer.source().to_string());
        Self { handle: Handle::new("buffer", buffer), id, shown }
    }
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
