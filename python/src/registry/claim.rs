//! The class `SourceClaim`: the exclusive right to open a source.

use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::Registry;
use crate::arguments::named;
use crate::errors::OrRaise as _;
use crate::pickling::refuses_pickling;
use crate::waiting::{Handle, interruptible};

/// An exclusive claim on a source. See `Registry.claim_source`.
///
/// Released by `close`, the end of a ``with`` block, the garbage collector, or, in a domain, the
/// end of its process.
#[pyclass(module = "capbuf", frozen, weakref)]
pub(crate) struct SourceClaim {
    claim: Handle<capbuf::SourceClaim>,
    source: String,
}

#[pymethods]
impl Registry {
    /// Claim a source exclusively, before it is opened and has a buffer.
    ///
    /// A second process that would connect to the same camera is refused before it does. The claim
    /// is independent of the buffer's writer. Ctrl-C ends a wait for another process.
    ///
    /// Parameters
    /// ----------
    /// source : str
    ///     The name of the source.
    ///
    /// Returns
    /// -------
    /// SourceClaim
    ///
    /// Raises
    /// ------
    /// WriterBusy
    ///     While another claim on the source exists; `pid` and `program` identify its process.
    /// InvalidSource
    ///     If the name is not allowed.
    ///
    /// Examples
    /// --------
    /// >>> import capbuf
    /// >>> registry = capbuf.Registry.private()
    /// >>> with registry.claim_source("rtsp://camera/1"):
    /// ...     registry.claim_source("rtsp://camera/1")
    /// Traceback (most recent call last):
    /// capbuf.WriterBusy: source rtsp://camera/1 has a writer already
    fn claim_source(
        &self,
        py: Python<'_>,
        #[pyo3(from_py_with = named::source)] source: &str,
    ) -> PyResult<SourceClaim> {
        let registry = self.registry(py)?;
        let claimed = source.to_owned();
        let claim = interruptible(py, move || registry.claim_source(&claimed))?.or_raise(py)?;
        Ok(SourceClaim { claim: Handle::new("claim", claim), source: source.to_owned() })
    }
}

#[pymethods]
impl SourceClaim {
    /// The name of the source, unredacted.
    #[getter]
    fn source(&self) -> &str {
        &self.source
    }

    /// Release the claim. Idempotent.
    fn close(&self, py: Python<'_>) {
        self.claim.close(py);
    }

    /// True if the claim is released.
    #[getter]
    fn closed(&self) -> bool {
        self.claim.is_closed()
    }

    fn __enter__<'py>(slf: Bound<'py, Self>) -> PyResult<Bound<'py, Self>> {
        slf.get().claim.with(slf.py(), |_| ())?;
        Ok(slf)
    }

    #[pyo3(signature = (*_args))]
    fn __exit__(&self, py: Python<'_>, _args: &Bound<'_, PyTuple>) {
        self.close(py);
    }

    fn __repr__(&self) -> String {
        let state = if self.closed() { ", closed" } else { "" };
        format!("<capbuf.SourceClaim of {:?}{state}>", capbuf::redact(&self.source))
    }
}

refuses_pickling!(SourceClaim, "it belongs to its process; claim the source there with Registry.claim_source");
