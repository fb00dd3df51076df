//! Reads of a span: into the caller's memory, or into a new segment.

use std::ffi::c_void;

use capbuf::{CaptureBuffer, Extracted, I24, ReadOptions, Sample, SampleFormat, Span};

use crate::boundary::arguments::{deref, optional_versioned_out, out, read_versioned};
use crate::boundary::error_detail::capbuf_error;
use crate::boundary::ffi_error::FfiError;
use crate::boundary::guard::guard;
use crate::boundary::pointers::{check_disjoint, into_handle, slice_mut};
use crate::boundary::status::capbuf_status;
use crate::buffer::capbuf_buffer;
use crate::reading::extracted::capbuf_extracted;
use crate::reading::options::capbuf_read_options;
use crate::reading::segment::capbuf_segment;
use crate::reading::span::capbuf_span;

/// Copies `span` to `samples`, interleaved, in the format that `options` names.
///
/// `room` is the size of `samples` in samples: frames times channels. `options` may be NULL. Writes
/// the result to `*info`, unless `info` is NULL. Memory beyond the span is unchanged. After an
/// error the content of `samples` is unspecified, except that TOO_SMALL leaves it unchanged.
///
/// Threads: any. Cost: allocates nothing; blocks only with `wait_ns`.
/// Errors: NOT_YET, EVICTED, INVALID_RANGE, TOO_SMALL; with `wait_ns` also TIMED_OUT and REMOVED.
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
        let (buffer, requested) = (&deref!(buffer).0, deref!(span).checked()?);
        let (read_options, format) = read_versioned!(options).checked()?;
        let format = format.unwrap_or(buffer.spec().format());
        let bytes = room.saturating_mul(format.bytes());
        check_disjoint(samples, bytes, span, "span")?;
        check_disjoint(samples, bytes, options, "options")?;
        check_disjoint(samples, bytes, info, "info")?;
        let info = optional_versioned_out!(info);
        let extracted = match format {
            SampleFormat::S16 => read::<i16>(buffer, requested, &read_options, samples, room),
            SampleFormat::S24 => read::<I24>(buffer, requested, &read_options, samples, room),
            SampleFormat::S32 => read::<i32>(buffer, requested, &read_options, samples, room),
            SampleFormat::F32 => read::<f32>(buffer, requested, &read_options, samples, room),
        }?;
        if let Some(info) = info {
            let spec = buffer.spec();
            info.write(capbuf_extracted::of(&extracted, spec.sample_rate_hz(), spec.channels(), format));
        }
        Ok(())
    })
}

fn read<T: Sample>(
    buffer: &CaptureBuffer,
    span: Span,
    options: &ReadOptions,
    samples: *mut c_void,
    room: usize,
) -> Result<Extracted, FfiError> {
    // SAFETY: the header requires of the caller what `slice_mut` does.
    let out = unsafe { slice_mut(samples.cast::<T>(), room, "samples") }?;
    Ok(buffer.read_into(span, options, out)?)
}

/// Copies `span` into a new segment, which also lists its gaps.
///
/// On success the caller owns `*segment`. `options` may be NULL.
///
/// Threads: any. Cost: allocates; blocks only with `wait_ns`.
/// Errors: those of `capbuf_buffer_read` except TOO_SMALL; OVER_BUDGET, OUT_OF_MEMORY.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn capbuf_buffer_read_segment(
    buffer: *const capbuf_buffer,
    span: *const capbuf_span,
    options: *const capbuf_read_options,
    segment: *mut *mut capbuf_segment,
    error: *mut *mut capbuf_error,
) -> capbuf_status {
    guard(error, || {
        let (buffer, span, out) = (deref!(buffer), deref!(span).checked()?, out!(segment));
        let (options, _) = read_versioned!(options).checked()?;
        let segment = buffer.0.read_with(span, &options)?;
        out.write(into_handle(capbuf_segment { segment, source: buffer.0.source().clone() }));
        Ok(())
    })
}
