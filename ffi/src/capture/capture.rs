//! One source, captured into its buffer by a thread of the library.

use std::ffi::c_char;

use ::capbuf_capture::{Capture, State};

use crate::boundary::arguments::{deref, deref_mut, free, out, read_versioned, text};
use crate::boundary::error_detail::capbuf_error;
use crate::boundary::ffi_error::FfiError;
use crate::boundary::guard::{guard, guard_value};
use crate::boundary::pointers::into_handle;
use crate::boundary::status::capbuf_status;
use crate::boundary::text_out::write_text;
use crate::buffer::capbuf_buffer;
use crate::caller::as_c;
use crate::capture::options::capbuf_capture_options;
use crate::capture::state::state_number;
use crate::registry_open::capbuf_registry;

/// A source that a thread of the library captures into its buffer.
///
/// Owned by the caller, who frees it with `capbuf_capture_free`.
pub struct capbuf_capture(Option<Capture>);

/// Opens `source` (`device:default`, `rtsp://...`, `file:...`, `tone:440`), allocates its buffer or
/// continues the one it has, and starts to capture. Options of a stream follow a `#` in its URL, as
/// in `rtsp://camera/x#audio=1&transport=udp`; also `tls=insecure` and `ca=PATH`.
///
/// On success the caller owns `*capture`. `options` may be NULL.
///
/// Threads: any. Cost: allocates, starts a thread; blocks until the source delivers audio.
/// Errors: CAPTURE_FAILED with the reason, WRITER_BUSY, and those of
/// `capbuf_registry_get_or_allocate`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_capture_start(
    registry: *const capbuf_registry,
    source: *const c_char,
    source_len: usize,
    options: *const capbuf_capture_options,
    capture: *mut *mut capbuf_capture,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (registry, out) = (deref!(registry), out!(capture));
        let options = read_versioned!(options).checked()?;
        let (source, entry) = (text!(source, source_len), capbuf_capture_start as *const ());
        let started = as_c(&registry.0, entry, || Capture::start(&registry.0, source, &options))?;
        out.write(into_handle(capbuf_capture(Some(started))));
        Ok(())
    })
}

fn running(capture: &capbuf_capture) -> Result<&Capture, FfiError> {
    capture.0.as_ref().ok_or_else(|| FfiError::invalid_argument("capture", "stopped", "a capture that was not stopped"))
}

/// Returns a handle on the buffer of `capture`.
///
/// On success the caller owns `*buffer`.
///
/// Threads: any, before the capture is stopped. Cost: allocates.
/// Errors: INVALID_ARGUMENT after the capture was stopped.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_capture_buffer(
    capture: *const capbuf_capture,
    buffer: *mut *mut capbuf_buffer,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (capture, out) = (deref!(capture), out!(buffer));
        out.write(into_handle(capbuf_buffer(running(capture)?.buffer())));
        Ok(())
    })
}

/// Sets `*state` to one of the `CAPBUF_STATE_` constants, and copies a description with the reason.
///
/// The state may be stale when the call returns. `out`, `out_size`, `out_len`: see "Texts". With
/// `out_size` 0 and `out_len` NULL, the description is skipped.
///
/// Threads: any, before the capture is stopped. Cost: allocates.
/// Errors: TOO_SMALL; `*state` is set also then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_capture_state(
    capture: *const capbuf_capture,
    state: *mut u32,
    out: *mut c_char,
    out_size: usize,
    out_len: *mut usize,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (capture, number) = (deref!(capture), out!(state));
        let state = capture.0.as_ref().map_or(State::Stopped, Capture::state);
        number.write(state_number(state.kind()));
        if out_size == 0 && out_len.is_null() { Ok(()) } else { write_text(&state.to_string(), out, out_size, out_len) }
    })
}

/// Stops `capture` and waits up to five seconds for it. The buffer stays. Stopping again does
/// nothing.
///
/// Threads: one at a time; no other thread may use the capture meanwhile. Cost: blocks up to five
/// seconds.
/// Errors: the common ones.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_capture_stop(
    capture: *mut capbuf_capture,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let capture = deref_mut!(capture);
        capture.0.as_ref().map_or(Ok(()), Capture::check_process)?;
        if let Some(capture) = capture.0.take() {
            capture.stop();
        }
        Ok(())
    })
}

/// Stops `capture` if it runs, and frees it. NULL is ignored.
///
/// Threads: one, after the last use. Cost: frees memory, blocks up to five seconds.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_capture_free(capture: *mut capbuf_capture) {
    guard_value((), || free!(capture));
}
