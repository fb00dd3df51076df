//! The cursor that reads a buffer window by window.

use std::ffi::c_void;
use std::mem::offset_of;
use std::time::Duration;

use capbuf::{I24, Sample, SampleFormat, Window, Windows};

use crate::boundary::arguments::{deref, deref_mut, free, out, read_versioned, versioned_out, versioned_struct};
use crate::boundary::durations::duration;
use crate::boundary::error_detail::capbuf_error;
use crate::boundary::ffi_error::FfiError;
use crate::boundary::guard::{guard, guard_value};
use crate::boundary::pointers::{check_disjoint, into_handle, slice_mut};
use crate::boundary::status::capbuf_status;
use crate::buffer::capbuf_buffer;
use crate::reading::window_options::capbuf_window_options;
use crate::spec::{capbuf_sample_format, format_or_own};

/// A cursor that reads a buffer window by window. One thread at a time uses it.
///
/// Owned by the caller, who frees it with `capbuf_windows_free`.
pub struct capbuf_windows(Windows);

/// The position of a window.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct capbuf_window {
    /// Set it to `sizeof(capbuf_window)` before the call.
    pub struct_size: usize,
    /// The number of the first frame.
    pub first_frame: u64,
    /// One past the number of the last frame.
    pub end_frame: u64,
    /// The capture time of the first frame, in ns of UTC.
    pub start_utc_ns: i64,
    /// Frames since the last window that are in no window: overwritten before they were read, or
    /// too few before a gap.
    pub lost_frames: u64,
    /// Gaps that the window spans.
    pub joined_gaps: u64,
    /// The duration of the gap after which windows restarted with this one, in ns; 0 if there is
    /// none.
    pub after_gap_ns: i64,
    /// The reason of that gap: one of the `CAPBUF_GAP_` constants; 0 if there is none.
    pub after_gap_reason: u32,
    /// The clock of the first frame's time: one of the `CAPBUF_CLOCK_` constants.
    pub clock: u32,
    /// The constant delay that was taken off the times, in ns.
    pub latency_ns: i64,
    /// The bound of the error of the times, in ns. The delay that all arrivals share is not in it.
    pub uncertainty_ns: i64,
}

versioned_struct!(capbuf_window, offset_of!(capbuf_window, latency_ns));

/// Creates a cursor that reads `buffer` window by window.
///
/// On success the caller owns `*windows`, which keeps the buffer: `buffer` may be freed.
///
/// Threads: any. Cost: allocates.
/// Errors: INVALID_ARGUMENT also for windows that are empty, longer than the buffer or do not
/// advance.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_buffer_windows(
    buffer: *const capbuf_buffer,
    options: *const capbuf_window_options,
    windows: *mut *mut capbuf_windows,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (buffer, out) = (deref!(buffer), out!(windows));
        let _ = deref!(options);
        let options = read_versioned!(options).checked()?;
        out.write(into_handle(capbuf_windows(buffer.0.windows(options)?)));
        Ok(())
    })
}

/// Copies the next window to `samples`, converted to `sample_format`, and its position to
/// `*window`. Waits for it up to `timeout_ns`.
///
/// `room` is the size of `samples` in samples: frames times channels. After an error the cursor has
/// not moved, and the call may be repeated.
///
/// Threads: one at a time. Cost: allocates nothing; blocks up to `timeout_ns`.
/// Errors: TIMED_OUT, TOO_SMALL, REMOVED after the last window of a removed buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_windows_next(
    windows: *mut capbuf_windows,
    samples: *mut c_void,
    room: usize,
    sample_format: capbuf_sample_format,
    timeout_ns: i64,
    window: *mut capbuf_window,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (windows, out) = (&mut deref_mut!(windows).0, versioned_out!(window));
        let timeout = duration("timeout_ns", timeout_ns)?;
        let format = format_or_own(sample_format)?.unwrap_or(windows.buffer().spec().format());
        check_disjoint(samples, room.saturating_mul(format.bytes()), window, "window")?;
        let found = match format {
            SampleFormat::S16 => next::<i16>(windows, samples, room, timeout),
            SampleFormat::S24 => next::<I24>(windows, samples, room, timeout),
            SampleFormat::S32 => next::<i32>(windows, samples, room, timeout),
            SampleFormat::F32 => next::<f32>(windows, samples, room, timeout),
        }?;
        out.write(capbuf_window {
            struct_size: 0,
            first_frame: found.first_frame,
            end_frame: found.end_frame,
            start_utc_ns: found.start_utc_ns,
            lost_frames: found.lost_frames,
            joined_gaps: found.joined_gaps,
            after_gap_ns: found.after_gap.map_or(0, |gap| gap.duration_ns),
            after_gap_reason: found.after_gap.map_or(0, |gap| gap.reason as u32),
            clock: found.timing.clock as u32,
            latency_ns: found.timing.latency_ns,
            uncertainty_ns: found.timing.uncertainty_ns,
        });
        Ok(())
    })
}

fn next<T: Sample>(
    windows: &mut Windows,
    samples: *mut c_void,
    room: usize,
    timeout: Duration,
) -> Result<Window, FfiError> {
    // SAFETY: the header requires of the caller what `slice_mut` does.
    let out = unsafe { slice_mut(samples.cast::<T>(), room, "samples") }?;
    Ok(windows.next_into(out, timeout)?)
}

/// Frees `windows`. NULL is ignored.
///
/// Threads: one, after the last use. Cost: frees memory, may unmap it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_windows_free(windows: *mut capbuf_windows) {
    guard_value((), || free!(windows));
}
