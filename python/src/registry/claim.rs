//! Who is about to claim a source.

use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::handle::Handle;

/// A claim to be the one who feeds a source, from before it is opened and has a buffer.
///
/// Held until `close`, the end of a ``with`` block or the garbage collector, or, in a domain, until its process dies.
#[pyclass(module = "capbuf", frozen, weakref)]
pub(crate) struct SourceClaim {
    claim: Handle<capbuf::SourceClaim>,
    source: String,
}

impl SourceClaim {
    pub(crate) fn new(claim: capbuf::SourceClaim, source: &str) -> Self {
        Self { claim: Handle::new("claim", claim), source: source.to_owned() }
    }
}

#[pymethods]
impl SourceClaim {
    /// The source, as it was given.
    #[getter]
    fn source(&self) -> &str {
        &self.source
    }

    /// Gives the claim back. Closing again is harmless.
    fn close(&self, py: Python<'_>) {
        self.claim.close(py);
    }

    /// Whether it was closed.
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
