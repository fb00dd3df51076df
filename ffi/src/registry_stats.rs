//! Allocation counts of a registry, and the release of unused memory.

use crate::boundary::arguments::{deref, versioned_out, versioned_struct};
use crate::boundary::error_detail::capbuf_error;
use crate::boundary::guard::guard;
use crate::boundary::status::capbuf_status;
use crate::registry_open::capbuf_registry;

/// Allocation counts of a registry.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct capbuf_registry_stats {
    /// Set it to `sizeof(capbuf_registry_stats)` before the call.
    pub struct_size: usize,
    /// Rings that this registry allocated, in total.
    pub rings_allocated: u64,
    /// Rings mapped, in total: its own, and those that others allocated in its domain.
    pub rings_mapped: u64,
    /// Rings unmapped, in total.
    pub rings_unmapped: u64,
    /// Bytes of the rings that this registry allocated and has mapped, or has reserved.
    pub bytes: u64,
    /// The limit of `bytes`.
    pub budget_bytes: u64,
}

versioned_struct!(capbuf_registry_stats);

/// Copies the allocation counts of `registry`.
///
/// Threads: any. Cost: allocates nothing.
/// Errors: the common ones.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_registry_get_stats(
    registry: *const capbuf_registry,
    stats: *mut capbuf_registry_stats,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (registry, out) = (deref!(registry), versioned_out!(stats));
        let stats = registry.0.stats();
        out.write(capbuf_registry_stats {
            struct_size: 0,
            rings_allocated: stats.rings_allocated,
            rings_mapped: stats.rings_mapped,
            rings_unmapped: stats.rings_unmapped,
            bytes: stats.bytes,
            budget_bytes: stats.budget_bytes,
        });
        Ok(())
    })
}

/// Removes from the domain the files of processes that died.
///
/// Threads: any. Cost: system calls for every buffer of the domain.
/// Errors: SYSTEM.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_registry_sweep(
    registry: *const capbuf_registry,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || Ok(deref!(registry).0.sweep().map(|_| ())?))
}

/// Releases the memory in the pool (`pool_bytes` of `capbuf_registry_options`). Memory that is
/// being overwritten with zeros stays.
///
/// Threads: any. Cost: system calls.
/// Errors: the common ones.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_registry_trim_pool(
    registry: *const capbuf_registry,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || Ok(deref!(registry).0.trim_pool()?))
}
