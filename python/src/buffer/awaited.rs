//! Reads that wait in an event loop: methods of `CaptureBuffer`.
//!
//! The coroutine in `_asyncio.py` sleeps between calls of `_poll`.

use std::time::Duration;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::CaptureBuffer;
use super::request::{Request, Waiting, by_frames, by_time, newest};
use crate::arguments::{Wait, named};
use crate::arrays::Target;

/// Creates the coroutine of a read.
fn coroutine<'py>(
    slf: &Bound<'py, CaptureBuffer>,
    span: Bound<'py, PyTuple>,
    wait: Wait,
    (available, silence): (bool, Option<bool>),
    (dtype, out): (Option<Bound<'py, PyAny>>, Option<Bound<'py, PyAny>>),
) -> PyResult<Bound<'py, PyAny>> {
    let py = slf.py();
    let module = py.import(intern!(py, "capbuf._asyncio"))?;
    let arguments = (slf, span, wait.to_python(py)?, available, silence, dtype, out);
    module.call_method1(intern!(py, "read"), arguments)
}

#[pymethods]
impl CaptureBuffer {
    /// Copy the audio between two times; awaitable. Waits in the event loop, without a thread.
    ///
    /// Like `read`, but waits without limit by default. Cancelling the task ends the wait.
    ///
    /// Parameters
    /// ----------
    /// start, end, wait, available, silence, dtype, out
    ///     As `read`.
    ///
    /// Returns
    /// -------
    /// Segment
    ///
    /// Raises
    /// ------
    /// TimedOut, Removed, Evicted, Closed
    ///     As `read`.
    /// InvalidRange, InvalidArgument, InvalidType, FormatMismatch, TooSmall
    ///     As `read`.
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
        signature = (start, end, *, wait=Wait::Forever, available=false, silence=None, dtype=None, out=None),
        text_signature = "($self, start, end, *, wait=None, available=False, silence=None, dtype=None, out=None)"
    )]
    fn aread<'py>(
        slf: &Bound<'py, Self>,
        start: &Bound<'py, PyAny>,
        end: &Bound<'py, PyAny>,
        wait: Wait,
        #[pyo3(from_py_with = named::available)] available: bool,
        #[pyo3(from_py_with = named::silence)] silence: Option<bool>,
        dtype: Option<Bound<'py, PyAny>>,
        out: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let span = PyTuple::new(slf.py(), [intern!(slf.py(), "time").as_any(), start, end])?;
        coroutine(slf, span, wait, (available, silence), (dtype, out))
    }

    /// Copy frames by their numbers; awaitable. See `read_frames` and `aread`.
    #[pyo3(
        signature = (first, end, *, wait=Wait::Forever, available=false, silence=None, dtype=None, out=None),
        text_signature = "($self, first, end, *, wait=None, available=False, silence=None, dtype=None, out=None)"
    )]
    fn aread_frames<'py>(
        slf: &Bound<'py, Self>,
        first: &Bound<'py, PyAny>,
        end: &Bound<'py, PyAny>,
        wait: Wait,
        #[pyo3(from_py_with = named::available)] available: bool,
        #[pyo3(from_py_with = named::silence)] silence: Option<bool>,
        dtype: Option<Bound<'py, PyAny>>,
        out: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let span = PyTuple::new(slf.py(), [intern!(slf.py(), "frames").as_any(), first, end])?;
        coroutine(slf, span, wait, (available, silence), (dtype, out))
    }

    /// Copy the newest audio; awaitable. See `last` and `aread`.
    #[pyo3(
        signature = (seconds, *, wait=Wait::Forever, available=false, silence=None, dtype=None, out=None),
        text_signature = "($self, seconds, *, wait=None, available=False, silence=None, dtype=None, out=None)"
    )]
    fn alast<'py>(
        slf: &Bound<'py, Self>,
        seconds: &Bound<'py, PyAny>,
        wait: Wait,
        #[pyo3(from_py_with = named::available)] available: bool,
        #[pyo3(from_py_with = named::silence)] silence: Option<bool>,
        dtype: Option<Bound<'py, PyAny>>,
        out: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let span = PyTuple::new(slf.py(), [intern!(slf.py(), "last").as_any(), seconds])?;
        coroutine(slf, span, wait, (available, silence), (dtype, out))
    }

    /// Look once, for `_asyncio`: the segment, or seconds to sleep as a float.
    fn _poll(
        &self,
        py: Python<'_>,
        span: (String, Bound<'_, PyAny>, Option<Bound<'_, PyAny>>),
        waited: f64,
        is_over: bool,
        available: bool,
        silence: Option<bool>,
        dtype: Option<&Bound<'_, PyAny>>,
        out: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        let span = match &span {
            (kind, first, Some(end)) if kind == "frames" => by_frames(first, end)?,
            (_, start, Some(end)) => by_time(start, end)?,
            (_, seconds, None) => newest(seconds)?,
        };
        let waited = Duration::try_from_secs_f64(waited).unwrap_or_default();
        let request = Request { span, available, silence, waiting: Waiting::Poll { waited, is_over } };
        request.segment(py, &self.handle, &Target::of(dtype, out)?)?.or_seconds(py)
    }
}
