//! The class `Capture`, its state, and the function `record`.
//!
//! May use `errors`, `arguments`, `waiting`, `buffer` and `registry`; used by `station`.

mod start;
mod state;

use pyo3::prelude::*;
use pyo3::types::PyTuple;

pub(crate) use start::record;
pub(crate) use state::State;

use crate::buffer::CaptureBuffer;
use crate::callback::{Held, Running};
use crate::errors::OrRaise as _;
use crate::pickling::refuses_pickling;
use crate::waiting::interruptible;

/// A source that is captured into its buffer on a thread that needs no interpreter. See `record`.
///
/// A lost source is opened again after growing delays; the buffer keeps its audio and records the
/// gap. Stopped by `stop`, the end of a ``with`` block, the last reference or the end of the
/// program; the buffer stays in its registry.
#[pyclass(module = "capbuf", frozen, weakref)]
pub(crate) struct Capture {
    capture: Running<capbuf_capture::Capture>,
}

impl Capture {
    fn new(capture: capbuf_capture::Capture) -> Self {
        Self { capture: Running::new("capture", capture) }
    }

    fn running<'py>(&self, py: Python<'py>) -> PyResult<Held<'py, capbuf_capture::Capture>> {
        self.capture.get(py)
    }
}

#[pymethods]
impl Capture {
    /// A handle to the buffer.
    #[getter]
    fn buffer(&self, py: Python<'_>) -> PyResult<CaptureBuffer> {
        Ok(CaptureBuffer::new(self.running(py)?.buffer()))
    }

    /// The current state. Stale at once.
    #[getter]
    fn state(&self, py: Python<'_>) -> PyResult<State> {
        Ok(State::new(py, &self.running(py)?.state()))
    }

    /// Stop, and wait up to five seconds until the source is closed. Idempotent.
    ///
    /// Other threads run meanwhile, and Ctrl-C ends the wait.
    ///
    /// Returns
    /// -------
    /// bool
    ///     True if the source is closed; false if a sound server or driver does not respond.
    fn stop(&self, py: Python<'_>) -> PyResult<bool> {
        let capture = self.capture.share(py)?;
        capture.check_process().or_raise(py)?;
        capture.request_stop();
        interruptible(py, move || capture.stop())
    }

    /// Stop: as `stop`.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        // A child closes its handle, and nothing of its parent's.
        if self.running(py)?.check_process().is_ok() {
            self.stop(py)?;
        }
        Ok(())
    }

    fn __enter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    #[pyo3(signature = (*_args))]
    fn __exit__(&self, py: Python<'_>, _args: &Bound<'_, PyTuple>) -> PyResult<()> {
        self.close(py)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let capture = self.running(py)?;
        Ok(format!("<capbuf.Capture of {:?}, {}>", capture.buffer().source().to_string(), capture.state()))
    }
}

refuses_pickling!(Capture, "it belongs to its process; read its buffer elsewhere by the domain and the source");
