//! Segments: the copy of a span, with its gaps.

use std::ffi::c_void;

use capbuf::{Segment, Source};

use crate::boundary::arguments::{deref, free, out, versioned_out, versioned_struct};
use crate::boundary::error_detail::capbuf_error;
use crate::boundary::ffi_error::element;
use crate::boundary::guard::{guard_value, guard_wait_free};
use crate::boundary::status::capbuf_status;
use crate::reading::extracted::capbuf_extracted;

/// The copy of a span of audio.
///
/// Owned by the caller, who frees it with `capbuf_segment_free`. Any thread may read it.
pub struct capbuf_segment {
    pub(crate) segment: Segment,
    /// The buffer's source, which clips are tagged with.
    pub(crate) source: Source,
}

/// A gap in a segment.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct capbuf_gap {
    /// Set it to `sizeof(capbuf_gap)` before the call.
    pub struct_size: usize,
    /// The number of the first frame after the gap.
    pub first_frame: u64,
    /// The time at which the audio before the gap ends, in ns of UTC.
    pub start_utc_ns: i64,
    /// The duration of the missing audio, in ns.
    pub duration_ns: i64,
    /// Negative exactly where a new epoch begins: how far times go back, in ns, for whatever
    /// reason. Positive: how far the wall clock was set forward; the reason is
    /// CAPBUF_GAP_CLOCK_STEP. Otherwise 0, also where the wall clock was set back but times did
    /// not go back.
    pub clock_step_ns: i64,
    /// The index in the segment of the frame at which the gap begins.
    pub at_frame: u64,
    /// Frames of silence that fill the gap in the segment.
    pub silence_frames: u64,
    /// One of the `CAPBUF_GAP_` constants.
    pub reason: u32,
    /// Unused.
    pub reserved: u32,
}

versioned_struct!(capbuf_gap);

/// Returns the interleaved samples of `segment` in `*samples`, and their number, which is frames
/// times channels, in `*sample_count`. The samples are valid until the segment is freed.
///
/// Threads: any. Cost: wait-free.
/// Errors: the common ones.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_segment_samples(
    segment: *const capbuf_segment,
    samples: *mut *const c_void,
    sample_count: *mut usize,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard_wait_free(error, || {
        let (segment, out, count) = (deref!(segment), out!(samples), out!(sample_count));
        out.write(segment.segment.samples().as_bytes().as_ptr().cast());
        count.write(segment.segment.samples().len());
        Ok(())
    })
}

/// Copies to `*info` which frames `segment` holds.
///
/// Threads: any. Cost: wait-free.
/// Errors: the common ones.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_segment_info(
    segment: *const capbuf_segment,
    info: *mut capbuf_extracted,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard_wait_free(error, || {
        let (segment, out) = (&deref!(segment).segment, versioned_out!(info));
        let (rate, channels) = (segment.sample_rate_hz(), segment.channels());
        out.write(capbuf_extracted::of(&segment.extracted(), rate, channels, segment.format()));
        Ok(())
    })
}

/// Copies gap `number` of `segment` to `*gap`: from 0 to below `gaps` of `capbuf_extracted`.
///
/// Threads: any. Cost: wait-free.
/// Errors: INVALID_ARGUMENT if there is no such gap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_segment_gap(
    segment: *const capbuf_segment,
    number: usize,
    gap: *mut capbuf_gap,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard_wait_free(error, || {
        let (gaps, out) = (deref!(segment).segment.gaps(), versioned_out!(gap));
        let found = element(gaps, number, "gaps")?;
        out.write(capbuf_gap {
            struct_size: 0,
            first_frame: found.gap.first_frame,
            start_utc_ns: found.gap.start_utc_ns,
            duration_ns: found.gap.duration_ns,
            clock_step_ns: found.gap.clock_step_ns,
            at_frame: found.at_frame,
            silence_frames: found.silence_frames,
            reason: found.gap.reason as u32,
            reserved: 0,
        });
        Ok(())
    })
}

/// Frees `segment`. NULL is ignored.
///
/// Threads: one, after the last use. Cost: frees memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_segment_free(segment: *mut capbuf_segment) {
    guard_value((), || free!(segment));
}
