//! Handles on a capture buffer.

use std::ffi::c_char;

use capbuf::CaptureBuffer;

use crate::boundary::arguments::{deref, free, out, versioned_out};
use crate::boundary::error_detail::capbuf_error;
use crate::boundary::guard::{guard, guard_value, guard_wait_free};
use crate::boundary::pointers::into_handle;
use crate::boundary::status::capbuf_status;
use crate::boundary::text_out::write_text;
use crate::spec::capbuf_spec;

/// A handle on the last N seconds of a source.
///
/// The memory of a removed buffer is released with its last handle. Owned by the caller, who frees
/// it with `capbuf_buffer_free`.
pub struct capbuf_buffer(pub(crate) CaptureBuffer);

/// Creates another handle on the same buffer.
///
/// On success the caller owns `*other`.
///
/// Threads: any. Cost: allocates.
/// Errors: the common ones.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_buffer_clone(
    buffer: *const capbuf_buffer,
    other: *mut *mut capbuf_buffer,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (buffer, out) = (deref!(buffer), out!(other));
        out.write(into_handle(capbuf_buffer(buffer.0.clone())));
        Ok(())
    })
}

/// Frees the handle `buffer`; the buffer stays in its registry. NULL is ignored.
///
/// Threads: one, after the last use; not the audio thread. Cost: frees memory, may unmap it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_buffer_free(buffer: *mut capbuf_buffer) {
    guard_value((), || free!(buffer));
}

/// Copies the spec of `buffer`, with both `seconds` and `length_frames` set.
///
/// Threads: any. Cost: wait-free.
/// Errors: the common ones.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_buffer_get_spec(
    buffer: *const capbuf_buffer,
    spec: *mut capbuf_spec,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard_wait_free(error, || {
        let (buffer, out) = (deref!(buffer), versioned_out!(spec));
        out.write(capbuf_spec::of(buffer.0.spec(), buffer.0.lifetime()));
        Ok(())
    })
}

/// Copies the name of the source with its credentials. Do not log it: see `capbuf_redact`.
///
/// `out`, `out_size`, `out_len`: see "Texts".
///
/// Threads: any. Cost: wait-free.
/// Errors: TOO_SMALL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_buffer_source(
    buffer: *const capbuf_buffer,
    out: *mut c_char,
    out_size: usize,
    out_len: *mut usize,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard_wait_free(error, || write_text(deref!(buffer).0.source().as_str(), out, out_size, out_len))
}

/// Sets `*id` to the number of the buffer, which no other buffer of any process has. Two handles
/// are on the same buffer if their ids are equal.
///
/// Threads: any. Cost: wait-free.
/// Errors: the common ones.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_buffer_id(
    buffer: *const capbuf_buffer,
    id: *mut u64,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard_wait_free(error, || {
        let (buffer, out) = (deref!(buffer), out!(id));
        out.write(buffer.0.id());
        Ok(())
    })
}

/// Sets `*oldest_frame` to the oldest readable frame and `*newest_frame` to one past the newest.
/// Both are 0 before the first write.
///
/// The range may be stale when the call returns: both ends only grow.
///
/// Threads: any. Cost: wait-free.
/// Errors: the common ones.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_buffer_frames(
    buffer: *const capbuf_buffer,
    oldest_frame: *mut u64,
    newest_frame: *mut u64,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard_wait_free(error, || {
        let (buffer, oldest, newest) = (deref!(buffer), out!(oldest_frame), out!(newest_frame));
        let frames = buffer.0.frames();
        oldest.write(frames.start);
        newest.write(frames.end);
        Ok(())
    })
}

/// Sets `*is_removed` to whether the buffer was removed from its registry. The audio of a removed
/// buffer stays readable; nothing more is written to it.
///
/// Threads: any. Cost: wait-free.
/// Errors: the common ones.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_buffer_is_removed(
    buffer: *const capbuf_buffer,
    is_removed: *mut bool,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard_wait_free(error, || {
        let (buffer, out) = (deref!(buffer), out!(is_removed));
        out.write(buffer.0.is_removed());
        Ok(())
    })
}
