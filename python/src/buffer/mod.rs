//! The class `CaptureBuffer`: the last N seconds of one source, and all that reads or writes them.
//!
//! May use `errors`, `arguments`, `arrays` and `waiting`; used by `registry`, `capture`, `station`
//! and `trigger`.

mod awaited;
mod clip;
mod cut;
mod gap;
mod reads;
mod request;
mod segment;
mod status;
mod windows;
mod writer;

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

pub(crate) use clip::{Clip, clip_name};
pub(crate) use gap::{Gap, Missing};
pub(crate) use segment::Segment;
pub(crate) use status::{Holder, Level, Status};
pub(crate) use windows::{Window, Windows};
pub(crate) use writer::Writer;

use crate::pickling::refuses_pickling;
use crate::spec_dict::spec_dict;
use crate::waiting::Handle;

/// A handle to the last N seconds of a source.
///
/// Any number of handles, threads and processes may read a buffer while its one writer writes. All
/// methods may be called from any thread. Two handles to the same buffer are equal.
///
/// A handle is closed by `close`, the end of a ``with`` block or the garbage collector. The memory
/// is freed when the buffer is in no registry and its last handle is closed. After `close` every
/// method raises `Closed`, in all threads; a blocked call raises it within 50 ms.
///
/// All reads have these parameters:
///
/// wait : float or timedelta or None, default 0.0
///     Seconds to wait for frames that are not recorded yet; None waits without limit. Ctrl-C ends
///     the wait.
/// available : bool, default False
///     Return a partial segment, with `Segment.missing` set, where a read would raise `NotYet` or
///     `Evicted`.
/// silence : bool or None
///     Fill gaps with silence. By default a read by time does, so that the segment keeps its
///     length, and a read by frame numbers does not.
/// dtype : str or numpy.dtype, default "float32"
///     "float32" (full scale is 1.0), "int16" or "int32" (top bits first: the lossless choice for
///     s24).
/// out : numpy.ndarray, optional
///     Read into this array instead of a new one. It must be writeable, C-contiguous, of one of the
///     dtypes above and of shape ``(frames, channels)``, or ``(frames,)`` for mono. No other thread
///     may use it during the read. After an error its content is unspecified.
///
/// Examples
/// --------
/// >>> import numpy, capbuf
/// >>> registry = capbuf.Registry.private()
/// >>> buffer = registry.get_or_allocate("mic", seconds=60, sample_rate_hz=48000)
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
    /// The source without credentials, for `repr` after `close`.
    redacted: String,
}

impl CaptureBuffer {
    pub(crate) fn new(buffer: capbuf::CaptureBuffer) -> Self {
        let (id, redacted) = (buffer.id(), buffer.source().to_string());
        Self { handle: Handle::new("buffer", buffer), id, redacted }
    }
}

#[pymethods]
impl CaptureBuffer {
    /// The name of the source, unredacted: a URL may contain a password. See `redact`.
    #[getter]
    fn source(&self, py: Python<'_>) -> PyResult<String> {
        self.handle.with(py, |buffer| buffer.source().as_str().to_owned())
    }

    /// The number that identifies the buffer among those of all processes.
    #[getter]
    fn id(&self) -> u64 {
        self.id
    }

    /// The shape, as the keyword arguments that the buffer was allocated with.
    #[getter]
    fn spec<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        spec_dict(py, &self.handle.with(py, |buffer| *buffer.spec())?)
    }

    /// Frames a second.
    #[getter]
    fn sample_rate_hz(&self, py: Python<'_>) -> PyResult<u32> {
        self.handle.with(py, |buffer| buffer.spec().sample_rate_hz())
    }

    /// Samples a frame.
    #[getter]
    fn channels(&self, py: Python<'_>) -> PyResult<u16> {
        self.handle.with(py, |buffer| buffer.spec().channels())
    }

    /// "s16", "s24", "s32" or "f32".
    #[getter]
    fn sample_format(&self, py: Python<'_>) -> PyResult<&'static str> {
        self.handle.with(py, |buffer| buffer.spec().format().name())
    }

    /// The capacity in frames.
    #[getter]
    fn length_frames(&self, py: Python<'_>) -> PyResult<u64> {
        self.handle.with(py, |buffer| buffer.spec().length_frames())
    }

    /// "until removed", or "while open": freed when no process has the buffer open.
    #[getter]
    fn lifetime(&self, py: Python<'_>) -> PyResult<&'static str> {
        self.handle.with(py, |buffer| buffer.lifetime().name())
    }

    /// The readable frames: the number of the oldest, and one past the newest. Stale at once.
    #[getter]
    fn frames(&self, py: Python<'_>) -> PyResult<(u64, u64)> {
        let frames = self.handle.with(py, capbuf::CaptureBuffer::frames)?;
        Ok((frames.start, frames.end))
    }

    /// True if the buffer was removed from its registry: still readable, no longer writable.
    #[getter]
    fn is_removed(&self, py: Python<'_>) -> PyResult<bool> {
        self.handle.with(py, capbuf::CaptureBuffer::is_removed)
    }

    /// Return a snapshot of the buffer: fill, age, level, writer.
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

    /// List the living processes of the domain that have the buffer open, this one included.
    ///
    /// Empty for a private registry. Makes system calls. Stale at once, in both directions.
    ///
    /// Returns
    /// -------
    /// list of Holder
    fn opened_by(&self, py: Python<'_>) -> PyResult<Vec<Holder>> {
        let buffer = self.handle.get(py)?;
        Ok(py.detach(|| buffer.opened_by()).into_iter().map(|opened| Holder::new(opened.holder)).collect())
    }

    /// Close this handle, in all threads; other handles to the buffer stay open. Idempotent.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        // The last handle removes a buffer that stays only while it is open, under a lock.
        let is_last =
            |buffer: &capbuf::CaptureBuffer| buffer.handles() == 1 && buffer.lifetime() == capbuf::Lifetime::WhileOpen;
        if self.handle.with(py, is_last).unwrap_or(false) {
            return self.handle.close_interruptibly(py);
        }
        self.handle.close(py);
        Ok(())
    }

    /// True if this handle is closed.
    #[getter]
    fn closed(&self) -> bool {
        self.handle.is_closed()
    }

    fn __enter__<'py>(slf: Bound<'py, Self>) -> PyResult<Bound<'py, Self>> {
        slf.get().handle.with(slf.py(), |_| ())?;
        Ok(slf)
    }

    #[pyo3(signature = (*_args))]
    fn __exit__(&self, py: Python<'_>, _args: &Bound<'_, PyTuple>) -> PyResult<()> {
        self.close(py)
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
        format!("<capbuf.CaptureBuffer {:?}: {spec}>", self.redacted)
    }
}

refuses_pickling!(CaptureBuffer, "it belongs to its process; open the domain there, and get the buffer by its source");
