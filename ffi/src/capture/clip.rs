//! Clips: spans of audio written to files.

use std::ffi::c_char;
use std::mem::offset_of;
use std::ops::ControlFlow;
use std::path::Path;

use ::capbuf_capture::{ClipInfo, ClipTags, IfExists, cut_clip_with_progress, write_clip_with};

use crate::boundary::arguments::{deref, optional_versioned_out, text, versioned_struct};
use crate::boundary::durations::duration;
use crate::boundary::error_detail::capbuf_error;
use crate::boundary::guard::guard;
use crate::boundary::status::capbuf_status;
use crate::buffer::capbuf_buffer;
use crate::reading::segment::capbuf_segment;
use crate::spec::capbuf_sample_format;

/// A clip that was written.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct capbuf_clip_info {
    /// Set it to `sizeof(capbuf_clip_info)` before the call.
    pub struct_size: usize,
    /// Frames in the clip, silence included.
    pub frames: u64,
    /// The capture time of the first frame, in ns of UTC.
    pub start_utc_ns: i64,
    /// Frames missing at the beginning: overwritten, or from before the first write.
    pub evicted_frames: u64,
    /// Frames missing at the end: never written.
    pub not_yet_frames: u64,
    /// The size of the file, in bytes.
    pub bytes: u64,
    /// Frames per second.
    pub sample_rate_hz: u32,
    /// Samples per frame.
    pub channels: u32,
    /// The format of the samples in the file.
    pub sample_format: capbuf_sample_format,
    /// The clock of the first frame's time: one of the `CAPBUF_CLOCK_` constants.
    pub clock: u32,
    /// The constant delay that was taken off the times, in ns.
    pub latency_ns: i64,
    /// The bound of the error of the times, in ns. The delay that all arrivals share is not in it.
    pub uncertainty_ns: i64,
}

versioned_struct!(capbuf_clip_info, offset_of!(capbuf_clip_info, latency_ns));

impl capbuf_clip_info {
    pub(crate) fn of(clip: &ClipInfo) -> Self {
        Self {
            struct_size: 0,
            frames: clip.frames,
            start_utc_ns: clip.start_utc_ns,
            evicted_frames: clip.missing.evicted_frames,
            not_yet_frames: clip.missing.not_yet_frames,
            bytes: clip.bytes,
            sample_rate_hz: clip.sample_rate_hz,
            channels: clip.channels.into(),
            sample_format: clip.format as u32,
            clock: clip.timing.clock as u32,
            latency_ns: clip.timing.latency_ns,
            uncertainty_ns: clip.timing.uncertainty_ns,
        }
    }
}

// Macros, as the checks of pointers are.
macro_rules! write_segment {
    ($segment:ident, $path:ident, $path_len:ident, $info:ident, $if_exists:expr) => {{
        let (segment, path) = (deref!($segment), text!($path, $path_len));
        let info = optional_versioned_out!($info);
        let tags = ClipTags::new(segment.source.as_str());
        let written = write_clip_with(&segment.segment, Path::new(path), &tags, $if_exists)?;
        if let Some(info) = info {
            info.write(capbuf_clip_info::of(&written));
        }
        Ok(())
    }};
}

macro_rules! cut {
    ($buffer:ident, $around:ident, $before:ident, $after:ident, $path:ident, $path_len:ident, $info:ident, $if_exists:expr) => {{
        let (buffer, path) = (&deref!($buffer).0, text!($path, $path_len));
        let info = optional_versioned_out!($info);
        let (before, after) = (duration("before_ns", $before)?, duration("after_ns", $after)?);
        let progress = |_| ControlFlow::Continue(());
        let cut = cut_clip_with_progress(buffer, $around, before, after, Path::new(path), $if_exists, progress)?;
        if let Some(info) = info {
            info.write(capbuf_clip_info::of(&cut));
        }
        Ok(())
    }};
}

/// Writes `segment` to a new file `path`, as WAV or FLAC by its extension `.wav` or `.flac`, with
/// the source (without credentials), the time and the gaps as metadata.
///
/// The file appears complete or not at all. Describes the clip in `*info`, unless `info` is NULL.
///
/// Threads: any. Cost: allocates; blocks on the disk.
/// Errors: CAPTURE_FAILED with the path and the reason, also if the file exists.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_segment_write_clip(
    segment: *const capbuf_segment,
    path: *const c_char,
    path_len: usize,
    info: *mut capbuf_clip_info,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || write_segment!(segment, path, path_len, info, IfExists::Fail))
}

/// As `capbuf_segment_write_clip`, and replaces a file that exists.
///
/// Threads: any. Cost: allocates; blocks on the disk.
/// Errors: CAPTURE_FAILED with the path and the reason.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_segment_overwrite_clip(
    segment: *const capbuf_segment,
    path: *const c_char,
    path_len: usize,
    info: *mut capbuf_clip_info,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || write_segment!(segment, path, path_len, info, IfExists::Overwrite))
}

/// Writes the clip from `before_ns` before `around_utc_ns` to `after_ns` after it to a new file
/// `path`, as `capbuf_segment_write_clip` does.
///
/// Waits for frames that are not written yet, until the clip is complete or its source ends.
/// Describes the clip and what is missing from it in `*info`, unless `info` is NULL. Gaps are
/// filled with silence, so that the clip has its full duration.
///
/// Threads: any. Cost: allocates; blocks up to ten seconds past the end of the clip, and on the
/// disk.
/// Errors: CAPTURE_FAILED with the path and the reason, also if no audio of the clip or such a file
/// exists; INVALID_RANGE for a clip of zero duration; OVER_BUDGET, OUT_OF_MEMORY.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_buffer_clip(
    buffer: *const capbuf_buffer,
    around_utc_ns: i64,
    before_ns: i64,
    after_ns: i64,
    path: *const c_char,
    path_len: usize,
    info: *mut capbuf_clip_info,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || cut!(buffer, around_utc_ns, before_ns, after_ns, path, path_len, info, IfExists::Fail))
}

/// As `capbuf_buffer_clip`, and replaces a file that exists.
///
/// Threads: any. Cost: allocates; blocks up to ten seconds past the end of the clip, and on the
/// disk.
/// Errors: CAPTURE_FAILED with the path and the reason, also if no audio of the clip exists;
/// INVALID_RANGE for a clip of zero duration; OVER_BUDGET, OUT_OF_MEMORY.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_buffer_overwrite_clip(
    buffer: *const capbuf_buffer,
    around_utc_ns: i64,
    before_ns: i64,
    after_ns: i64,
    path: *const c_char,
    path_len: usize,
    info: *mut capbuf_clip_info,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || cut!(buffer, around_utc_ns, before_ns, after_ns, path, path_len, info, IfExists::Overwrite))
}
