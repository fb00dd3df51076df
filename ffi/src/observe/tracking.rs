//! Allocation tracking, switched on and off.

use crate::boundary::arguments::{deref, out};
use crate::boundary::error_detail::capbuf_error;
use crate::boundary::guard::{guard, guard_wait_free};
use crate::boundary::status::capbuf_status;
use crate::registry_open::capbuf_registry;

/// Starts recording every attempt to get a buffer, with its outcome, time, process and call site,
/// if `enable` is not 0; stops it otherwise.
///
/// The initial setting is the environment's `DEBUG_BUFFER_ALLOC`: `true`, `1`, `yes` or `on`. It
/// also has the report of a private registry printed to stderr: when it is freed, or at `exit` or a
/// return from `main`, but not at `_exit`; and at SIGUSR2, unless the program handles or ignores it
/// when the registry is made.
///
/// An attempt costs one load more while tracking is off. While it is on, an attempt costs some
/// microseconds and no lock, and the records take a fixed amount of memory. Reports resolve call
/// sites from the program's debug information.
///
/// Threads: any. Cost: may allocate the memory of the records.
/// Errors: the common ones.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_registry_enable_allocation_tracking(
    registry: *const capbuf_registry,
    enable: u32,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        deref!(registry).0.enable_allocation_tracking(enable != 0);
        Ok(())
    })
}

/// Sets `*is_tracking` to whether attempts are recorded.
///
/// Threads: any. Cost: wait-free.
/// Errors: the common ones.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_registry_is_allocation_tracking(
    registry: *const capbuf_registry,
    is_tracking: *mut bool,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard_wait_free(error, || {
        let (registry, out) = (deref!(registry), out!(is_tracking));
        out.write(registry.0.is_allocation_tracking());
        Ok(())
    })
}
