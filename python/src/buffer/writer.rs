//! The one who writes.

use std::sync::{Mutex, MutexGuard, PoisonError};

use capbuf::{GapReason, I24, Sample, SampleFormat};
use numpy::Element;
use pyo3::prelude::*;
use pyo3::sync::MutexExt as _;
use pyo3::types::PyTuple;

use crate::arrays::{self, Bytes, DType};
use crate::buffer::CaptureBuffer;
use crate::errors::{self, OrRaise as _, invalid};
use crate::times;

/// Copies of fewer bytes take less time than letting other threads run meanwhile.
const WORTH_DETACHING: usize = 1 << 16;

/// The one writer of a buffer, in all processes.
///
/// It is given back by `close`, the end of a ``with`` block or the garbage collector, or when its process dies. It may be used from
/// any thread; writes of several threads follow each other. It never waits for readers. Neither is a write of 10 ms slowed down by
/// them, but Python itself is not real-time safe: a garbage collection or another thread may hold it up for milliseconds.
///
/// Examples
/// --------
/// >>> import numpy, capbuf
/// >>> buffer = capbuf.Registry.private().get_or_allocate("mic", seconds=2, sample_rate_hz=8000, channels=2)
/// >>> with buffer.writer() as writer:
/// ...     writer.write(numpy.zeros((800, 2), "int16"), at=1700000000.0)
/// ...     writer.gap("source lost", duration=0.5)
/// ...     writer.write(numpy.zeros((800, 2), "int16"), at=1700000000.6)
/// ...     writer.next_frame
/// 1600
/// >>> buffer.last(0.7).gaps
/// (<capbuf.Gap "source lost" of 0.5 s before frame 800>,)
#[pyclass(module = "capbuf", frozen, weakref)]
pub(crate) struct Writer {
    /// In memory of its own, which Rust lays on cache lines: Python does not.
    writer: Mutex<Option<Box<capbuf::Writer>>>,
    buffer: capbuf::CaptureBuffer,
}

impl Writer {
    pub(crate) fn new(writer: capbuf::Writer) -> Self {
        let buffer = writer.buffer().clone();
        Self { writer: Mutex::new(Some(Box::new(writer))), buffer }
    }

    fn lock(&self, py: Python<'_>) -> MutexGuard<'_, Option<Box<capbuf::Writer>>> {
        self.writer.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner)
    }

    fn with<R: Send>(
        &self,
        py: Python<'_>,
        bytes: usize,
        write: impl FnOnce(&mut capbuf::Writer) -> capbuf::Result<R> + Send,
    ) -> PyResult<R> {
        let mut guard = self.lock(py);
        let writer = guard.as_mut().ok_or_else(|| errors::closed(py, "writer"))?;
        let written = if bytes < WORTH_DETACHING { write(writer) } else { py.detach(|| write(writer)) };
        written.or_raise(py)
    }

    fn put<T: Sample + Element>(&self, samples: &Bound<'_, PyAny>, at: Option<i64>) -> PyResult<()> {
        let py = samples.py();
        let spec = self.buffer.spec();
        let array = arrays::readable::<T>(samples, spec.channels(), DType::of_format(spec.format()))?;
        let samples = arrays::slice(py, &array)?;
        if spec.format() == SampleFormat::S24 {
            let mut packed = vec![I24::default(); samples.len()];
            capbuf::convert(samples, &mut packed);
            return self.put_slice(py, &packed, at);
        }
        self.put_slice(py, samples, at)
    }

    fn put_slice<T: Sample>(&self, py: Python<'_>, samples: &[T], at: Option<i64>) -> PyResult<()> {
        self.with(py, size_of_val(samples), |writer| match at {
            Some(capture_utc_ns) => writer.write_at(samples, capture_utc_ns),
            None => writer.write(samples),
        })
    }
}

#[pymethods]
impl Writer {
    /// Writes frames.
    ///
    /// One copy, without conversion. More than the buffer keeps may be written at once. Other threads run while much is copied; what
    /// they change in the samples meanwhile is written as it was or as it is.
    ///
    /// Parameters
    /// ----------
    /// samples : numpy.ndarray or buffer
    ///     Of shape ``(frames, channels)``, or ``(frames,)`` for mono, C-contiguous, of the type that belongs to the buffer's sample
    ///     format: int16 for s16, int32 for s32, float32 for f32, and int32, top bits first, for s24, which costs a conversion.
    ///     Anything that has such a buffer will do, as an ``array.array`` or a ``memoryview``.
    /// at : datetime or float or int, optional
    ///     When the first frame was captured: an aware datetime, float seconds since 1970, or int nanoseconds since 1970. It
    ///     may jitter, it is filtered; more than 0.75 s late is a gap. If not given, the last frame was captured just now.
    ///
    /// Raises
    /// ------
    /// Removed
    ///     Once the buffer is out of its registry.
    /// FormatMismatch
    ///     For samples of another type.
    /// InvalidArgument, InvalidType
    ///     For another shape, for arrays with holes, for what is no array or no time.
    /// Forked
    ///     In a child of the process that took the writer.
    /// Closed
    ///     After `close`.
    #[pyo3(signature = (samples, at=None))]
    fn write(&self, samples: &Bound<'_, PyAny>, at: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        let at = at.map(|at| times::utc_ns("at", at)).transpose()?;
        match self.buffer.spec().format() {
            SampleFormat::S16 => self.put::<i16>(samples, at),
            SampleFormat::S24 | SampleFormat::S32 => self.put::<i32>(samples, at),
            SampleFormat::F32 => self.put::<f32>(samples, at),
        }
    }

    /// Writes bytes of interleaved samples in the buffer's own format, little-endian, s24 in three bytes.
    ///
    /// Any number of them: the beginning of a frame is kept until its end comes.
    ///
    /// Parameters
    /// ----------
    /// data : bytes or buffer
    ///     Contiguous memory of any kind.
    /// at : datetime or float or int, optional
    ///     When the first frame that begins in them was captured: as `write`.
    ///
    /// Raises
    /// ------
    /// Removed, Forked, Closed, InvalidArgument, InvalidType
    ///     As `write`.
    #[pyo3(signature = (data, at=None))]
    fn write_bytes(&self, data: &Bound<'_, PyAny>, at: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        let py = data.py();
        let at = at.map(|at| times::utc_ns("at", at)).transpose()?;
        let data = Bytes::of(data)?;
        let data = data.slice(py)?;
        self.with(py, data.len(), |writer| match at {
            Some(capture_utc_ns) => writer.write_bytes_at(data, capture_utc_ns),
            None => writer.write_bytes(data),
        })
    }

    /// Says that what is written next does not follow what was written last.
    ///
    /// Parameters
    /// ----------
    /// reason : str, default "requested"
    ///     One of the reasons that `Gap` lists.
    /// duration : float or timedelta, optional
    ///     How many seconds are missing; as many as the times then tell if not given.
    ///
    /// Raises
    /// ------
    /// InvalidArgument, InvalidType
    ///     For another reason, for what is no duration.
    /// Closed
    ///     After `close`.
    #[pyo3(signature = (reason="requested", duration=None))]
    fn gap(&self, py: Python<'_>, reason: &str, duration: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        let known = GapReason::ALL.into_iter().find(|known| known.name() == reason);
        let known = known.ok_or_else(|| {
            invalid(py, "reason", format!("{reason:?}"), GapReason::ALL.map(GapReason::name).join(", "))
        })?;
        let duration = duration.map(|duration| times::duration("duration", duration)).transpose()?;
        self.with(py, 0, |writer| {
            match duration {
                Some(duration) => writer.gap_for(known, duration),
                None => writer.gap(known),
            }
            Ok(())
        })
    }

    /// The number that the next frame will have.
    #[getter]
    fn next_frame(&self, py: Python<'_>) -> PyResult<u64> {
        self.with(py, 0, |writer| Ok(writer.next_frame()))
    }

    /// Another handle on the buffer that this writes to.
    #[getter]
    fn buffer(&self) -> CaptureBuffer {
        CaptureBuffer::new(self.buffer.clone())
    }

    /// Gives the right to write back. Closing again is harmless.
    fn close(&self, py: Python<'_>) {
        let writer = self.lock(py).take();
        py.detach(|| drop(writer));
    }

    /// Whether it was closed.
    #[getter]
    fn closed(&self, py: Python<'_>) -> bool {
        self.lock(py).is_none()
    }

    fn __enter__<'py>(slf: Bound<'py, Self>) -> PyResult<Bound<'py, Self>> {
        slf.get().with(slf.py(), 0, |_| Ok(()))?;
        Ok(slf)
    }

    #[pyo3(signature = (*_args))]
    fn __exit__(&self, py: Python<'_>, _args: &Bound<'_, PyTuple>) {
        self.close(py);
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        let state = match &*self.lock(py) {
            Some(writer) => format!("at frame {}", writer.next_frame()),
            None => "closed".to_owned(),
        };
        format!("<capbuf.Writer of {:?}, {state}>", self.buffer.source().to_string())
    }
}
