//! Going through a buffer window by window.

use std::ffi::c_void;
use std::time::Duration;

use capbuf::{I24, SampleFormat, Window, WindowOptions, Windows};

use crate::arguments::{end, given, given_mut, growing, growing_place, place, read_growing};
use crate::buffer::capbuf_buffer;
use crate::error::{capbuf_error, capbuf_status};
use crate::failure::Failure;
use crate::guard::{guard, guard_value};
use crate::pointers::{self, apart, give};
use crate::spec::{capbuf_sample_format, format_or_own};

/// A cursor that goes through a buffer window by window.
///
/// Owned by the caller, who frees it with `capbuf_windows_free`. Used by one thread at a time.
pub struct capbuf_windows(Windows);

/// Which windows.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct capbuf_window_options {
    /// Set it to `sizeof(capbuf_window_options)` before the call.
    pub struct_size: usize,
    /// How many frames a window has.
    pub window_frames: u64,
    /// How many frames after one window the next one begins.
    pub hop_frames: u64,
    /// The first frame of the first window, which may be still to come, if `from_frame` is 1.
    pub start_frame: u64,
    /// Windows span gaps up to this length, in ns; 0: up to 100 ms; -1: none. At longer ones they begin anew.
    pub join_gaps_ns: i64,
    /// 0: the first window begins with the oldest frame there is. 1: with `start_frame`.
    pub from_frame: u32,
    /// Set it to 0.
    pub reserved: u32,
}

growing!(
    capbuf_window_options,
    size_of::<capbuf_window_options>(),
    capbuf_window_options {
        struct_size: size_of::<capbuf_window_options>(),
        window_frames: 0,
        hop_frames: 0,
        start_frame: 0,
        join_gaps_ns: 0,
        from_frame: 0,
        reserved: 0,
    }
);

/// Where a window is.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct capbuf_window {
    /// Set it to `sizeof(capbuf_window)` before the call.
    pub struct_size: usize,
    /// The number of its first frame.
    pub first_frame: u64,
    /// One past the number of its last frame.
    pub end_frame: u64,
    /// When its first frame was captured, in ns of UTC.
    pub start_utc_ns: i64,
    /// Frames since the last window that were in none: overwritten before they were asked for, or too few before a gap.
    pub lost_frames: u64,
    /// How many short gaps lie in it.
    pub joined_gaps: u64,
    /// The length of the gap because of which the windows began anew with this one, in ns.
    pub after_gap_ns: i64,
    /// The reason of that gap, one of the `CAPBUF_GAP_` constants; 0 if there was none.
    pub after_gap_reason: u32,
    /// Nothing.
    pub reserved: u32,
}

growing!(
    capbuf_window,
    size_of::<capbuf_window>(),
    capbuf_window {
        struct_size: size_of::<capbuf_window>(),
        first_frame: 0,
        end_frame: 0,
        start_utc_ns: 0,
        lost_frames: 0,
        joined_gaps: 0,
        after_gap_ns: 0,
        after_gap_reason: 0,
        reserved: 0,
    }
);

/// Begins to go through a buffer window by window.
///
/// On success `*windows` is owned by the caller. It keeps the buffer.
///
/// Any thread. Allocates. Errors: INVALID_ARGUMENT for windows that are empty or longer than the buffer, or do not move.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_buffer_windows(
    buffer: *const capbuf_buffer,
    options: *const capbuf_window_options,
    windows: *mut *mut capbuf_windows,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (buffer, out) = (given!(buffer), place!(windows));
        let _ = given!(options);
        let asked = read_growing!(options);
        let mut options = WindowOptions::new(asked.window_frames, asked.hop_frames);
        match asked.from_frame {
            0 => {}
            1 => options = options.from_frame(asked.start_frame),
            other => return Err(Failure::argument("from_frame", other, "0 or 1")),
        }
        match u64::try_from(asked.join_gaps_ns) {
            Ok(0) => {}
            Ok(ns) => options = options.join_gaps(Duration::from_nanos(ns)),
            Err(_) if asked.join_gaps_ns == -1 => options = options.join_gaps(Duration::ZERO),
            Err(_) => return Err(Failure::argument("join_gaps_ns", asked.join_gaps_ns, "0 and more, or -1")),
        }
        out.write(give(capbuf_windows(buffer.0.windows(options)?)));
        Ok(())
    })
}

/// Copies the next window into the caller's memory, converted to `sample_format`; waits for it up to `timeout_ns`.
///
/// `room` is in samples: frames times channels. After an error the cursor is where it was: call again.
///
/// The cursor's thread. Allocates nothing; sleeps while it waits. Errors: TIMED_OUT, TOO_SMALL, REMOVED (when the last window was
/// given), INVALID_ARGUMENT, MISALIGNED.
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
        let (windows, place) = (&mut given_mut!(windows).0, growing_place!(window));
        let timeout = u64::try_from(timeout_ns);
        let timeout = timeout.map_err(|_| Failure::argument("timeout_ns", timeout_ns, "0 and more"))?;
        let timeout = Duration::from_nanos(timeout);
        let format = format_or_own(sample_format)?.unwrap_or(windows.buffer().spec().format());
        apart(samples, room.saturating_mul(format.bytes()), window, "window")?;
        let found = match format {
            SampleFormat::S16 => next::<i16>(windows, samples, room, timeout),
            SampleFormat::S24 => next::<I24>(windows, samples, room, timeout),
            SampleFormat::S32 => next::<i32>(windows, samples, room, timeout),
            SampleFormat::F32 => next::<f32>(windows, samples, room, timeout),
        }?;
        place.put(capbuf_window {
            struct_size: 0,
            first_frame: found.first_frame,
            end_frame: found.end_frame,
            start_utc_ns: found.start_utc_ns,
            lost_frames: found.lost_frames,
            joined_gaps: found.joined_gaps,
            after_gap_ns: found.after_gap.map_or(0, |gap| gap.duration_ns),
            after_gap_reason: found.after_gap.map_or(0, |gap| gap.reason as u32),
            reserved: 0,
        });
        Ok(())
    })
}

fn next<T: capbuf::Sample>(
    windows: &mut Windows,
    samples: *mut c_void,
    room: usize,
    timeout: Duration,
) -> Result<Window, Failure> {
    // SAFETY: the header demands of the caller what `slice_mut` does.
    let out = unsafe { pointers::slice_mut(samples.cast::<T>(), room, "samples") }?;
    Ok(windows.next_into(out, timeout)?)
}

/// Frees a cursor. NULL is nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_windows_free(windows: *mut capbuf_windows) {
    guard_value((), || end!(windows));
}
