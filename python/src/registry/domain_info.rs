//! The domains of this user, and source names without credentials.

use std::path::PathBuf;

use pyo3::prelude::*;

use crate::arguments::named;
use crate::errors::OrRaise as _;
use crate::pickling::pickled;
use crate::waiting::interruptible;

/// A domain as seen from outside. See `domains`.
///
/// Attributes
/// ----------
/// name : str
///     The name of the domain.
/// path : pathlib.Path
///     The folder of the domain.
/// buffers, bytes : int
///     The number of buffers, and their memory.
/// processes : int
///     The living processes that have the domain open.
/// has_dead : bool
///     True if files of dead processes are left: see `Registry.sweep`.
#[pyclass(module = "capbuf", frozen, get_all)]
pub(crate) struct DomainInfo {
    name: String,
    path: PathBuf,
    buffers: usize,
    bytes: u64,
    processes: usize,
    has_dead: bool,
}

#[pymethods]
impl DomainInfo {
    fn __repr__(&self) -> String {
        let Self { name, buffers, processes, .. } = self;
        format!("<capbuf.DomainInfo {name:?}: {buffers} buffers, {processes} processes>")
    }
}

/// List the domains of this user, sorted by name.
///
/// Parameters
/// ----------
/// folder : str or os.PathLike, optional
///     The folder of all domains; by default ``$CAPBUF_DIR``, or a folder in shared memory.
///
/// Returns
/// -------
/// list of DomainInfo
///
/// Raises
/// ------
/// Forbidden, System
///     If others may access the folder, or it can't be listed.
#[pyfunction]
#[pyo3(signature = (*, folder=None))]
pub(crate) fn domains(
    py: Python<'_>,
    #[pyo3(from_py_with = named::optional_folder)] folder: Option<PathBuf>,
) -> PyResult<Vec<DomainInfo>> {
    let found = interruptible(py, move || capbuf::domains(folder.as_deref()))?.or_raise(py)?;
    let info = |domain: capbuf::DomainInfo| DomainInfo {
        name: domain.name,
        path: domain.path,
        buffers: domain.buffers,
        bytes: domain.bytes,
        processes: domain.processes,
        has_dead: domain.has_dead,
    };
    Ok(found.into_iter().map(info).collect())
}

/// Remove a domain: all its buffers, as `Registry.remove` does, and its folder unless in use.
///
/// Parameters
/// ----------
/// name : str
///     The name of the domain.
/// folder : str or os.PathLike, optional
///     As `domains`.
///
/// Raises
/// ------
/// NotFound
///     If there is no such domain.
/// InvalidArgument, Forbidden, System
///     As `open`.
#[pyfunction]
#[pyo3(signature = (name, *, folder=None))]
pub(crate) fn remove_domain(
    py: Python<'_>,
    #[pyo3(from_py_with = named::name)] name: String,
    #[pyo3(from_py_with = named::optional_folder)] folder: Option<PathBuf>,
) -> PyResult<()> {
    interruptible(py, move || capbuf::remove_domain(&name, folder.as_deref()))?.or_raise(py)
}

/// Redact a source name: of a URL, scheme, host and port stay, and what is common of the path and
/// the parameters; the rest is `***`.
///
/// Parameters
/// ----------
/// source : str
///     The name of a source.
///
/// Returns
/// -------
/// str
///
/// Examples
/// --------
/// >>> import capbuf
/// >>> capbuf.redact("rtsp://admin:hunter2@10.0.0.7/stream?token=abc&channel=1")
/// 'rtsp://***@10.0.0.7/stream?token=***&channel=1'
#[pyfunction]
pub(crate) fn redact(#[pyo3(from_py_with = named::source)] source: &str) -> String {
    capbuf::redact(source)
}

pickled!(DomainInfo { name, path, buffers, bytes, processes, has_dead });
