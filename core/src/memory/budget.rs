//! The budget of a registry, and the counts of its rings.

use crate::error::{Error, Result};
use crate::sync::{AtomicU64, Ordering, PlainArc};

/// The counts of one registry. They outlive it as long as one of its buffers does.
#[derive(Debug)]
pub(crate) struct Budget {
    limit_bytes: u64,
    used_bytes: AtomicU64,
    allocated: AtomicU64,
    mapped: AtomicU64,
    unmapped: AtomicU64,
}

/// Allocation counts of a registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RegistryStats {
    /// Rings that this registry allocated so far.
    pub rings_allocated: u64,
    /// Rings that this registry mapped so far: its own, and those found in its domain.
    pub rings_mapped: u64,
    /// Rings that were unmapped again.
    pub rings_unmapped: u64,
    /// Bytes of the rings that this registry allocated and has mapped, or has reserved.
    pub bytes: u64,
    /// Upper bound of `bytes`.
    pub budget_bytes: u64,
}

impl Budget {
    pub(crate) fn new(limit_bytes: u64) -> PlainArc<Self> {
        let (used_bytes, allocated, mapped, unmapped) = Default::default();
        PlainArc::new(Self { limit_bytes, used_bytes, allocated, mapped, unmapped })
    }

    /// Reserves bytes before they are mapped. Lock-free.
    pub(crate) fn reserve(self: &PlainArc<Self>, requested_bytes: u64) -> Result<Charge> {
        // SYNC budget (reserve): compare-and-set of the sum; nothing else depends on its order.
        let reserved = self.used_bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used_bytes| {
            used_bytes.checked_add(requested_bytes).filter(|sum| *sum <= self.limit_bytes)
        });
        match reserved {
            Ok(_) => Ok(Charge { budget: PlainArc::clone(self), bytes: requested_bytes, mapped: false }),
            Err(used_bytes) => Err(Error::OverBudget {
                requested_bytes,
                used_bytes,
                limit_bytes: self.limit_bytes,
                scope: "the registry's budget",
            }),
        }
    }

    /// A charge of zero bytes, for a ring that another registry allocated.
    pub(crate) fn nothing(self: &PlainArc<Self>) -> Charge {
        Charge { budget: PlainArc::clone(self), bytes: 0, mapped: false }
    }

    pub(crate) fn stats(&self) -> RegistryStats {
        RegistryStats {
            // SYNC stats (unmapped): loaded first, as it only grows after the other: never more
            // unmapped than mapped.
            rings_unmapped: self.unmapped.load(Ordering::Acquire),
            rings_mapped: self.mapped.load(Ordering::Relaxed),
            rings_allocated: self.allocated.load(Ordering::Relaxed),
            bytes: self.used_bytes.load(Ordering::Relaxed),
            budget_bytes: self.limit_bytes,
        }
    }
}

/// Reserved bytes; returned when dropped.
#[derive(Debug)]
pub(crate) struct Charge {
    budget: PlainArc<Budget>,
    bytes: u64,
    mapped: bool,
}

impl Charge {
    /// Counts the ring that these bytes were reserved for.
    pub(crate) fn count_allocated(&mut self) {
        self.budget.allocated.fetch_add(1, Ordering::Relaxed);
        self.count_mapped();
    }

    /// Reserves more bytes in the same budget.
    pub(crate) fn reserve(&self, requested_bytes: u64) -> Result<Self> {
        self.budget.reserve(requested_bytes)
    }

    /// Takes the charge out, and leaves one of zero bytes.
    pub(crate) fn take(&mut self) -> Self {
        let nothing = self.budget.nothing();
        std::mem::replace(self, nothing)
    }

    /// Counts a mapping.
    pub(crate) fn count_mapped(&mut self) {
        self.mapped = true;
        // SYNC none: the thread that unmaps the ring got it from this one.
        self.budget.mapped.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        if self.mapped {
            // SYNC stats (unmap): after it was counted as mapped.
            self.budget.unmapped.fetch_add(1, Ordering::Release);
        }
        // SYNC budget (return): another caller may reserve them now.
        self.budget.used_bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
