//! The one who writes.

use std::ffi::{c_char, c_void};
use std::time::Duration;

use capbuf::{GapReason, I24, SampleFormat, Writer};

use crate::arguments::{end, given, given_mut, place};
use crate::buffer::capbuf_buffer;
use crate::error::{capbuf_error, capbuf_status};
use crate::failure::Failure;
use crate::guard::{guard, guard_value};
use crate::pointers::{self, give};
use crate::spec::{capbuf_sample_format, format};

/// The one writer of a buffer, in all processes.
///
/// Owned by the caller, who frees it with `capbuf_writer_free`. Used by one thread at a time; which one may change.
pub struct capbuf_writer(Writer);

/// In place of a capture time: the samples arrive now, their last frame was captured just before.
pub const CAPBUF_TIME_NOW: i64 = i64::MIN;
/// In place of a gap's length: it is as long as the times then tell.
pub const CAPBUF_DURATION_UNKNOWN: i64 = -1;

/// A gap: the writer said so without giving a reason.
pub const CAPBUF_GAP_REQUESTED: u32 = 1;
/// A gap: the capture times jumped by more than jitter explains.
pub const CAPBUF_GAP_DETECTED: u32 = 2;
/// A gap: the machine's wall clock was set; no audio is missing.
pub const CAPBUF_GAP_CLOCK_STEP: u32 = 3;
/// A gap: another writer took the buffer over.
pub const CAPBUF_GAP_WRITER_CHANGED: u32 = 4;
/// A gap: the source was lost and came back.
pub const CAPBUF_GAP_SOURCE_LOST: u32 = 5;
/// A gap: the device delivered faster than it was read.
pub const CAPBUF_GAP_OVERRUN: u32 = 6;
/// A gap: packets of a network stream did not arrive.
pub const CAPBUF_GAP_PACKET_LOSS: u32 = 7;
/// A gap: what is recorded was configured anew; its source was closed, and opened again.
pub const CAPBUF_GAP_RECONFIGURED: u32 = 8;

/// Takes the one writer of a buffer. It goes on where the last one ended.
///
/// On success `*writer` is owned by the caller. It keeps the buffer: the buffer's own handle may be freed.
///
/// Any thread. Allocates, makes system calls: before going real-time. Errors: WRITER_BUSY (the detail says by whom), REMOVED, CORRUPT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_buffer_writer(
    buffer: *const capbuf_buffer,
    writer: *mut *mut capbuf_writer,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (buffer, out) = (given!(buffer), place!(writer));
        out.write(give(capbuf_writer(buffer.0.writer()?)));
        Ok(())
    })
}

/// Gives the writer back. NULL is nothing.
///
/// Once, by the thread that uses it. May unmap memory: not on an audio thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_writer_free(writer: *mut capbuf_writer) {
    guard_value((), || end!(writer));
}

/// Writes interleaved samples, `sample_count` of them: frames times channels.
///
/// `sample_format` says what `samples` points to, and must be the buffer's own. `capture_utc_ns` is when the first frame was
/// captured, in ns of UTC, or CAPBUF_TIME_NOW. It may jitter; it is filtered.
///
/// The writer's thread. Real-time safe: wait-free, no allocation, no system call, if `error` is NULL. Errors: REMOVED, FORMAT_MISMATCH,
/// FORKED. Nothing is written then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_writer_write(
    writer: *mut capbuf_writer,
    samples: *const c_void,
    sample_count: usize,
    sample_format: capbuf_sample_format,
    capture_utc_ns: i64,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let writer = &mut given_mut!(writer).0;
        match format(sample_format)? {
            SampleFormat::S16 => write::<i16>(writer, samples, sample_count, capture_utc_ns),
            SampleFormat::S24 => write::<I24>(writer, samples, sample_count, capture_utc_ns),
            SampleFormat::S32 => write::<i32>(writer, samples, sample_count, capture_utc_ns),
            SampleFormat::F32 => write::<f32>(writer, samples, sample_count, capture_utc_ns),
        }
    })
}

fn write<T: capbuf::Sample>(
    writer: &mut Writer,
    samples: *const c_void,
    count: usize,
    capture_utc_ns: i64,
) -> Result<(), Failure> {
    // SAFETY: the header demands of the caller what `slice` does.
    let samples = unsafe { pointers::slice(samples.cast::<T>(), count, "samples") }?;
    let written = match capture_utc_ns {
        CAPBUF_TIME_NOW => writer.write(samples),
        _ => writer.write_at(samples, capture_utc_ns),
    };
    Ok(written?)
}

/// Writes bytes of samples in the buffer's format, any number of them: the beginning of a frame is kept until its end comes.
///
/// `capture_utc_ns` is when the first frame that begins in them was captured, in ns of UTC, or CAPBUF_TIME_NOW.
///
/// The writer's thread. Real-time safe if `error` is NULL. Errors: REMOVED, FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_writer_write_bytes(
    writer: *mut capbuf_writer,
    bytes: *const c_char,
    byte_count: usize,
    capture_utc_ns: i64,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let writer = &mut given_mut!(writer).0;
        // SAFETY: the header demands of the caller what `slice` does.
        let bytes = unsafe { pointers::slice(bytes.cast::<u8>(), byte_count, "bytes") }?;
        let written = match capture_utc_ns {
            CAPBUF_TIME_NOW => writer.write_bytes(bytes),
            _ => writer.write_bytes_at(bytes, capture_utc_ns),
        };
        Ok(written?)
    })
}

/// Says that what is written next does not follow what was written last.
///
/// `reason` is one of the `CAPBUF_GAP_` constants, `duration_ns` how much audio is missing, or CAPBUF_DURATION_UNKNOWN. The beginning
/// of a frame whose end has not come is dropped.
///
/// The writer's thread. Real-time safe if `error` is NULL. Errors: INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_writer_gap(
    writer: *mut capbuf_writer,
    reason: u32,
    duration_ns: i64,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let writer = &mut given_mut!(writer).0;
        let known = GapReason::ALL.into_iter().find(|known| *known as u32 == reason);
        let reason = known.ok_or_else(|| Failure::argument("reason", reason, "one of the CAPBUF_GAP_ constants"))?;
        match u64::try_from(duration_ns) {
            Ok(ns) => writer.gap_for(reason, Duration::from_nanos(ns)),
            Err(_) if duration_ns == CAPBUF_DURATION_UNKNOWN => writer.gap(reason),
            Err(_) => {
                return Err(Failure::argument("duration_ns", duration_ns, "0 and more, or CAPBUF_DURATION_UNKNOWN"));
            }
        }
        Ok(())
    })
}

/// Tells the number that the next frame will have.
///
/// The writer's thread. Wait-free. Errors: NULL_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_writer_next_frame(
    writer: *const capbuf_writer,
    next_frame: *mut u64,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (writer, out) = (given!(writer), place!(next_frame));
        out.write(writer.0.next_frame());
        Ok(())
    })
}
