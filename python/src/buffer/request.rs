//! One read: its span, its policy and its destination.

use std::time::Duration;

use capbuf::{CaptureBuffer, Error, Extracted, ReadOptions, Sample, Span, Spec};
use numpy::{Element, PyReadwriteArrayDyn};
use pyo3::prelude::*;
use pyo3::types::PySlice;

use super::segment::{Facts, Segment};
use crate::arguments::{FRAMES, Wait, duration, unsigned, utc_ns};
use crate::arrays::{self, Out, Place, Target};
use crate::errors::OrRaise as _;
use crate::waiting::{Handle, HasMissing, Poll, block_on, poll_read};

/// Below this many bytes, detaching from the interpreter costs more than the copy.
const WORTH_DETACHING: u64 = 1 << 16;

/// Extracts the span of a read by time.
pub(super) fn by_time(start: &Bound<'_, PyAny>, end: &Bound<'_, PyAny>) -> PyResult<Span> {
    Ok(Span::Time(utc_ns("start", start)?..utc_ns("end", end)?))
}

/// Extracts the span of a read by frame numbers.
pub(super) fn by_frames(first: &Bound<'_, PyAny>, end: &Bound<'_, PyAny>) -> PyResult<Span> {
    Ok(Span::Frames(unsigned("first", first, FRAMES)?..unsigned("end", end, FRAMES)?))
}

/// Extracts the span of a read of the newest audio.
pub(super) fn newest(seconds: &Bound<'_, PyAny>) -> PyResult<Span> {
    Ok(Span::Last(duration("seconds", seconds)?))
}

/// The way a read waits for frames that are not recorded yet.
#[derive(Clone, Copy)]
pub(super) enum Waiting {
    /// The calling thread blocks.
    Block(Wait),
    /// The caller sleeps between polls: it has waited so far, and `is_over` marks its last poll.
    Poll { waited: Duration, is_over: bool },
}

/// A read, without its destination.
pub(super) struct Request {
    pub(super) span: Span,
    pub(super) available: bool,
    pub(super) silence: Option<bool>,
    pub(super) waiting: Waiting,
}

impl HasMissing for Facts {
    fn missing(&self) -> capbuf::Missing {
        self.missing
    }
}

impl HasMissing for capbuf::Segment {
    fn missing(&self) -> capbuf::Missing {
        self.missing()
    }
}

impl Request {
    /// Reads into an array.
    pub(super) fn segment(
        &self,
        py: Python<'_>,
        handle: &Handle<CaptureBuffer>,
        target: &Target<'_>,
    ) -> PyResult<Poll<Segment>> {
        let spec = handle.with(py, |buffer| *buffer.spec())?;
        let Some(out) = &target.out else {
            let format = target.dtype.format();
            let read =
                self.run(py, handle, |buffer, options| buffer.read_with(self.span.clone(), &options.format(format)))?;
            return read.then(|segment| in_new_array(py, segment, &spec));
        };
        let place = Place::of(out, spec.channels())?;
        let read = match place.borrow(spec.channels())? {
            Out::Float32(mut array) => self.fill(py, handle, &mut array),
            Out::Int16(mut array) => self.fill(py, handle, &mut array),
            Out::Int32(mut array) => self.fill(py, handle, &mut array),
        }?;
        place.finish()?;
        read.then(|facts| in_callers_array(out, facts, &spec))
    }

    /// Reads in the buffer's own format.
    pub(super) fn native(&self, py: Python<'_>, handle: &Handle<CaptureBuffer>) -> PyResult<Poll<capbuf::Segment>> {
        self.run(py, handle, |buffer, options| buffer.read_with(self.span.clone(), &options))
    }

    fn fill<T: Sample + Element>(
        &self,
        py: Python<'_>,
        handle: &Handle<CaptureBuffer>,
        array: &mut PyReadwriteArrayDyn<'_, T>,
    ) -> PyResult<Poll<Facts>> {
        let out = arrays::memory(py, array)?;
        self.run(py, handle, |buffer, options| read_into(buffer, &self.span, &options, out))
    }

    fn run<R: HasMissing + Send>(
        &self,
        py: Python<'_>,
        handle: &Handle<CaptureBuffer>,
        mut attempt: impl FnMut(&CaptureBuffer, ReadOptions) -> capbuf::Result<R> + Send,
    ) -> PyResult<Poll<R>> {
        let mut attempt = |buffer: &CaptureBuffer, available: bool| {
            let options = if available { ReadOptions::new().available() } else { ReadOptions::new() };
            let options = self.silence.map_or(options, |silence| options.silence(silence));
            if self.estimated_bytes(buffer.spec()) < WORTH_DETACHING {
                return attempt(buffer, options);
            }
            py.detach(|| attempt(buffer, options))
        };
        let mut poll = |buffer: &CaptureBuffer, waited, is_over| {
            poll_read(py, buffer, self.available, waited, is_over, |available| attempt(buffer, available))
        };
        match self.waiting {
            Waiting::Block(Wait::Never) => attempt(&*handle.get(py)?, self.available).map(Poll::Ready).or_raise(py),
            Waiting::Block(wait) => block_on(py, || handle.get(py), wait, poll).map(Poll::Ready),
            Waiting::Poll { waited, is_over } => poll(&*handle.get(py)?, waited, is_over),
        }
    }

    fn estimated_bytes(&self, spec: &Spec) -> u64 {
        let of_ns = |ns: u64| (ns as f64 * 1e-9 * f64::from(spec.sample_rate_hz())) as u64;
        let frames = match &self.span {
            Span::Frames(range) => range.end.saturating_sub(range.start),
            Span::Time(range) => of_ns(range.end.saturating_sub(range.start).max(0).unsigned_abs()),
            Span::Last(duration) => of_ns(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)),
        };
        frames.saturating_mul(spec.frame_bytes() as u64)
    }
}

/// Reads into memory and lists the gaps.
fn read_into<T: Sample>(
    buffer: &CaptureBuffer,
    span: &Span,
    options: &ReadOptions,
    out: &mut [T],
) -> capbuf::Result<Facts> {
    let extracted: Extracted = buffer.read_into(span.clone(), options, out)?;
    if extracted.gaps == 0 {
        return Ok(Facts::without_gaps(&extracted));
    }
    // Only a segment lists its gaps. Samples and gaps must come from the same read: copy again.
    let segment = buffer.read_with(span.clone(), &options.format(T::FORMAT))?;
    let samples = segment.samples().get::<T>().unwrap_or_default();
    let given_samples = out.len() as u64;
    let room =
        out.get_mut(..samples.len()).ok_or(Error::TooSmall { needed_samples: samples.len() as u64, given_samples })?;
    room.copy_from_slice(samples);
    Ok(Facts::of(&segment))
}

fn in_new_array(py: Python<'_>, segment: capbuf::Segment, spec: &Spec) -> PyResult<Segment> {
    let facts = Facts::of(&segment);
    let samples = arrays::from_samples(py, segment.into_samples(), usize::from(spec.channels()))?;
    Ok(Segment::new(samples, facts, spec))
}

/// Builds a segment whose samples are the first frames of the caller's array.
fn in_callers_array(out: &Bound<'_, PyAny>, facts: Facts, spec: &Spec) -> PyResult<Segment> {
    let frames = usize::try_from(facts.frames).unwrap_or(usize::MAX);
    let samples = if out.len()? == frames {
        out.clone()
    } else {
        let end = isize::try_from(frames).unwrap_or(isize::MAX);
        out.get_item(PySlice::new(out.py(), 0, end, 1))?
    };
    Ok(Segment::new(samples, facts, spec))
}
