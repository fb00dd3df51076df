//! What a registry counts.

use pyo3::prelude::*;

/// What a registry has allocated so far and what of it is alive.
///
/// Attributes
/// ----------
/// rings_allocated : int
///     Rings that this registry made, ever.
/// rings_mapped, rings_unmapped : int
///     Rings that were mapped, ever, its own and those that it found in its domain; and unmapped again.
/// bytes, budget_bytes : int
///     Bytes of the rings that this registry made and has mapped; bytes that may be.
#[pyclass(module = "capbuf", frozen, eq, get_all)]
#[derive(PartialEq)]
pub(crate) struct Stats {
    pub(crate) rings_allocated: u64,
    pub(crate) rings_mapped: u64,
    pub(crate) rings_unmapped: u64,
    pub(crate) bytes: u64,
    pub(crate) budget_bytes: u64,
}

#[pymethods]
impl Stats {
    fn __repr__(&self) -> String {
        let Self { rings_allocated, rings_mapped, rings_unmapped, bytes, .. } = self;
        let mapped = rings_mapped - rings_unmapped;
        format!("<capbuf.Stats {rings_allocated} rings allocated, {mapped} mapped, {bytes} bytes>")
    }
}

/// What a sweep took away.
///
/// Attributes
/// ----------
/// processes : int
///     Processes that died without saying goodbye.
/// buffers : int
///     Buffers that were to stay only while a process has them open.
/// leftovers : int
///     Buffers that were being made when their maker died, and other leftovers.
#[pyclass(module = "capbuf", frozen, eq, get_all)]
#[derive(PartialEq)]
pub(crate) struct Swept {
    pub(crate) processes: usize,
    pub(crate) buffers: usize,
    pub(crate) leftovers: usize,
}

#[pymethods]
impl Swept {
    fn __repr__(&self) -> String {
        let Self { processes, buffers, leftovers } = self;
        format!("<capbuf.Swept {processes} processes, {buffers} buffers, {leftovers} leftovers>")
    }
}
