//! The domains of this user, and names without secrets.

use std::path::PathBuf;

use pyo3::prelude::*;

use crate::blocking::interruptible;
use crate::errors::OrRaise as _;

/// What there is to see of a domain from outside.
///
/// Attributes
/// ----------
/// name : str
///     Its name.
/// path : pathlib.Path
///     Its folder.
/// buffers, bytes : int
///     How many buffers it has, and what they take.
/// processes : int
///     How many living processes have it open.
/// has_dead : bool
///     Whether there is something to sweep: traces of processes that died.
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

/// Lists the domains of this user, by name.
///
/// Parameters
/// ----------
/// folder : str or os.PathLike, optional
///     Where they lie, if not where ``CAPBUF_DIR`` or the default says.
///
/// Returns
/// -------
/// list of DomainInfo
///
/// Raises
/// ------
/// Forbidden, System
///     If the folder is not this user's alone, or can't be listed.
#[pyfunction]
#[pyo3(signature = (*, folder=None))]
pub(crate) fn domains(py: Python<'_>, folder: Option<PathBuf>) -> PyResult<Vec<DomainInfo>> {
    let found = py.detach(|| capbuf::domains(folder.as_deref())).or_raise(py)?;
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

/// Removes a domain: all its buffers, as `Registry.remove` does, and its folder, if no process has it open.
///
/// Parameters
/// ----------
/// name : str
///     The domain.
/// folder : str or os.PathLike, optional
///     Where it lies, if not where ``CAPBUF_DIR`` or the default says.
///
/// Raises
/// ------
/// NotFound
///     If there is none of this name.
/// InvalidArgument, Forbidden, System
///     As `open`.
#[pyfunction]
#[pyo3(signature = (name, *, folder=None))]
pub(crate) fn remove_domain(py: Python<'_>, name: String, folder: Option<PathBuf>) -> PyResult<()> {
    interruptible(py, move || capbuf::remove_domain(&name, folder.as_deref()))?.or_raise(py)
}

/// Shows a source without the user and password of a URL and without the values of parameters that look like secrets.
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
pub(crate) fn redact(source: &str) -> String {
    capbuf::redact(source)
}
