//! Counters of a registry, and the sweep of a domain.

use pyo3::prelude::*;

use super::Registry;
use crate::errors::OrRaise as _;
use crate::pickling::pickled;
use crate::waiting::interruptible;

/// Counters of the allocations of a registry.
///
/// Attributes
/// ----------
/// rings_allocated : int
///     Rings that this registry allocated, ever.
/// rings_mapped, rings_unmapped : int
///     Rings that this registry mapped, its own and others of its domain, and unmapped again; ever.
/// bytes, budget_bytes : int
///     The mapped memory of rings that this registry allocated, and its limit.
#[pyclass(module = "capbuf", frozen, eq, get_all)]
#[derive(PartialEq)]
pub(crate) struct Stats {
    rings_allocated: u64,
    rings_mapped: u64,
    rings_unmapped: u64,
    bytes: u64,
    budget_bytes: u64,
}

#[pymethods]
impl Stats {
    fn __repr__(&self) -> String {
        let Self { rings_allocated, rings_mapped, rings_unmapped, bytes, .. } = self;
        let mapped = rings_mapped - rings_unmapped;
        format!("<capbuf.Stats {rings_allocated} rings allocated, {mapped} mapped, {bytes} bytes>")
    }
}

/// The result of a sweep.
///
/// Attributes
/// ----------
/// processes : int
///     Processes that died without closing the domain.
/// buffers : int
///     Buffers freed because their lifetime was "while open".
/// leftovers : int
///     Incomplete buffers and other files of dead processes.
#[pyclass(module = "capbuf", frozen, eq, get_all)]
#[derive(PartialEq)]
pub(crate) struct Swept {
    processes: usize,
    buffers: usize,
    leftovers: usize,
}

#[pymethods]
impl Swept {
    fn __repr__(&self) -> String {
        let Self { processes, buffers, leftovers } = self;
        format!("<capbuf.Swept {processes} processes, {buffers} buffers, {leftovers} leftovers>")
    }
}

#[pymethods]
impl Registry {
    /// Return counters of mapped memory, handles to removed buffers included. Wait-free.
    ///
    /// Returns
    /// -------
    /// Stats
    fn stats(&self, py: Python<'_>) -> PyResult<Stats> {
        let stats = self.handle.with(py, capbuf::Registry::stats)?;
        Ok(Stats {
            rings_allocated: stats.rings_allocated,
            rings_mapped: stats.rings_mapped,
            rings_unmapped: stats.rings_unmapped,
            bytes: stats.bytes,
            budget_bytes: stats.budget_bytes,
        })
    }

    /// Free what dead processes of the domain left behind; does nothing in a private registry.
    ///
    /// Looks at every buffer of the domain. Opening a domain does the same if a process died.
    ///
    /// Returns
    /// -------
    /// Swept
    ///
    /// Raises
    /// ------
    /// System
    ///     If the folder of the domain can't be listed or changed.
    fn sweep(&self, py: Python<'_>) -> PyResult<Swept> {
        let registry = self.registry(py)?;
        let swept = interruptible(py, move || registry.sweep())?.or_raise(py)?;
        Ok(Swept { processes: swept.processes, buffers: swept.buffers, leftovers: swept.leftovers })
    }
}

pickled!(Stats { rings_allocated, rings_mapped, rings_unmapped, bytes, budget_bytes });

pickled!(Swept { processes, buffers, leftovers });
