//! Lookups: the registry as a mapping.

use capbuf::Error;
use pyo3::prelude::*;
use pyo3::types::{PyIterator, PyList};

use super::{CallSite, Registry};
use crate::arguments::named;
use crate::buffer::CaptureBuffer;
use crate::errors::OrRaise as _;
use crate::waiting::interruptible;

#[pymethods]
impl Registry {
    /// Get the buffer of a source, or None if it has none. Never waits for another thread.
    ///
    /// In a domain, a source that this registry has not seen yet costs system calls, and a wait
    /// while another process is removing it; Ctrl-C ends the wait.
    ///
    /// Parameters
    /// ----------
    /// source : str
    ///     The name of the source.
    ///
    /// Returns
    /// -------
    /// CaptureBuffer or None
    ///
    /// Raises
    /// ------
    /// capbuf.Error
    ///     If its buffer is there, or may be, and can't be opened.
    fn get(
        &self,
        py: Python<'_>,
        #[pyo3(from_py_with = named::source)] source: &str,
    ) -> PyResult<Option<CaptureBuffer>> {
        let find = |registry: &capbuf::Registry| {
            if registry.lookup_may_wait(source) {
                return None;
            }
            Some(CallSite::of(py, registry).run(|| registry.try_get(source)))
        };
        let found = match self.handle.with(py, find)? {
            Some(found) => found,
            None => {
                let (registry, source) = (self.registry(py)?, source.to_owned());
                let call_site = CallSite::of(py, &registry);
                interruptible(py, move || call_site.run(|| registry.try_get(&source)))?
            }
        };
        Ok(found.or_raise(py)?.map(CaptureBuffer::new))
    }

    fn __getitem__(
        &self,
        py: Python<'_>,
        #[pyo3(from_py_with = named::source)] source: &str,
    ) -> PyResult<CaptureBuffer> {
        let not_found = || Error::NotFound { source_name: capbuf::redact(source) };
        self.get(py, source)?.ok_or_else(not_found).or_raise(py)
    }

    fn __contains__(&self, py: Python<'_>, #[pyo3(from_py_with = named::source)] source: &str) -> PyResult<bool> {
        let look =
            |registry: &capbuf::Registry| (!registry.lookup_may_wait(source)).then(|| registry.try_contains(source));
        let found = match self.handle.with(py, look)? {
            Some(found) => found,
            None => {
                let (registry, source) = (self.registry(py)?, source.to_owned());
                interruptible(py, move || registry.try_contains(&source))?
            }
        };
        found.or_raise(py)
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        let registry = self.registry(py)?;
        Ok(interruptible(py, move || registry.try_buffers())?.or_raise(py)?.len())
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        let registry = self.registry(py)?;
        let buffers = interruptible(py, move || registry.try_buffers())?.or_raise(py)?;
        PyList::new(py, buffers.iter().map(|buffer| buffer.source().as_str()))?.try_iter()
    }

    /// List handles to all buffers, sorted by source. A snapshot; maps all buffers of a domain.
    ///
    /// Returns
    /// -------
    /// list of CaptureBuffer
    fn buffers(&self, py: Python<'_>) -> PyResult<Vec<CaptureBuffer>> {
        let registry = self.registry(py)?;
        let buffers = interruptible(py, move || registry.try_buffers())?.or_raise(py)?;
        Ok(buffers.into_iter().map(CaptureBuffer::new).collect())
    }
}
