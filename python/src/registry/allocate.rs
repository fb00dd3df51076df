//! Allocating the buffer of a source.

use capbuf::{AllocateOptions, Lifetime};
use pyo3::prelude::*;

use super::{CallSite, Registry};
use crate::arguments::{self, named};
use crate::buffer::CaptureBuffer;
use crate::errors::{OrRaise as _, invalid};
use crate::waiting::interruptible;

fn options(py: Python<'_>, lifetime: &str) -> PyResult<AllocateOptions> {
    let known = [Lifetime::UntilRemoved, Lifetime::WhileOpen];
    let found = known.into_iter().find(|known| known.name() == lifetime);
    let refused = || invalid(py, "lifetime", format!("{lifetime:?}"), known.map(Lifetime::name).join(", "));
    Ok(AllocateOptions::new().lifetime(found.ok_or_else(refused)?))
}

/// Calls `call` on a thread of its own, as it may wait; Ctrl-C ends the wait.
fn on_own_thread(
    py: Python<'_>,
    registry: capbuf::Registry,
    call: impl FnOnce(&capbuf::Registry) -> capbuf::Result<capbuf::CaptureBuffer> + Send + 'static,
) -> PyResult<CaptureBuffer> {
    let call_site = CallSite::of(py, &registry);
    let call = move || call_site.run(|| call(&registry));
    interruptible(py, call)?.or_raise(py).map(CaptureBuffer::new)
}

#[pymethods]
impl Registry {
    /// Get the buffer of a source, or allocate it: exactly once among all threads and processes.
    ///
    /// A hit costs one lookup and never waits. A miss allocates; concurrent callers for the same
    /// source wait for that allocation, and Ctrl-C ends the wait.
    ///
    /// Parameters
    /// ----------
    /// source : str
    ///     The name of the source: 1 to 1024 bytes without control characters.
    /// seconds : float or timedelta
    ///     The length of the buffer.
    /// sample_rate_hz : int, default 48000
    ///     Frames a second, 1 to 768000.
    /// channels : int, default 1
    ///     Samples a frame, 1 to 64.
    /// sample_format : str, default "s16"
    ///     "s16", "s24", "s32" or "f32".
    /// lifetime : str, default "until removed"
    ///     "until removed", or "while open": freed when no process has the buffer open. For a
    ///     buffer of a domain that this call allocates.
    ///
    /// Returns
    /// -------
    /// CaptureBuffer
    ///
    /// Raises
    /// ------
    /// SpecMismatch
    ///     If the source has a buffer of another shape (`existing`), which stays unchanged. Only a
    ///     recorder that holds the source's claim replaces it, if it is orphaned: its recorder was
    ///     killed.
    /// InvalidArgument, InvalidType, InvalidSource
    ///     If an argument is outside of what is allowed.
    /// OverBudget, OutOfMemory, OutOfSpace
    ///     If the memory is not available. The call may be repeated.
    /// System, Forbidden, LayoutMismatch, Corrupt
    ///     If the files of the domain are inaccessible or damaged.
    #[pyo3(
        signature = (source, *, seconds, sample_rate_hz=None, channels=None, sample_format="s16", lifetime="until removed"),
        text_signature = "($self, source, *, seconds, sample_rate_hz=48000, channels=1, sample_format='s16', \
                          lifetime='until removed')"
    )]
    fn get_or_allocate(
        &self,
        py: Python<'_>,
        #[pyo3(from_py_with = named::source)] source: &str,
        seconds: &Bound<'_, PyAny>,
        sample_rate_hz: Option<&Bound<'_, PyAny>>,
        channels: Option<&Bound<'_, PyAny>>,
        #[pyo3(from_py_with = named::sample_format)] sample_format: &str,
        #[pyo3(from_py_with = named::lifetime)] lifetime: &str,
    ) -> PyResult<CaptureBuffer> {
        let spec = arguments::spec(seconds, sample_rate_hz, channels, sample_format)?;
        let options = options(py, lifetime)?;
        let hit =
            self.handle.with(py, |registry| CallSite::of(py, registry).run(|| registry.get_allocated(source, spec)))?;
        if let Some(buffer) = hit {
            return Ok(CaptureBuffer::new(buffer));
        }
        // A miss may wait for another thread or process: on a thread of its own, for Ctrl-C.
        let (registry, source) = (self.registry(py)?, source.to_owned());
        on_own_thread(py, registry, move |registry| registry.get_or_allocate_with(&source, spec, &options))
    }

    /// Allocate the buffer of a source that has none, in no process of the domain.
    ///
    /// Parameters
    /// ----------
    /// source, seconds, sample_rate_hz, channels, sample_format, lifetime
    ///     As `get_or_allocate`.
    ///
    /// Returns
    /// -------
    /// CaptureBuffer
    ///
    /// Raises
    /// ------
    /// AlreadyExists
    ///     If the source has a buffer (`existing` is its shape), which stays unchanged.
    /// InvalidArgument, InvalidType, InvalidSource, OverBudget, OutOfMemory, OutOfSpace
    ///     As `get_or_allocate`.
    /// System, Forbidden, LayoutMismatch, Corrupt
    ///     As `get_or_allocate`.
    #[pyo3(
        signature = (source, *, seconds, sample_rate_hz=None, channels=None, sample_format="s16", lifetime="until removed"),
        text_signature = "($self, source, *, seconds, sample_rate_hz=48000, channels=1, sample_format='s16', \
                          lifetime='until removed')"
    )]
    fn allocate(
        &self,
        py: Python<'_>,
        #[pyo3(from_py_with = named::source)] source: String,
        seconds: &Bound<'_, PyAny>,
        sample_rate_hz: Option<&Bound<'_, PyAny>>,
        channels: Option<&Bound<'_, PyAny>>,
        #[pyo3(from_py_with = named::sample_format)] sample_format: &str,
        #[pyo3(from_py_with = named::lifetime)] lifetime: &str,
    ) -> PyResult<CaptureBuffer> {
        let spec = arguments::spec(seconds, sample_rate_hz, channels, sample_format)?;
        let (registry, options) = (self.registry(py)?, options(py, lifetime)?);
        on_own_thread(py, registry, move |registry| registry.allocate_with(&source, spec, &options))
    }
}
