//! The class `Registry`: allocation, lookup, reports; and the domains of this user.
//!
//! May use `errors`, `arguments`, `waiting` and `buffer`; used by `capture`, `station`, `watch` and
//! `trigger`.

mod allocate;
mod call_site;
mod claim;
mod domain_info;
mod lookup;
mod metrics;
mod opening;
mod pool;
mod report;
mod sources;
mod stats;
mod tracking;

use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::types::PyTuple;

pub(crate) use call_site::CallSite;
pub(crate) use claim::SourceClaim;
pub(crate) use domain_info::{DomainInfo, domains, redact, remove_domain};
pub(crate) use opening::{open, open_domain};
pub(crate) use report::AllocationReport;
pub(crate) use sources::SourceInfo;
pub(crate) use stats::{Stats, Swept};

use crate::arguments::named;
use crate::errors::{OrRaise as _, wrong_type};
use crate::pickling::refuses_pickling;
use crate::waiting::{Handle, interruptible};

/// The allocator of capture buffers: maps each source to its one buffer.
///
/// `open` opens a domain, whose buffers are shared by all processes of this user;
/// `Registry.private` creates a registry of this process alone. A registry is a mapping:
/// ``registry[source]``, ``source in registry``, ``len(registry)``, ``for source in registry``.
///
/// All methods may be called from any thread. ``in``, ``get`` and ``[]`` never wait for another
/// thread. After `close` every method raises `Closed`, in all threads; buffers stay open.
///
/// Examples
/// --------
/// >>> import capbuf
/// >>> registry = capbuf.Registry.private()
/// >>> buffer = registry.get_or_allocate("mic", seconds=60, sample_rate_hz=48000)
/// >>> "mic" in registry, len(registry), list(registry), registry["mic"] == buffer
/// (True, 1, ['mic'], True)
/// >>> registry.get("radio") is None
/// True
/// >>> registry["radio"]
/// Traceback (most recent call last):
/// capbuf.NotFound: source radio has no buffer
#[pyclass(module = "capbuf", frozen, weakref)]
pub(crate) struct Registry {
    handle: Handle<capbuf::Registry>,
}

/// Extracts the argument `registry`.
pub(crate) fn registry_argument<'a>(value: &'a Bound<'_, PyAny>) -> PyResult<&'a Registry> {
    value.cast::<Registry>().map(Bound::get).map_err(|_| wrong_type("registry", value, "Registry"))
}

/// Extracts the optional argument `registry`.
pub(crate) fn optional_registry<'a>(value: &'a Bound<'_, PyAny>) -> PyResult<Option<&'a Registry>> {
    if value.is_none() { Ok(None) } else { registry_argument(value).map(Some) }
}

impl Registry {
    fn new(registry: capbuf::Registry) -> Self {
        Self { handle: Handle::new("registry", registry) }
    }

    /// Returns a registry that outlives `close`, for calls that detach or start threads.
    pub(crate) fn registry(&self, py: Python<'_>) -> PyResult<capbuf::Registry> {
        self.handle.with(py, capbuf::Registry::clone)
    }
}

#[pymethods]
impl Registry {
    /// The name of the domain; None for a private registry.
    #[getter]
    fn domain(&self, py: Python<'_>) -> PyResult<Option<String>> {
        self.handle.with(py, |registry| registry.domain().map(str::to_owned))
    }

    /// The folder of the domain; None for a private registry.
    #[getter]
    fn path(&self, py: Python<'_>) -> PyResult<Option<PathBuf>> {
        self.handle.with(py, |registry| registry.path().map(ToOwned::to_owned))
    }

    /// Remove the buffer of a source, for all processes of the domain.
    ///
    /// Handles stay readable, the writer raises `Removed`, and waiting reads end. The memory is
    /// freed when the last handle is closed.
    ///
    /// Parameters
    /// ----------
    /// source : str
    ///     The name of the source.
    ///
    /// Raises
    /// ------
    /// NotFound
    ///     If the source has no buffer.
    fn remove(&self, py: Python<'_>, #[pyo3(from_py_with = named::source)] source: String) -> PyResult<()> {
        let registry = self.registry(py)?;
        let call_site = CallSite::of(py, &registry);
        interruptible(py, move || call_site.run(|| registry.remove(&source)))?.or_raise(py)
    }

    /// Close this handle to the registry, in all threads; its buffers stay open. Idempotent.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        // It removes buffers that stay only while they are open, under locks.
        if self.handle.with(py, |registry| registry.domain().is_some()).unwrap_or(false) {
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

    fn __repr__(&self, py: Python<'_>) -> String {
        let state = self.handle.with(py, |registry| match registry.domain() {
            Some(domain) => format!("of domain {domain:?}"),
            None => "private".to_owned(),
        });
        format!("<capbuf.Registry {}>", state.unwrap_or_else(|_| "closed".to_owned()))
    }
}

refuses_pickling!(Registry, "it belongs to its process; open the domain there with capbuf.open");
