//! Who is about to feed a source.

use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::handle::Handle;

/// A claim to be the one who feeds a source, from before it is opened and has a buffer.
///
/// Held until `close`, the end of a ``with`` block or the garbage collector, or, in a domain, until its process dies.
#[pyclass(module = "capbuf", frozen, weakref)]
pub(crate) struct Feed {
    feed: Handle<capbuf::Feed>,
    source: String,
}

impl Feed {
    pub(crate) fn new(feed: capbuf::Feed, source: &str) -> Self {
        Self { feed: Handle::new("claim", feed), source: source.to_owned() }
    }
}

#[pymethods]
impl Feed {
    /// The source, as it was given.
    #[getter]
    fn source(&self) -> &str {
        &self.source
    }

    /// Gives the claim back. Closing again is harmless.
    fn close(&self, py: Python<'_>) {
        self.feed.close(py);
    }

    /// Whether it was closed.
    #[getter]
    fn closed(&self) -> bool {
        self.feed.is_closed()
    }

    fn __enter__<'py>(slf: Bound<'py, Self>) -> PyResult<Bound<'py, Self>> {
        slf.get().feed.with(slf.py(), |_| ())?;
        Ok(slf)
    }

    #[pyo3(signature = (*_args))]
    fn __exit__(&self, py: Python<'_>, _args: &Bound<'_, PyTuple>) {
        self.close(py);
    }

    fn __repr__(&self) -> String {
        let state = if self.closed() { ", closed" } else { "" };
        format!("<capbuf.Feed of {:?}{state}>", capbuf::redact(&self.source))
    }
}
