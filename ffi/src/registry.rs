//! The registry's map: allocate, look up, list and remove the buffers of sources.

use std::ffi::c_char;

use crate::boundary::arguments::{deref, out, read_versioned, text};
use crate::boundary::error_detail::capbuf_error;
use crate::boundary::guard::guard;
use crate::boundary::pointers::{into_handle, slice_mut};
use crate::boundary::status::capbuf_status;
use crate::buffer::capbuf_buffer;
use crate::caller::as_c;
use crate::registry_open::capbuf_registry;
use crate::spec::capbuf_spec;

/// Allocates the buffer of `source`, which must have none.
///
/// On success the caller owns `*buffer`.
///
/// Threads: any. Cost: allocates, system calls; blocks while another thread allocates this source's
/// buffer.
/// Errors: ALREADY_EXISTS, and those of `capbuf_registry_get_or_allocate`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_registry_allocate(
    registry: *const capbuf_registry,
    source: *const c_char,
    source_len: usize,
    spec: *const capbuf_spec,
    buffer: *mut *mut capbuf_buffer,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (registry, out) = (deref!(registry), out!(buffer));
        let _ = deref!(spec);
        let (spec, options) = read_versioned!(spec).checked()?;
        let (source, entry) = (text!(source, source_len), capbuf_registry_allocate as *const ());
        let allocated = as_c(&registry.0, entry, || registry.0.allocate_with(source, spec, &options))?;
        out.write(into_handle(capbuf_buffer(allocated)));
        Ok(())
    })
}

/// Returns the buffer of `source`, and allocates it if there is none: exactly once, however many
/// threads and processes call at the same time.
///
/// On success the caller owns `*buffer`.
///
/// A buffer with another spec stays unchanged. Only a recorder that holds the source's claim
/// replaces it, if it is orphaned: its recorder was killed.
///
/// Threads: any. Cost: for an existing buffer, a lookup and the allocation of the handle; otherwise
/// as `capbuf_registry_allocate`.
/// Errors: SPEC_MISMATCH, INVALID_SOURCE, OVER_BUDGET, OUT_OF_MEMORY, OUT_OF_SPACE, SYSTEM,
/// FORBIDDEN, LAYOUT_MISMATCH, CORRUPT, ALLOCATION_PANICKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_registry_get_or_allocate(
    registry: *const capbuf_registry,
    source: *const c_char,
    source_len: usize,
    spec: *const capbuf_spec,
    buffer: *mut *mut capbuf_buffer,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (registry, out) = (deref!(registry), out!(buffer));
        let _ = deref!(spec);
        let (spec, options) = read_versioned!(spec).checked()?;
        let (source, entry) = (text!(source, source_len), capbuf_registry_get_or_allocate as *const ());
        let found = as_c(&registry.0, entry, || registry.0.get_or_allocate_with(source, spec, &options))?;
        out.write(into_handle(capbuf_buffer(found)));
        Ok(())
    })
}

/// Returns the buffer of `source`.
///
/// On success the caller owns `*buffer`.
///
/// Threads: any. Cost: a lookup and the allocation of the handle.
/// Errors: NOT_FOUND; in a domain also those of a buffer that is there and can't be opened: SYSTEM,
/// FORBIDDEN, LAYOUT_MISMATCH, CORRUPT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_registry_get(
    registry: *const capbuf_registry,
    source: *const c_char,
    source_len: usize,
    buffer: *mut *mut capbuf_buffer,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (registry, out, source) = (deref!(registry), out!(buffer), text!(source, source_len));
        let not_found = || capbuf::Error::NotFound { source_name: capbuf::redact(source) };
        let entry = capbuf_registry_get as *const ();
        let found = as_c(&registry.0, entry, || registry.0.try_get(source))?.ok_or_else(not_found)?;
        out.write(into_handle(capbuf_buffer(found)));
        Ok(())
    })
}

/// Sets `*contains` to whether `source` has a buffer.
///
/// Threads: any. Cost: wait-free; system calls for a source that this registry has not mapped yet,
/// which it looks for in the domain's folder.
/// Errors: those of `capbuf_registry_get` but NOT_FOUND.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_registry_contains(
    registry: *const capbuf_registry,
    source: *const c_char,
    source_len: usize,
    contains: *mut bool,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (registry, out) = (deref!(registry), out!(contains));
        out.write(registry.0.try_contains(text!(source, source_len))?);
        Ok(())
    })
}

/// Removes the buffer of `source` from the registry, for all processes of the domain.
///
/// Handles stay valid: they can read, and writing returns REMOVED. The memory is released with the
/// last handle.
///
/// Threads: any. Cost: allocates, system calls; blocks while the buffer is being allocated.
/// Errors: NOT_FOUND, SYSTEM.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_registry_remove(
    registry: *const capbuf_registry,
    source: *const c_char,
    source_len: usize,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (registry, source) = (deref!(registry), text!(source, source_len));
        Ok(as_c(&registry.0, capbuf_registry_remove as *const (), || registry.0.remove(source))?)
    })
}

/// Lists the buffers of the registry, sorted by source: up to `room` handles into `buffers`, and
/// the number of buffers into `*count`. With `room` 0 it only counts.
///
/// The caller owns each handle.
///
/// Threads: any. Cost: allocates; maps every buffer of the domain.
/// Errors: SYSTEM.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_registry_list(
    registry: *const capbuf_registry,
    buffers: *mut *mut capbuf_buffer,
    room: usize,
    count: *mut usize,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (registry, count) = (deref!(registry), out!(count));
        // SAFETY: the header requires of the caller what `slice_mut` does; a pointer and a `usize`
        // have the same size and alignment.
        let out = unsafe { slice_mut(buffers.cast::<usize>(), room, "buffers") }?;
        let found = registry.0.try_buffers()?;
        count.write(found.len());
        for (place, buffer) in out.iter_mut().zip(found) {
            *place = into_handle(capbuf_buffer(buffer)).expose_provenance();
        }
        Ok(())
    })
}
