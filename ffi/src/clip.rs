//! Clips: spans of audio in files.

use std::ffi::c_char;
use std::path::Path;
use std::time::Duration;

use ::capbuf_capture::{ClipInfo, ClipTags, cut_clip, write_clip_with};

use crate::arguments::{given, growing, growing_place, text};
use crate::buffer::capbuf_buffer;
use crate::error::{capbuf_error, capbuf_status};
use crate::failure::Failure;
use crate::guard::guard;
use crate::read::capbuf_segment;
use crate::spec::capbuf_sample_format;

/// A clip that was written.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct capbuf_clip_info {
    /// Set it to `sizeof(capbuf_clip_info)` before the call.
    pub struct_size: usize,
    /// Frames in it, silence included.
    pub frames: u64,
    /// When its first frame was captured, in ns of UTC.
    pub start_utc_ns: i64,
    /// What is missing at the beginning of what was asked for, in frames: overwritten, or from before the first frame.
    pub evicted_frames: u64,
    /// What is missing at the end, in frames: it did not come.
    pub not_yet_frames: u64,
    /// The size of the file, in bytes.
    pub bytes: u64,
    /// Frames a second.
    pub sample_rate_hz: u32,
    /// Samples a frame.
    pub channels: u32,
    /// What the samples in the file are.
    pub sample_format: capbuf_sample_format,
    /// Nothing.
    pub reserved: u32,
}

growing!(
    capbuf_clip_info,
    size_of::<capbuf_clip_info>(),
    capbuf_clip_info {
        struct_size: size_of::<capbuf_clip_info>(),
        frames: 0,
        start_utc_ns: 0,
        evicted_frames: 0,
        not_yet_frames: 0,
        bytes: 0,
        sample_rate_hz: 0,
        channels: 0,
        sample_format: 0,
        reserved: 0,
    }
);

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
            reserved: 0,
        }
    }
}

/// Writes a segment into a file, `.wav` or `.flac` by the path's extension: whole under its name, or not at all. A file that has the name
/// is replaced. Source (without credentials), time and gaps stand in it beside the audio.
///
/// What was written is told in `*info`, if that is not NULL.
///
/// Any thread. Blocks for as long as the disk needs. Errors: CAPTURE_FAILED, with the path and the reason; INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_segment_write_clip(
    segment: *const capbuf_segment,
    path: *const c_char,
    path_len: usize,
    info: *mut capbuf_clip_info,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (segment, path) = (given!(segment), text!(path, path_len));
        let info = if info.is_null() { None } else { Some(growing_place!(info)) };
        let written = write_clip_with(&segment.segment, Path::new(path), &ClipTags::new(segment.source.as_str()))?;
        if let Some(info) = info {
            info.put(capbuf_clip_info::of(&written));
        }
        Ok(())
    })
}

/// Cuts the clip around a moment, from `before_ns` before it to `after_ns` after it, waits for what is still to come, and writes it as
/// `capbuf_segment_write_clip` does.
///
/// A clip that ends in the future is written when it is complete, or as far as the source lived. What is missing is told in `*info`, if
/// that is not NULL; gaps are filled with silence, so that the clip keeps its length.
///
/// Any thread. Allocates, and blocks until the clip is written: ten seconds past its end at most, and for as long as the disk needs.
/// Errors: CAPTURE_FAILED, with the path and the reason, also where there is no audio at all; INVALID_RANGE for a clip of no length;
/// OVER_BUDGET, OUT_OF_MEMORY, INVALID_ARGUMENT.
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
    guard(error, || {
        let (buffer, path) = (&given!(buffer).0, text!(path, path_len));
        let info = if info.is_null() { None } else { Some(growing_place!(info)) };
        let (before, after) = (duration("before_ns", before_ns)?, duration("after_ns", after_ns)?);
        let cut = cut_clip(buffer, around_utc_ns, before, after, Path::new(path))?;
        if let Some(info) = info {
            info.put(capbuf_clip_info::of(&cut));
        }
        Ok(())
    })
}

fn duration(name: &'static str, ns: i64) -> Result<Duration, Failure> {
    u64::try_from(ns).map(Duration::from_nanos).map_err(|_| Failure::argument(name, ns, "0 and more"))
}
