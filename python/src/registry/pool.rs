//! The pool of memory of removed buffers.

use pyo3::prelude::*;

use super::Registry;
use crate::errors::OrRaise as _;

#[pymethods]
impl Registry {
    /// Free the memory of removed buffers that the pool retains (``pool_bytes``).
    ///
    /// A domain retains none.
    fn trim_pool(&self, py: Python<'_>) -> PyResult<()> {
        let registry = self.registry(py)?;
        py.detach(|| registry.trim_pool()).or_raise(py)
    }
}
