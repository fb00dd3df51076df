//! The identity and shape of a buffer, also in the same call that looks it up.

use std::ffi::c_char;

use capbuf::CaptureBuffer;

use crate::boundary::arguments::{deref, out, read_versioned, text, versioned_out, versioned_struct};
use crate::boundary::error_detail::capbuf_error;
use crate::boundary::guard::{guard, guard_wait_free};
use crate::boundary::pointers::into_handle;
use crate::boundary::status::capbuf_status;
use crate::buffer::capbuf_buffer;
use crate::caller::as_c;
use crate::registry_open::capbuf_registry;
use crate::spec::{capbuf_sample_format, capbuf_spec};

/// The identity and shape of a buffer. They never change.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct capbuf_buffer_info {
    /// Set it to `sizeof(capbuf_buffer_info)` before the call.
    pub struct_size: usize,
    /// Identifies the buffer in every process, as `capbuf_buffer_id`.
    pub id: u64,
    /// Length in seconds.
    pub seconds: f64,
    /// Length in frames.
    pub length_frames: u64,
    /// Frames per second.
    pub sample_rate_hz: u32,
    /// Samples per frame.
    pub channels: u32,
    /// S16, S24, S32 or F32.
    pub sample_format: capbuf_sample_format,
    /// Lifetime in its domain: one of the `CAPBUF_LIFETIME_` constants.
    pub lifetime: u32,
}

versioned_struct!(capbuf_buffer_info);

impl capbuf_buffer_info {
    fn of(buffer: &CaptureBuffer) -> Self {
        let spec = capbuf_spec::of(buffer.spec(), buffer.lifetime());
        Self {
            struct_size: 0,
            id: buffer.id(),
            seconds: spec.seconds,
            length_frames: spec.length_frames,
            sample_rate_hz: spec.sample_rate_hz,
            channels: spec.channels,
            sample_format: spec.sample_format,
            lifetime: spec.lifetime,
        }
    }
}

/// Copies the identity and shape of `buffer`.
///
/// Threads: any. Cost: wait-free.
/// Errors: the common ones.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_buffer_get_info(
    buffer: *const capbuf_buffer,
    info: *mut capbuf_buffer_info,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard_wait_free(error, || {
        let (buffer, info) = (deref!(buffer), versioned_out!(info));
        info.write(capbuf_buffer_info::of(&buffer.0));
        Ok(())
    })
}

/// Returns the buffer of `source` as `capbuf_registry_get_or_allocate` does, and copies its
/// identity and shape.
///
/// On success the caller owns `*buffer`.
///
/// Threads: any. Cost: as `capbuf_registry_get_or_allocate`.
/// Errors: those of `capbuf_registry_get_or_allocate`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_registry_get_or_allocate_with_info(
    registry: *const capbuf_registry,
    source: *const c_char,
    source_len: usize,
    spec: *const capbuf_spec,
    buffer: *mut *mut capbuf_buffer,
    info: *mut capbuf_buffer_info,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (registry, out, info) = (deref!(registry), out!(buffer), versioned_out!(info));
        let _ = deref!(spec);
        let (spec, options) = read_versioned!(spec).checked()?;
        let (source, entry) = (text!(source, source_len), capbuf_registry_get_or_allocate_with_info as *const ());
        let found = as_c(&registry.0, entry, || registry.0.get_or_allocate_with(source, spec, &options))?;
        info.write(capbuf_buffer_info::of(&found));
        out.write(into_handle(capbuf_buffer(found)));
        Ok(())
    })
}

/// Returns the buffer of `source` as `capbuf_registry_get` does, and copies its identity and
/// shape.
///
/// On success the caller owns `*buffer`.
///
/// Threads: any. Cost: as `capbuf_registry_get`.
/// Errors: those of `capbuf_registry_get`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_registry_get_with_info(
    registry: *const capbuf_registry,
    source: *const c_char,
    source_len: usize,
    buffer: *mut *mut capbuf_buffer,
    info: *mut capbuf_buffer_info,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (registry, out, info) = (deref!(registry), out!(buffer), versioned_out!(info));
        let source = text!(source, source_len);
        let not_found = || capbuf::Error::NotFound { source_name: capbuf::redact(source) };
        let entry = capbuf_registry_get_with_info as *const ();
        let found = as_c(&registry.0, entry, || registry.0.try_get(source))?.ok_or_else(not_found)?;
        info.write(capbuf_buffer_info::of(&found));
        out.write(into_handle(capbuf_buffer(found)));
        Ok(())
    })
}
