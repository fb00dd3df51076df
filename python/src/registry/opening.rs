//! Opening a domain, and creating a private registry.

use std::path::PathBuf;

use pyo3::prelude::*;

use super::Registry;
use crate::arguments::{BYTES, named, optional_duration, optional_unsigned};
use crate::errors::OrRaise as _;
use crate::waiting::interruptible;

/// Open, or create, a domain: a set of buffers shared by all processes of this user.
///
/// Frees what crashed processes of the domain left behind.
///
/// Parameters
/// ----------
/// domain : str, optional
///     1 to 64 letters, digits, ``.``, ``_`` and ``-``. By default ``$CAPBUF_DOMAIN``, or
///     ``default``.
/// folder : str or os.PathLike, optional
///     The folder of all domains, which only this user may access; created if missing. By default
///     ``$CAPBUF_DIR``, or a folder in shared memory.
/// budget_bytes : int, optional
///     Limit of the memory of all buffers that this registry allocates; by default half of the
///     machine's memory.
/// max_buffer_bytes : int, optional
///     Limit of the memory of one buffer, or one segment; by default 2 GiB.
/// track_allocations : bool, optional
///     Record allocation attempts from the beginning, see `Registry.enable_allocation_tracking`;
///     by default as ``$DEBUG_BUFFER_ALLOC`` says.
/// pool_bytes : int, optional
///     Limit of the memory of removed buffers that a private registry retains for new ones of the
///     same size; by default none is. Without effect in a domain.
/// grace : float or timedelta, optional
///     Time for which a buffer of the lifetime ``while open`` stays if this process is killed while
///     it records it, at most seven days; the next recorder goes on in it. By default
///     ``$CAPBUF_GRACE`` in seconds, or ten minutes.
///
/// Returns
/// -------
/// Registry
///
/// Raises
/// ------
/// InvalidArgument
///     If the name, or the grace time, is not allowed.
/// Forbidden, System
///     If the folder belongs to another user, others may access it, or it can't be created or
///     opened.
#[pyfunction]
#[pyo3(signature = (domain=None, *, folder=None, budget_bytes=None, max_buffer_bytes=None, track_allocations=None, pool_bytes=None, grace=None))]
pub(crate) fn open(
    py: Python<'_>,
    #[pyo3(from_py_with = named::optional_domain)] domain: Option<String>,
    #[pyo3(from_py_with = named::optional_folder)] folder: Option<PathBuf>,
    budget_bytes: Option<&Bound<'_, PyAny>>,
    max_buffer_bytes: Option<&Bound<'_, PyAny>>,
    #[pyo3(from_py_with = named::track_allocations)] track_allocations: Option<bool>,
    pool_bytes: Option<&Bound<'_, PyAny>>,
    grace: Option<&Bound<'_, PyAny>>,
) -> PyResult<Registry> {
    let mut builder = builder(budget_bytes, max_buffer_bytes, track_allocations, pool_bytes)?;
    if let Some(grace) = optional_duration("grace", grace)? {
        builder = builder.grace(grace);
    }
    if let Some(folder) = folder {
        builder = builder.domains_folder(folder);
    }
    open_with(py, builder, domain)
}

/// Opens a domain with default limits.
pub(crate) fn open_domain(py: Python<'_>, domain: Option<String>) -> PyResult<Registry> {
    open_with(py, capbuf::Registry::builder(), domain)
}

fn open_with(py: Python<'_>, builder: capbuf::RegistryBuilder, domain: Option<String>) -> PyResult<Registry> {
    let opened = interruptible(py, move || match domain {
        Some(domain) => builder.open(&domain),
        None => builder.open_default(),
    })?;
    opened.or_raise(py).map(Registry::new)
}

fn builder(
    budget_bytes: Option<&Bound<'_, PyAny>>,
    max_buffer_bytes: Option<&Bound<'_, PyAny>>,
    track_allocations: Option<bool>,
    pool_bytes: Option<&Bound<'_, PyAny>>,
) -> PyResult<capbuf::RegistryBuilder> {
    let mut builder = capbuf::Registry::builder();
    if let Some(track) = track_allocations {
        builder = builder.track_allocations(track);
    }
    if let Some(bytes) = optional_unsigned("budget_bytes", budget_bytes, BYTES)? {
        builder = builder.budget_bytes(bytes);
    }
    if let Some(bytes) = optional_unsigned("pool_bytes", pool_bytes, BYTES)? {
        builder = builder.pool_bytes(bytes);
    }
    if let Some(bytes) = optional_unsigned("max_buffer_bytes", max_buffer_bytes, BYTES)? {
        builder = builder.max_buffer_bytes(bytes);
    }
    Ok(builder)
}

#[pymethods]
impl Registry {
    /// Open, or create, a domain: see the function `open`.
    #[staticmethod]
    #[pyo3(name = "open", signature = (domain=None, *, folder=None, budget_bytes=None, max_buffer_bytes=None, track_allocations=None, pool_bytes=None, grace=None))]
    fn static_open(
        py: Python<'_>,
        #[pyo3(from_py_with = named::optional_domain)] domain: Option<String>,
        #[pyo3(from_py_with = named::optional_folder)] folder: Option<PathBuf>,
        budget_bytes: Option<&Bound<'_, PyAny>>,
        max_buffer_bytes: Option<&Bound<'_, PyAny>>,
        #[pyo3(from_py_with = named::track_allocations)] track_allocations: Option<bool>,
        pool_bytes: Option<&Bound<'_, PyAny>>,
        grace: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        open(py, domain, folder, budget_bytes, max_buffer_bytes, track_allocations, pool_bytes, grace)
    }

    /// Create a registry that belongs to this process alone.
    ///
    /// Parameters
    /// ----------
    /// budget_bytes, max_buffer_bytes, track_allocations, pool_bytes : optional
    ///     As `open`.
    ///
    /// Returns
    /// -------
    /// Registry
    #[staticmethod]
    #[pyo3(signature = (*, budget_bytes=None, max_buffer_bytes=None, track_allocations=None, pool_bytes=None))]
    fn private(
        budget_bytes: Option<&Bound<'_, PyAny>>,
        max_buffer_bytes: Option<&Bound<'_, PyAny>>,
        #[pyo3(from_py_with = named::track_allocations)] track_allocations: Option<bool>,
        pool_bytes: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        Ok(Self::new(builder(budget_bytes, max_buffer_bytes, track_allocations, pool_bytes)?.build()))
    }
}
