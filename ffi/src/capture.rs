//! Sources that feed buffers by themselves: devices, streams, files, test signals.

use std::ffi::c_char;

use ::capbuf_capture::{Capture, State};
use capbuf::SourceState;

use crate::arguments::{end, given, given_mut, place, read_growing, text};
use crate::buffer::capbuf_buffer;
use crate::capture_options::capbuf_capture_options;
use crate::error::{capbuf_error, capbuf_status};
use crate::failure::Failure;
use crate::guard::{guard, guard_value};
use crate::pointers::give;
use crate::registry::capbuf_registry;
use crate::text::put_text;
use crate::track::as_c;

/// A source that is captured into its buffer, on a thread of the library's.
///
/// Owned by the caller, who frees it with `capbuf_capture_free`.
pub struct capbuf_capture(Option<Capture>);

/// Being opened again.
pub const CAPBUF_STATE_STARTING: u32 = 1;
/// Audio flows.
pub const CAPBUF_STATE_RUNNING: u32 = 2;
/// The source was lost; it will be opened again.
pub const CAPBUF_STATE_BACKING_OFF: u32 = 3;
/// The source has ended, as a file does.
pub const CAPBUF_STATE_FINISHED: u32 = 4;
/// It failed for good.
pub const CAPBUF_STATE_FAILED: u32 = 5;
/// It was stopped.
pub const CAPBUF_STATE_STOPPED: u32 = 6;
/// Nothing was begun.
pub const CAPBUF_STATE_IDLE: u32 = 7;
/// What comes is nothing, or not what it should be; the source is being closed, to be opened again.
pub const CAPBUF_STATE_STALLED: u32 = 8;
/// The source has failed at once so often that it is tried now and then only.
pub const CAPBUF_STATE_CIRCUIT_OPEN: u32 = 9;

/// Opens a source (`device:default`, `rtsp://...`, `file:...`, `tone:440`), allocates its buffer or takes the one it has, and begins
/// to capture.
///
/// On success `*capture` is owned by the caller. `options` may be NULL.
///
/// Any thread. Blocks until the source delivers. Errors: CAPTURE_FAILED with the reason; WRITER_BUSY; those of
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
        let (registry, out) = (given!(registry), place!(capture));
        let options = read_growing!(options).checked()?;
        let (source, entry) = (text!(source, source_len), capbuf_capture_start as *const ());
        let started = as_c(&registry.0, entry, || Capture::start(&registry.0, source, &options))?;
        out.write(give(capbuf_capture(Some(started))));
        Ok(())
    })
}

pub(crate) fn state_number(state: SourceState) -> u32 {
    match state {
        SourceState::Idle => CAPBUF_STATE_IDLE,
        SourceState::Starting => CAPBUF_STATE_STARTING,
        SourceState::Running => CAPBUF_STATE_RUNNING,
        SourceState::BackingOff => CAPBUF_STATE_BACKING_OFF,
        SourceState::Stalled => CAPBUF_STATE_STALLED,
        SourceState::CircuitOpen => CAPBUF_STATE_CIRCUIT_OPEN,
        SourceState::Finished => CAPBUF_STATE_FINISHED,
        SourceState::Failed => CAPBUF_STATE_FAILED,
        // What is neither of these is over.
        _ => CAPBUF_STATE_STOPPED,
    }
}

fn running(capture: &capbuf_capture) -> Result<&Capture, Failure> {
    capture.0.as_ref().ok_or_else(|| Failure::argument("capture", "stopped", "one that was not stopped"))
}

/// Gives a handle on the buffer that is fed, owned by the caller.
///
/// Any thread, until the capture is stopped. Allocates. Errors: INVALID_ARGUMENT after it was stopped.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_capture_buffer(
    capture: *const capbuf_capture,
    buffer: *mut *mut capbuf_buffer,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (capture, out) = (given!(capture), place!(buffer));
        out.write(give(capbuf_buffer(running(capture)?.buffer().clone())));
        Ok(())
    })
}

/// Tells what a capture is doing: one of the `CAPBUF_STATE_` constants, and in words with the reason. See "Texts"; `out` may be
/// NULL if `out_size` is 0 and the words are not wanted.
///
/// Any thread, until the capture is stopped. Stale at once. Errors: NULL_ARGUMENT, TOO_SMALL.
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
        let (capture, place) = (given!(capture), place!(state));
        let state = capture.0.as_ref().map_or(State::Stopped, Capture::state);
        place.write(state_number(state.kind()));
        if out_size == 0 && out_len.is_null() { Ok(()) } else { put_text(&state.to_string(), out, out_size, out_len) }
    })
}

/// Stops a capture and waits for it, five seconds at most. The buffer stays. Stopping twice is nothing.
///
/// One thread; no other may use the capture meanwhile. Errors: NULL_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_capture_stop(
    capture: *mut capbuf_capture,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        if let Some(capture) = given_mut!(capture).0.take() {
            capture.stop();
        }
        Ok(())
    })
}

/// Stops a capture, if it runs, and frees it. NULL is nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_capture_free(capture: *mut capbuf_capture) {
    guard_value((), || end!(capture));
}
