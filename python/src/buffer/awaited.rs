//! Reads of a buffer that are awaited: the event loop sleeps, by the coroutine in `_asyncio.py`, and looks by `_look`.

use std::time::Duration;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::buffer::CaptureBuffer;
use crate::reading::{self, Pace, Request, Target};
use crate::times::Wait;

/// Begins a read that waits in the event loop, by the coroutine in `_asyncio.py`.
fn begin_read<'py>(
    slf: &Bound<'py, CaptureBuffer>,
    span: Bound<'py, PyTuple>,
    wait: Wait,
    options: (bool, Option<bool>),
    array: (Option<Bound<'py, PyAny>>, Option<Bound<'py, PyAny>>),
) -> PyResult<Bound<'py, PyAny>> {
    let py = slf.py();
    let module = py.import(intern!(py, "capbuf._asyncio"))?;
    let ((available, silence), (dtype, out)) = (options, array);
    let arguments = (slf, span, wait.to_python(py)?, available, silence, dtype, out);
    module.call_method1(intern!(py, "read"), arguments)
}

#[pymethods]
impl CaptureBuffer {
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
        let span = PyTuple::new(slf.py(), [intern!(slf.py(), "time").as_any(), start, end])?;
        begin_read(slf, span, wait, (available, silence), (dtype, out))
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
        let span = PyTuple::new(slf.py(), [intern!(slf.py(), "frames").as_any(), first, end])?;
        begin_read(slf, span, wait, (available, silence), (dtype, out))
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
        let span = PyTuple::new(slf.py(), [intern!(slf.py(), "last").as_any(), seconds])?;
        begin_read(slf, span, wait, (available, silence), (dtype, out))
    }

    /// Looks once for an awaited read, which has waited so many seconds: the segment, or the seconds to sleep.
    fn _look(
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
            (kind, first, Some(end)) if kind == "frames" => reading::by_frames(first, end)?,
            (_, start, Some(end)) => reading::by_time(start, end)?,
            (_, seconds, None) => reading::newest(seconds)?,
        };
        let waited = Duration::try_from_secs_f64(waited).unwrap_or_default();
        let request = Request { span, available, silence, pace: Pace::Look { waited, is_over } };
        request.segment(py, &self.handle, &Target::of(dtype, out)?)?.or_seconds(py)
    }
}
