//! The class `Writer`: the one writer of a buffer.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{MutexGuard, PoisonError, TryLockError};

use capbuf::{Error, GapReason, I24, OwnLock, Sample, SampleFormat};
use numpy::Element;
use pyo3::prelude::*;
use pyo3::sync::MutexExt as _;
use pyo3::types::PyTuple;

use super::CaptureBuffer;
use crate::arguments::{named, optional_duration, utc_ns};
use crate::arrays::{self, Bytes, DType};
use crate::errors::{self, OrRaise as _, invalid};
use crate::pickling::refuses_pickling;

/// Below this many bytes, detaching from the interpreter costs more than the copy.
const WORTH_DETACHING: usize = 1 << 16;

/// The one writer of a buffer among all processes. See `CaptureBuffer.writer`.
///
/// Released by `close`, the end of a ``with`` block, the garbage collector, or the end of its
/// process. May be used from any thread; concurrent writes are serialised. A write never waits for
/// readers. Python itself is not real-time safe: a garbage collection or another thread may delay a
/// write by milliseconds.
///
/// Examples
/// --------
/// >>> import numpy, capbuf
/// >>> registry = capbuf.Registry.private()
/// >>> buffer = registry.get_or_allocate("mic", seconds=2, sample_rate_hz=8000, channels=2)
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
    /// Boxed: the writer is aligned to cache lines, which Python's allocator does not guarantee.
    writer: OwnLock<Option<Box<capbuf::Writer>>>,
    is_closed: AtomicBool,
    buffer: capbuf::CaptureBuffer,
}

impl Writer {
    fn new(writer: capbuf::Writer) -> Self {
        let buffer = writer.buffer().clone();
        Self { writer: OwnLock::new(Some(Box::new(writer))), is_closed: AtomicBool::new(false), buffer }
    }

    /// `None` in a child of the process that acquired the writer: a thread of the parent may have
    /// held the lock.
    fn lock(&self, py: Python<'_>) -> Option<MutexGuard<'_, Option<Box<capbuf::Writer>>>> {
        Some(self.writer.mutex()?.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner))
    }

    fn with<R: Send>(
        &self,
        py: Python<'_>,
        bytes: usize,
        write: impl FnOnce(&mut capbuf::Writer) -> capbuf::Result<R> + Send,
    ) -> PyResult<R> {
        if self.is_closed.load(Ordering::Relaxed) {
            return Err(errors::closed(py, "writer"));
        }
        let own = self.writer.mutex().ok_or_else(|| Error::forked("writer", self.buffer.source())).or_raise(py)?;
        let write = |mut guard: MutexGuard<'_, Option<Box<capbuf::Writer>>>| guard.as_deref_mut().map(write);
        let written = match own.try_lock() {
            Ok(guard) if bytes < WORTH_DETACHING => write(guard),
            Err(TryLockError::Poisoned(poisoned)) if bytes < WORTH_DETACHING => write(poisoned.into_inner()),
            tried => {
                drop(tried);
                // Attached again without the lock: a thread that hangs there, as the interpreter
                // ends, does not hold it.
                py.detach(|| write(own.lock().unwrap_or_else(PoisonError::into_inner)))
            }
        };
        written.ok_or_else(|| errors::closed(py, "writer"))?.or_raise(py)
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
impl CaptureBuffer {
    /// Acquire the one writer of this buffer, exclusive among all processes until it is closed.
    ///
    /// Returns
    /// -------
    /// Writer
    ///
    /// Raises
    /// ------
    /// WriterBusy
    ///     While another writer is alive; `pid` and `program` identify its process.
    /// Removed
    ///     If the buffer was removed.
    fn writer(&self, py: Python<'_>) -> PyResult<Writer> {
        let buffer = self.handle.get(py)?;
        py.detach(|| buffer.writer()).or_raise(py).map(Writer::new)
    }
}

#[pymethods]
impl Writer {
    /// Write frames.
    ///
    /// Copies once, without conversion except for s24. May write more than the capacity of the
    /// buffer. Other threads run during a large copy; a sample that one of them changes meanwhile
    /// is written with its old or its new value.
    ///
    /// Parameters
    /// ----------
    /// samples : numpy.ndarray or buffer
    ///     C-contiguous, of shape ``(frames, channels)``, or ``(frames,)`` for mono. The dtype must
    ///     match the format of the buffer: int16 for s16, int32 for s32, float32 for f32, and
    ///     int32, top bits first, for s24. Any object with the buffer protocol is accepted, such as
    ///     an ``array.array`` or a ``memoryview``.
    /// at : datetime or float or int, optional
    ///     Capture time of the first frame: an aware datetime, float seconds since 1970, or int
    ///     nanoseconds since 1970. Jitter is filtered out; a delay of more than 0.75 s is recorded
    ///     as a gap. By default the last frame was captured now.
    ///
    /// Raises
    /// ------
    /// Removed
    ///     If the buffer was removed from its registry.
    /// FormatMismatch
    ///     If the samples have another dtype.
    /// InvalidArgument, InvalidType
    ///     If `samples` has another shape or holes or is no array, or `at` is no time.
    /// Forked
    ///     In a child of the process that acquired the writer.
    /// Closed
    ///     After `close`.
    #[pyo3(signature = (samples, at=None))]
    fn write(&self, samples: &Bound<'_, PyAny>, at: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        let at = at.map(|at| utc_ns("at", at)).transpose()?;
        match self.buffer.spec().format() {
            SampleFormat::S16 => self.put::<i16>(samples, at),
            SampleFormat::S24 | SampleFormat::S32 => self.put::<i32>(samples, at),
            SampleFormat::F32 => self.put::<f32>(samples, at),
        }
    }

    /// Write interleaved samples as bytes: the buffer's format, little-endian, s24 in three bytes.
    ///
    /// Accepts any number of bytes: an incomplete frame is stored until the rest is written.
    ///
    /// Parameters
    /// ----------
    /// data : bytes or buffer
    ///     Contiguous memory.
    /// at : datetime or float or int, optional
    ///     Capture time of the first frame that begins in `data`: as `write`.
    ///
    /// Raises
    /// ------
    /// Removed, Forked, Closed, InvalidArgument, InvalidType
    ///     As `write`.
    #[pyo3(signature = (data, at=None))]
    fn write_bytes(&self, data: &Bound<'_, PyAny>, at: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        let py = data.py();
        let at = at.map(|at| utc_ns("at", at)).transpose()?;
        let data = Bytes::of(data)?;
        let data = data.slice(py)?;
        self.with(py, data.len(), |writer| match at {
            Some(capture_utc_ns) => writer.write_bytes_at(data, capture_utc_ns),
            None => writer.write_bytes(data),
        })
    }

    /// Record a gap between the last write and the next one.
    ///
    /// Parameters
    /// ----------
    /// reason : str, default "requested"
    ///     One of the reasons that `Gap` lists.
    /// duration : float or timedelta, optional
    ///     The missing time in seconds; by default computed from the times of the writes.
    ///
    /// Raises
    /// ------
    /// InvalidArgument, InvalidType
    ///     If `reason` is unknown, or `duration` is none.
    /// Closed
    ///     After `close`.
    #[pyo3(signature = (reason="requested", duration=None))]
    fn gap(
        &self,
        py: Python<'_>,
        #[pyo3(from_py_with = named::reason)] reason: &str,
        duration: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let known = GapReason::ALL.into_iter().find(|known| known.name() == reason);
        let known = known.ok_or_else(|| {
            invalid(py, "reason", format!("{reason:?}"), GapReason::ALL.map(GapReason::name).join(", "))
        })?;
        let duration = optional_duration("duration", duration)?;
        self.with(py, 0, |writer| {
            match duration {
                Some(duration) => writer.gap_for(known, duration),
                None => writer.gap(known),
            }
            Ok(())
        })
    }

    /// The number of the next frame to be written.
    #[getter]
    fn next_frame(&self, py: Python<'_>) -> PyResult<u64> {
        self.with(py, 0, |writer| Ok(writer.next_frame()))
    }

    /// A new handle to the buffer.
    #[getter]
    fn buffer(&self) -> CaptureBuffer {
        CaptureBuffer::new(self.buffer.clone())
    }

    /// Release the writer. Idempotent.
    fn close(&self, py: Python<'_>) {
        // SYNC none: a call beside this one finds the writer there or gone.
        self.is_closed.store(true, Ordering::Relaxed);
        let writer = self.lock(py).and_then(|mut writer| writer.take());
        py.detach(|| drop(writer));
    }

    /// True if the writer is closed.
    #[getter]
    fn closed(&self) -> bool {
        self.is_closed.load(Ordering::Relaxed)
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
        let state = match self.lock(py).as_deref() {
            Some(Some(writer)) => format!("at frame {}", writer.next_frame()),
            Some(None) => "closed".to_owned(),
            None => "of the parent process".to_owned(),
        };
        format!("<capbuf.Writer of {:?}, {state}>", self.buffer.source().to_string())
    }
}

refuses_pickling!(Writer, "a buffer has one writer; end it, and take it elsewhere with CaptureBuffer.writer");
