//! Copying spans out: into the caller's memory, or into a segment.

use std::ffi::c_void;
use std::time::Duration;

use capbuf::{Extracted, Gap, I24, ReadOptions, SampleFormat, Segment, Source, Span};

use crate::arguments::{end, given, growing, growing_place, place, read_growing};
use crate::buffer::capbuf_buffer;
use crate::error::{capbuf_error, capbuf_status};
use crate::failure::{Failure, numbered};
use crate::guard::{guard, guard_value};
use crate::pointers::{self, apart, give};
use crate::spec::{capbuf_sample_format, format, format_or_own};

/// Frames by their numbers: from `first` to one before `end`.
pub const CAPBUF_SPAN_FRAMES: u32 = 1;
/// A time: from `first` to `end`, in ns of UTC. Gaps in it are filled with silence, so that it keeps its length.
pub const CAPBUF_SPAN_TIME: u32 = 2;
/// The newest `end` ns. `first` is not used.
pub const CAPBUF_SPAN_LAST: u32 = 3;

/// A span of a buffer to read.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct capbuf_span {
    /// One of the `CAPBUF_SPAN_` constants: what the numbers are.
    pub kind: u32,
    /// Set it to 0.
    pub reserved: u32,
    /// Where it begins.
    pub first: i64,
    /// Where it ends; what is at `end` is not in it.
    pub end: i64,
}

/// How to read. NULL in its place is a structure of zeros: nothing missing, at once, the buffer's own format.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct capbuf_read_options {
    /// Set it to `sizeof(capbuf_read_options)` before the call.
    pub struct_size: usize,
    /// Wait so long for frames that are still to come, in ns. 0: do not wait.
    pub wait_ns: i64,
    /// 1: give what is there and tell what is missing, instead of an error.
    pub available: u32,
    /// 0: fill gaps with silence in spans of time, not in frames by number. 1: fill. 2: leave out.
    pub silence: u32,
    /// What the samples are converted to; CAPBUF_FORMAT_OWN: nothing.
    pub sample_format: capbuf_sample_format,
    /// Set it to 0.
    pub reserved: u32,
}

growing!(
    capbuf_read_options,
    size_of::<capbuf_read_options>(),
    capbuf_read_options {
        struct_size: size_of::<capbuf_read_options>(),
        wait_ns: 0,
        available: 0,
        silence: 0,
        sample_format: 0,
        reserved: 0,
    }
);

/// Where a span came from and what stands in it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct capbuf_extracted {
    /// Set it to `sizeof(capbuf_extracted)` before the call.
    pub struct_size: usize,
    /// Frames, silence included.
    pub frames: u64,
    /// The number of the first captured frame.
    pub first_frame: u64,
    /// Captured frames.
    pub captured_frames: u64,
    /// Frames of silence that fill gaps.
    pub silence_frames: u64,
    /// The time of the first frame, in ns of UTC.
    pub start_utc_ns: i64,
    /// The time at which the last frame ends, in ns of UTC.
    pub end_utc_ns: i64,
    /// How many gaps lie in it, filled or not.
    pub gaps: u64,
    /// What is missing at the beginning, in frames: overwritten, or from before the first frame.
    pub evicted_frames: u64,
    /// What is missing at the end, in frames: not recorded yet.
    pub not_yet_frames: u64,
    /// Frames a second.
    pub sample_rate_hz: u32,
    /// Samples a frame.
    pub channels: u32,
    /// What the samples are.
    pub sample_format: capbuf_sample_format,
    /// Nothing.
    pub reserved: u32,
}

growing!(
    capbuf_extracted,
    size_of::<capbuf_extracted>(),
    capbuf_extracted {
        struct_size: size_of::<capbuf_extracted>(),
        frames: 0,
        first_frame: 0,
        captured_frames: 0,
        silence_frames: 0,
        start_utc_ns: 0,
        end_utc_ns: 0,
        gaps: 0,
        evicted_frames: 0,
        not_yet_frames: 0,
        sample_rate_hz: 0,
        channels: 0,
        sample_format: 0,
        reserved: 0,
    }
);

/// A gap inside a segment.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct capbuf_gap {
    /// Set it to `sizeof(capbuf_gap)` before the call.
    pub struct_size: usize,
    /// The number of the first frame after it.
    pub first_frame: u64,
    /// Where the audio before it ends, in ns of UTC.
    pub start_utc_ns: i64,
    /// How much time is missing, in ns.
    pub duration_ns: i64,
    /// How far the wall clock was set, in ns; 0 for all reasons but CAPBUF_GAP_CLOCK_STEP.
    pub clock_step_ns: i64,
    /// The frame of the segment at which it begins.
    pub at_frame: u64,
    /// How many frames of silence stand for it in the segment.
    pub silence_frames: u64,
    /// One of the `CAPBUF_GAP_` constants.
    pub reason: u32,
    /// Nothing.
    pub reserved: u32,
}

growing!(
    capbuf_gap,
    size_of::<capbuf_gap>(),
    capbuf_gap {
        struct_size: size_of::<capbuf_gap>(),
        first_frame: 0,
        start_utc_ns: 0,
        duration_ns: 0,
        clock_step_ns: 0,
        at_frame: 0,
        silence_frames: 0,
        reason: 0,
        reserved: 0,
    }
);

impl capbuf_gap {
    pub(crate) fn of(gap: &Gap, at_frame: u64, silence_frames: u64) -> Self {
        Self {
            struct_size: 0,
            first_frame: gap.first_frame,
            start_utc_ns: gap.start_utc_ns,
            duration_ns: gap.duration_ns,
            clock_step_ns: gap.clock_step_ns,
            at_frame,
            silence_frames,
            reason: gap.reason as u32,
            reserved: 0,
        }
    }
}

/// A span of audio that was copied out.
///
/// Owned by the caller, who frees it with `capbuf_segment_free`. May be read by any thread.
pub struct capbuf_segment {
    pub(crate) segment: Segment,
    /// Where it is from, for clips.
    pub(crate) source: Source,
}

impl capbuf_span {
    fn checked(&self) -> Result<Span, Failure> {
        let frame = |name, number: i64| {
            u64::try_from(number).map_err(|_| Failure::argument(name, number, "a frame number, 0 and more"))
        };
        match self.kind {
            CAPBUF_SPAN_FRAMES => Ok(Span::Frames(frame("first", self.first)?..frame("end", self.end)?)),
            CAPBUF_SPAN_TIME => Ok(Span::Time(self.first..self.end)),
            CAPBUF_SPAN_LAST => match u64::try_from(self.end) {
                Ok(ns) => Ok(Span::Last(Duration::from_nanos(ns))),
                Err(_) => Err(Failure::argument("end", self.end, "a duration in ns, above 0")),
            },
            kind => Err(Failure::argument("kind", kind, "1 (frames), 2 (time), 3 (last)")),
        }
    }
}

impl capbuf_read_options {
    fn checked(&self) -> Result<(ReadOptions, Option<SampleFormat>), Failure> {
        let mut options = ReadOptions::new();
        match u64::try_from(self.wait_ns) {
            Ok(0) => {}
            Ok(ns) => options = options.wait(Duration::from_nanos(ns)),
            Err(_) => return Err(Failure::argument("wait_ns", self.wait_ns, "0 and more")),
        }
        match self.available {
            0 => {}
            1 => options = options.available(),
            other => return Err(Failure::argument("available", other, "0 or 1")),
        }
        match self.silence {
            0 => {}
            1 => options = options.silence(true),
            2 => options = options.silence(false),
            other => return Err(Failure::argument("silence", other, "0 (as usual), 1 (fill), 2 (leave out)")),
        }
        let format = format_or_own(self.sample_format)?;
        if let Some(format) = format {
            options = options.format(format);
        }
        Ok((options, format))
    }
}

fn extracted(extracted: &Extracted, rate: u32, channels: u16, format: SampleFormat) -> capbuf_extracted {
    capbuf_extracted {
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
        reserved: 0,
    }
}

/// Copies a span into the caller's memory: `room` samples at `samples`, of the format that the options name.
///
/// What stands there is told in `*info`, if that is not NULL. `options` may be NULL. The memory beyond the span stays as it was;
/// after an error other than TOO_SMALL its content is unspecified.
///
/// Any thread. Allocates nothing. Blocks only if told to wait. Errors: NOT_YET, EVICTED, INVALID_RANGE, TOO_SMALL, TIMED_OUT, REMOVED,
/// INVALID_ARGUMENT, MISALIGNED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_buffer_read(
    buffer: *const capbuf_buffer,
    span: *const capbuf_span,
    options: *const capbuf_read_options,
    samples: *mut c_void,
    room: usize,
    info: *mut capbuf_extracted,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (buffer, asked) = (&given!(buffer).0, given!(span).checked()?);
        let (how, format) = read_growing!(options).checked()?;
        let format = format.unwrap_or(buffer.spec().format());
        let bytes = room.saturating_mul(format.bytes());
        apart(samples, bytes, span, "span")?;
        apart(samples, bytes, options, "options")?;
        apart(samples, bytes, info, "info")?;
        let info = if info.is_null() { None } else { Some(growing_place!(info)) };
        let found = match format {
            SampleFormat::S16 => read::<i16>(buffer, asked, &how, samples, room),
            SampleFormat::S24 => read::<I24>(buffer, asked, &how, samples, room),
            SampleFormat::S32 => read::<i32>(buffer, asked, &how, samples, room),
            SampleFormat::F32 => read::<f32>(buffer, asked, &how, samples, room),
        }?;
        if let Some(info) = info {
            info.put(extracted(&found, buffer.spec().sample_rate_hz(), buffer.spec().channels(), format));
        }
        Ok(())
    })
}

fn read<T: capbuf::Sample>(
    buffer: &capbuf::CaptureBuffer,
    span: Span,
    options: &ReadOptions,
    samples: *mut c_void,
    room: usize,
) -> Result<Extracted, Failure> {
    // SAFETY: the header demands of the caller what `slice_mut` does.
    let out = unsafe { pointers::slice_mut(samples.cast::<T>(), room, "samples") }?;
    Ok(buffer.read_into(span, options, out)?)
}

/// Copies a span into new memory, with the gaps in it listed.
///
/// On success `*segment` is owned by the caller. `options` may be NULL.
///
/// Any thread. Allocates. Blocks only if told to wait. Errors: those of `capbuf_buffer_read`; OVER_BUDGET, OUT_OF_MEMORY.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_buffer_read_segment(
    buffer: *const capbuf_buffer,
    span: *const capbuf_span,
    options: *const capbuf_read_options,
    segment: *mut *mut capbuf_segment,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (buffer, span, out) = (given!(buffer), given!(span).checked()?, place!(segment));
        let (options, _) = read_growing!(options).checked()?;
        let segment = buffer.0.read_with(span, &options)?;
        out.write(give(capbuf_segment { segment, source: buffer.0.source().clone() }));
        Ok(())
    })
}

/// Frees a segment. NULL is nothing.
///
/// Once, by one thread, when nobody uses it any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_segment_free(segment: *mut capbuf_segment) {
    guard_value((), || end!(segment));
}

/// Gives a segment's samples, interleaved, and how many there are: frames times channels. They live as long as the segment.
///
/// Any thread. Errors: NULL_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_segment_samples(
    segment: *const capbuf_segment,
    samples: *mut *const c_void,
    sample_count: *mut usize,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (segment, out, count) = (given!(segment), place!(samples), place!(sample_count));
        out.write(segment.segment.samples().as_bytes().as_ptr().cast());
        count.write(segment.segment.samples().len());
        Ok(())
    })
}

/// Tells where a segment came from and what stands in it.
///
/// Any thread. Errors: NULL_ARGUMENT, INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_segment_info(
    segment: *const capbuf_segment,
    info: *mut capbuf_extracted,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (segment, place) = (&given!(segment).segment, growing_place!(info));
        let found = segment.extracted();
        place.put(extracted(&found, segment.sample_rate_hz(), segment.channels(), segment.format()));
        Ok(())
    })
}

/// Tells one gap of a segment, by its number: 0 to one below `gaps` of its info.
///
/// Any thread. Errors: NULL_ARGUMENT, INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_segment_gap(
    segment: *const capbuf_segment,
    number: usize,
    gap: *mut capbuf_gap,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (gaps, place) = (given!(segment).segment.gaps(), growing_place!(gap));
        let found = numbered(gaps, number, "gaps")?;
        place.put(capbuf_gap::of(&found.gap, found.at_frame, found.silence_frames));
        Ok(())
    })
}

/// The bytes of one sample of a format; 0 for a number that is no format.
///
/// Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn capbuf_sample_bytes(sample_format: capbuf_sample_format) -> usize {
    guard_value(0, || format(sample_format).map_or(0, SampleFormat::bytes))
}
