//! The writer of a buffer.

use std::ffi::{c_char, c_void};
use std::time::Duration;

use capbuf::{GapReason, I24, Sample, SampleFormat, Writer};

use crate::boundary::arguments::{deref, deref_mut, free, out};
use crate::boundary::error_detail::capbuf_error;
use crate::boundary::ffi_error::FfiError;
use crate::boundary::guard::{guard, guard_value, guard_wait_free};
use crate::boundary::pointers::{into_handle, slice};
use crate::boundary::status::capbuf_status;
use crate::buffer::capbuf_buffer;
use crate::spec::{capbuf_sample_format, format};

/// The one writer of a buffer, in all processes. One thread at a time uses it.
///
/// Owned by the caller, who frees it with `capbuf_writer_free`.
pub struct capbuf_writer(Writer);

/// As a capture time: the samples arrive now, and their last frame was just captured.
pub const CAPBUF_TIME_NOW: i64 = i64::MIN;
/// As a gap's duration: it follows from the capture times before and after.
pub const CAPBUF_DURATION_UNKNOWN: i64 = -1;

/// A gap: the writer reported it without a reason.
pub const CAPBUF_GAP_REQUESTED: u32 = 1;
/// A gap: the capture times jumped by more than jitter.
pub const CAPBUF_GAP_DETECTED: u32 = 2;
/// A gap: the wall clock was set; no audio is missing.
pub const CAPBUF_GAP_CLOCK_STEP: u32 = 3;
/// A gap: another writer continued the buffer.
pub const CAPBUF_GAP_WRITER_CHANGED: u32 = 4;
/// A gap: the source was lost and came back.
pub const CAPBUF_GAP_SOURCE_LOST: u32 = 5;
/// A gap: the device's buffer overflowed before it was read.
pub const CAPBUF_GAP_OVERRUN: u32 = 6;
/// A gap: packets of a network stream were lost.
pub const CAPBUF_GAP_PACKET_LOSS: u32 = 7;
/// A gap: the source was closed and reopened after a change of its configuration.
pub const CAPBUF_GAP_RECONFIGURED: u32 = 8;

/// Takes the one writer of `buffer`. It continues where the last writer ended.
///
/// On success the caller owns `*writer`, which keeps the buffer: `buffer` may be freed.
///
/// Threads: any, before going real-time. Cost: allocates, system calls.
/// Errors: WRITER_BUSY (the detail names the process), REMOVED, CORRUPT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_buffer_writer(
    buffer: *const capbuf_buffer,
    writer: *mut *mut capbuf_writer,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (buffer, out) = (deref!(buffer), out!(writer));
        out.write(into_handle(capbuf_writer(buffer.0.writer()?)));
        Ok(())
    })
}

/// Frees `writer`, and with it the buffer for the next one. NULL is ignored.
///
/// Threads: one, after the last use; not the audio thread. Cost: frees memory, may unmap it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_writer_free(writer: *mut capbuf_writer) {
    guard_value((), || free!(writer));
}

/// Writes `sample_count` interleaved samples: frames times channels.
///
/// `sample_format` is the type of `samples` and must be the buffer's format. `capture_utc_ns` is
/// the capture time of the first frame in ns of UTC, or CAPBUF_TIME_NOW; jitter in it is filtered.
///
/// Threads: one at a time. Cost: wait-free if `error` is NULL: real-time safe.
/// Errors: REMOVED, FORMAT_MISMATCH, FORKED. After an error nothing was written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_writer_write(
    writer: *mut capbuf_writer,
    samples: *const c_void,
    sample_count: usize,
    sample_format: capbuf_sample_format,
    capture_utc_ns: i64,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard_wait_free(error, || {
        let writer = &mut deref_mut!(writer).0;
        match format(sample_format)? {
            SampleFormat::S16 => write::<i16>(writer, samples, sample_count, capture_utc_ns),
            SampleFormat::S24 => write::<I24>(writer, samples, sample_count, capture_utc_ns),
            SampleFormat::S32 => write::<i32>(writer, samples, sample_count, capture_utc_ns),
            SampleFormat::F32 => write::<f32>(writer, samples, sample_count, capture_utc_ns),
        }
    })
}

fn write<T: Sample>(
    writer: &mut Writer,
    samples: *const c_void,
    count: usize,
    capture_utc_ns: i64,
) -> Result<(), FfiError> {
    // SAFETY: the header requires of the caller what `slice` does.
    let samples = unsafe { slice(samples.cast::<T>(), count, "samples") }?;
    let written = match capture_utc_ns {
        CAPBUF_TIME_NOW => writer.write(samples),
        _ => writer.write_at(samples, capture_utc_ns),
    };
    Ok(written?)
}

/// Writes `byte_count` bytes of samples in the buffer's format. The writer stores an incomplete
/// frame until the next call brings the rest of it.
///
/// `capture_utc_ns` is the capture time of the first frame that begins in `bytes`, in ns of UTC, or
/// CAPBUF_TIME_NOW.
///
/// Threads: one at a time. Cost: wait-free if `error` is NULL: real-time safe.
/// Errors: REMOVED, FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_writer_write_bytes(
    writer: *mut capbuf_writer,
    bytes: *const c_char,
    byte_count: usize,
    capture_utc_ns: i64,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard_wait_free(error, || {
        let writer = &mut deref_mut!(writer).0;
        // SAFETY: the header requires of the caller what `slice` does.
        let bytes = unsafe { slice(bytes.cast::<u8>(), byte_count, "bytes") }?;
        let written = match capture_utc_ns {
            CAPBUF_TIME_NOW => writer.write_bytes(bytes),
            _ => writer.write_bytes_at(bytes, capture_utc_ns),
        };
        Ok(written?)
    })
}

/// Records a gap before the next frame, and drops an incomplete frame.
///
/// `reason` is one of the `CAPBUF_GAP_` constants. `duration_ns` is the duration of the missing
/// audio, or CAPBUF_DURATION_UNKNOWN.
///
/// Threads: one at a time. Cost: wait-free if `error` is NULL: real-time safe.
/// Errors: the common ones.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_writer_gap(
    writer: *mut capbuf_writer,
    reason: u32,
    duration_ns: i64,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard_wait_free(error, || {
        let writer = &mut deref_mut!(writer).0;
        writer.check_process()?;
        let known = GapReason::ALL.into_iter().find(|known| *known as u32 == reason);
        let unknown = || FfiError::invalid_argument("reason", reason, "one of the CAPBUF_GAP_ constants");
        let reason = known.ok_or_else(unknown)?;
        match u64::try_from(duration_ns) {
            Ok(ns) => writer.gap_for(reason, Duration::from_nanos(ns)),
            Err(_) if duration_ns == CAPBUF_DURATION_UNKNOWN => writer.gap(reason),
            Err(_) => {
                let allowed = "0 or more, or CAPBUF_DURATION_UNKNOWN";
                return Err(FfiError::invalid_argument("duration_ns", duration_ns, allowed));
            }
        }
        Ok(())
    })
}

/// Sets `*next_frame` to the number of the next frame to be written.
///
/// Threads: one at a time. Cost: wait-free.
/// Errors: the common ones.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_writer_next_frame(
    writer: *const capbuf_writer,
    next_frame: *mut u64,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard_wait_free(error, || {
        let (writer, out) = (deref!(writer), out!(next_frame));
        out.write(writer.0.next_frame());
        Ok(())
    })
}
