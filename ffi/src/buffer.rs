//! The last N seconds of a source.

use std::ffi::c_char;

use capbuf::CaptureBuffer;

use crate::arguments::{end, given, growing, growing_place, place};
use crate::error::{capbuf_error, capbuf_status};
use crate::guard::{guard, guard_value};
use crate::pointers::give;
use crate::spec::capbuf_spec;
use crate::text::put_text;

/// A handle on the last N seconds of a source. The memory goes back when the last handle of a removed buffer ends.
///
/// Owned by the caller, who frees it with `capbuf_buffer_free`.
pub struct capbuf_buffer(pub(crate) CaptureBuffer);

/// Everything there is to see of a buffer at one moment.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct capbuf_buffer_status {
    /// Set it to `sizeof(capbuf_buffer_status)` before the call.
    pub struct_size: usize,
    /// The oldest frame that can be read.
    pub oldest_frame: u64,
    /// One past the newest frame; 0 before the first write.
    pub newest_frame: u64,
    /// When the oldest frame begins, in ns of UTC; 0 before the first write.
    pub oldest_utc_ns: i64,
    /// When the newest frame ends, in ns of UTC; 0 before the first write.
    pub newest_utc_ns: i64,
    /// How long ago the newest frame was captured, in ns; -1 before the first write.
    pub age_ns: i64,
    /// Calls of write, ever.
    pub writes: u64,
    /// Gaps recorded, ever.
    pub gaps: u64,
    /// Reads that came too late for some of their frames, ever.
    pub evictions: u64,
    /// Bytes mapped for it.
    pub bytes: u64,
    /// How far the times told are ahead of what the writer believes, in ns.
    pub timeline_ahead_ns: i64,
    /// The largest magnitude of the last second, full scale being 1.0; 0 before the first write.
    pub level_peak: f32,
    /// The root of the mean square of the last second.
    pub level_rms: f32,
    /// Whether somebody who lives holds the writer: 0 or 1.
    pub has_writer: u32,
    /// The process that holds the writer; 0 if nobody does, or in a private registry.
    pub writer_pid: u32,
    /// How many living processes have it open; 0 in a private registry.
    pub processes: u32,
    /// Whether it was removed from its registry: 0 or 1.
    pub is_removed: u32,
}

growing!(
    capbuf_buffer_status,
    size_of::<capbuf_buffer_status>(),
    capbuf_buffer_status {
        struct_size: size_of::<capbuf_buffer_status>(),
        oldest_frame: 0,
        newest_frame: 0,
        oldest_utc_ns: 0,
        newest_utc_ns: 0,
        age_ns: -1,
        writes: 0,
        gaps: 0,
        evictions: 0,
        bytes: 0,
        timeline_ahead_ns: 0,
        level_peak: 0.0,
        level_rms: 0.0,
        has_writer: 0,
        writer_pid: 0,
        processes: 0,
        is_removed: 0,
    }
);

/// Makes another handle on the same buffer, owned by the caller.
///
/// Any thread. Allocates. Errors: NULL_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_buffer_clone(
    buffer: *const capbuf_buffer,
    other: *mut *mut capbuf_buffer,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (buffer, out) = (given!(buffer), place!(other));
        out.write(give(capbuf_buffer(buffer.0.clone())));
        Ok(())
    })
}

/// Ends a handle; the buffer stays with its registry. NULL is nothing.
///
/// Once, by one thread, when nobody uses the handle any more. May unmap memory: not on an audio thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_buffer_free(buffer: *mut capbuf_buffer) {
    guard_value((), || end!(buffer));
}

/// Tells the shape of a buffer. `seconds` and `length_frames` are both set.
///
/// Any thread. Wait-free. Errors: NULL_ARGUMENT, INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_buffer_get_spec(
    buffer: *const capbuf_buffer,
    spec: *mut capbuf_spec,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (buffer, place) = (given!(buffer), growing_place!(spec));
        place.put(capbuf_spec::of(buffer.0.spec(), buffer.0.lifetime()));
        Ok(())
    })
}

/// Tells the source as it was given, with any password in it: not for logs. See "Texts", and `capbuf_redact`.
///
/// Any thread. Errors: NULL_ARGUMENT, TOO_SMALL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_buffer_source(
    buffer: *const capbuf_buffer,
    out: *mut c_char,
    out_size: usize,
    out_len: *mut usize,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || put_text(given!(buffer).0.source().as_str(), out, out_size, out_len))
}

/// Tells the number that tells this buffer from every other one, in every process. Two handles are of one buffer if it is the same.
///
/// Any thread. Wait-free. Errors: NULL_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_buffer_id(
    buffer: *const capbuf_buffer,
    id: *mut u64,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (buffer, out) = (given!(buffer), place!(id));
        out.write(buffer.0.id());
        Ok(())
    })
}

/// Tells which frames can be read: from `*oldest_frame` to one before `*newest_frame`. Both 0 before the first write.
///
/// Any thread. Wait-free. Stale at once: the oldest may go, newer ones come. Errors: NULL_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_buffer_frames(
    buffer: *const capbuf_buffer,
    oldest_frame: *mut u64,
    newest_frame: *mut u64,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (buffer, oldest, newest) = (given!(buffer), place!(oldest_frame), place!(newest_frame));
        let frames = buffer.0.frames();
        oldest.write(frames.start);
        newest.write(frames.end);
        Ok(())
    })
}

/// Tells whether a buffer was removed from its registry. Its audio stays readable; nothing is written any more.
///
/// Any thread. Wait-free. Errors: NULL_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_buffer_is_removed(
    buffer: *const capbuf_buffer,
    is_removed: *mut bool,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (buffer, out) = (given!(buffer), place!(is_removed));
        out.write(buffer.0.is_removed());
        Ok(())
    })
}

/// Looks at everything at once: how full, how old, how loud, whose.
///
/// Any thread but an audio thread: it reads the last second, and makes system calls. Errors: NULL_ARGUMENT, INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_buffer_get_status(
    buffer: *const capbuf_buffer,
    status: *mut capbuf_buffer_status,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (buffer, place) = (given!(buffer), growing_place!(status));
        let status = buffer.0.status();
        place.put(capbuf_buffer_status {
            struct_size: 0,
            oldest_frame: status.oldest_frame,
            newest_frame: status.newest_frame,
            oldest_utc_ns: status.oldest_utc_ns.unwrap_or(0),
            newest_utc_ns: status.newest_utc_ns.unwrap_or(0),
            age_ns: status.age.map_or(-1, |age| i64::try_from(age.as_nanos()).unwrap_or(i64::MAX)),
            writes: status.writes,
            gaps: status.gaps,
            evictions: status.evictions,
            bytes: status.bytes,
            timeline_ahead_ns: status.timeline_ahead_ns,
            level_peak: status.level.map_or(0.0, |level| level.peak),
            level_rms: status.level.map_or(0.0, |level| level.rms),
            has_writer: status.has_writer.into(),
            writer_pid: status.writer.map_or(0, |holder| holder.pid),
            processes: u32::try_from(buffer.0.opened_by().len()).unwrap_or(u32::MAX),
            is_removed: status.is_removed.into(),
        });
        Ok(())
    })
}
