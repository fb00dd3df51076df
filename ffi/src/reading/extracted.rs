//! The result of a read: which frames it copied, and what is missing.

use std::mem::offset_of;

use capbuf::{Extracted, SampleFormat};

use crate::boundary::arguments::versioned_struct;
use crate::spec::capbuf_sample_format;

/// A clock: the capture times that a device, or the program that writes, passed.
pub const CAPBUF_CLOCK_DEVICE: u32 = 1;
/// A clock: that of a stream's sender, as its reports say.
pub const CAPBUF_CLOCK_SENDER: u32 = 2;
/// A clock: the times of arrival. A delay that all chunks share cannot be seen in them.
pub const CAPBUF_CLOCK_ARRIVAL: u32 = 3;
/// A clock: that of a file played in real time.
pub const CAPBUF_CLOCK_FILE: u32 = 4;

/// The result of a read.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct capbuf_extracted {
    /// Set it to `sizeof(capbuf_extracted)` before the call.
    pub struct_size: usize,
    /// Frames copied, silence included.
    pub frames: u64,
    /// The number of the first captured frame.
    pub first_frame: u64,
    /// Captured frames: all from `first_frame` to `end_frame`, but those of an older epoch whose
    /// times a newer one has, in a span of time.
    pub captured_frames: u64,
    /// Frames of silence that fill gaps.
    pub silence_frames: u64,
    /// The time of the first frame, in ns of UTC.
    pub start_utc_ns: i64,
    /// The time at which the last frame ends, in ns of UTC.
    pub end_utc_ns: i64,
    /// Gaps in the span, filled or not.
    pub gaps: u64,
    /// Frames missing at the beginning: overwritten, or from before the first write.
    pub evicted_frames: u64,
    /// Frames missing at the end: not written yet.
    pub not_yet_frames: u64,
    /// Frames per second.
    pub sample_rate_hz: u32,
    /// Samples per frame.
    pub channels: u32,
    /// The format of the samples copied.
    pub sample_format: capbuf_sample_format,
    /// The clock of the first frame's time: one of the `CAPBUF_CLOCK_` constants.
    pub clock: u32,
    /// One past the number of the last captured frame.
    pub end_frame: u64,
    /// The constant delay that was taken off the times, in ns.
    pub latency_ns: i64,
    /// The bound of the error of the times, in ns. The delay that all arrivals share is not in it.
    pub uncertainty_ns: i64,
}

versioned_struct!(capbuf_extracted, offset_of!(capbuf_extracted, latency_ns));

impl capbuf_extracted {
    pub(crate) fn of(extracted: &Extracted, rate: u32, channels: u16, format: SampleFormat) -> Self {
        Self {
            struct_size: 0,
            frames: extracted.frames,
            first_frame: extracted.first_frame,
            captured_frames: extracted.captured_frames,
            silence_frames: extracted.silence_frames,
            start_utc_ns: extracted.start_utc_ns,
            end_utc_ns: extracted.end_utc_ns,
            gaps: extracted.gaps,
            evicted_frames: extracted.missing.evicted_frames,
            not_yet_frames: extracted.missing.not_yet_frames,
            sample_rate_hz: rate,
            channels: channels.into(),
            sample_format: format as u32,
            clock: extracted.timing.clock as u32,
            end_frame: extracted.end_frame,
            latency_ns: extracted.timing.latency_ns,
            uncertainty_ns: extracted.timing.uncertainty_ns,
        }
    }
}
