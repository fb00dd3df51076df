//! Reads: what is asked, and how it gets into an array.

use std::time::Duration;

use capbuf::{CaptureBuffer, Error, Extracted, ReadOptions, Sample, Span, Spec};
use numpy::{Element, PyReadwriteArrayDyn};
use pyo3::prelude::*;
use pyo3::types::PySlice;

use crate::arguments::{FRAMES, whole};
use crate::arrays::{self, DType, Out};
use crate::errors::{OrRaise as _, invalid};
use crate::handle::Handle;
use crate::segment::{Facts, Segment};
use crate::times::{self, Wait};
use crate::waiting::{self, Step, Taken};

/// Copies of fewer bytes take less time than letting other threads run meanwhile.
const WORTH_DETACHING: u64 = 1 << 16;

/// Takes the arguments of a read by time.
pub(crate) fn by_time(start: &Bound<'_, PyAny>, end: &Bound<'_, PyAny>) -> PyResult<Span> {
    Ok(Span::Time(times::utc_ns("start", start)?..times::utc_ns("end", end)?))
}

/// Takes the arguments of a read by frame numbers.
pub(crate) fn by_frames(first: &Bound<'_, PyAny>, end: &Bound<'_, PyAny>) -> PyResult<Span> {
    Ok(Span::Frames(whole("first", first, FRAMES)?..whole("end", end, FRAMES)?))
}

/// Takes the argument of a read of the newest.
pub(crate) fn newest(seconds: &Bound<'_, PyAny>) -> PyResult<Span> {
    Ok(Span::Last(times::duration("seconds", seconds)?))
}

/// Where samples are to go: a new array of a type, or the caller's.
pub(crate) struct Target<'py> {
    pub(crate) dtype: DType,
    pub(crate) out: Option<Bound<'py, PyAny>>,
}

impl<'py> Target<'py> {
    /// Takes the arguments `dtype` and `out`.
    pub(crate) fn of(dtype: Option<&Bound<'py, PyAny>>, out: Option<Bound<'py, PyAny>>) -> PyResult<Self> {
        let asked = dtype.map(DType::of).transpose()?;
        if let (Some(asked), Some(out)) = (asked, &out) {
            let has = DType::of_array(out)?;
            if has != asked {
                return Err(invalid(out.py(), "dtype", asked.name(), format!("that of out, {}", has.name())));
            }
        }
        let dtype = match (&out, asked) {
            (Some(out), _) => DType::of_array(out)?,
            (None, asked) => asked.unwrap_or(DType::Float32),
        };
        Ok(Self { dtype, out })
    }
}

/// Who waits for frames that are to come, and how.
#[derive(Clone, Copy)]
pub(crate) enum Pace {
    /// The calling thread.
    Block(Wait),
    /// The caller, by other means: it has waited so long, and maybe that was all.
    Look { waited: Duration, is_over: bool },
}

/// What is asked of a read beside where it goes.
pub(crate) struct Request {
    pub(crate) span: Span,
    pub(crate) available: bool,
    pub(crate) silence: Option<bool>,
    pub(crate) pace: Pace,
}

impl Taken for Facts {
    fn missing(&self) -> capbuf::Missing {
        self.missing
    }
}

impl Taken for capbuf::Segment {
    fn missing(&self) -> capbuf::Missing {
        self.missing()
    }
}

impl Request {
    /// Reads into an array.
    pub(crate) fn segment(
        &self,
        py: Python<'_>,
        handle: &Handle<CaptureBuffer>,
        target: &Target<'_>,
    ) -> PyResult<Step<Segment>> {
        let spec = handle.with(py, |buffer| *buffer.spec())?;
        let Some(out) = &target.out else {
            let format = target.dtype.format();
            let step =
                self.run(py, handle, |buffer, options| buffer.read_with(self.span.clone(), &options.format(format)))?;
            return step.then(|read| made(py, read, &spec));
        };
        let step = match Out::borrow(out, spec.channels())? {
            Out::Float32(mut array) => self.fill(py, handle, &mut array),
            Out::Int16(mut array) => self.fill(py, handle, &mut array),
            Out::Int32(mut array) => self.fill(py, handle, &mut array),
        }?;
        step.then(|facts| filled(out, facts, &spec))
    }

    /// Reads in the buffer's own format.
    pub(crate) fn native(&self, py: Python<'_>, handle: &Handle<CaptureBuffer>) -> PyResult<Step<capbuf::Segment>> {
        self.run(py, handle, |buffer, options| buffer.read_with(self.span.clone(), &options))
    }

    fn fill<T: Sample + Element>(
        &self,
        py: Python<'_>,
        handle: &Handle<CaptureBuffer>,
        array: &mut PyReadwriteArrayDyn<'_, T>,
    ) -> PyResult<Step<Facts>> {
        let out = arrays::memory(py, array)?;
        self.run(py, handle, |buffer, options| into(buffer, &self.span, &options, out))
    }

    fn run<R: Taken + Send>(
        &self,
        py: Python<'_>,
        handle: &Handle<CaptureBuffer>,
        mut attempt: impl FnMut(&CaptureBuffer, ReadOptions) -> capbuf::Result<R> + Send,
    ) -> PyResult<Step<R>> {
        let mut look = |buffer: &CaptureBuffer, available: bool| {
            let options = if available { ReadOptions::new().available() } else { ReadOptions::new() };
            let options = self.silence.map_or(options, |silence| options.silence(silence));
            if self.bytes(buffer.spec()) < WORTH_DETACHING {
                return attempt(buffer, options);
            }
            py.detach(|| attempt(buffer, options))
        };
        match self.pace {
            Pace::Block(Wait::Not) => look(&*handle.get(py)?, self.available).map(Step::Done).or_raise(py),
            Pace::Block(wait) => {
                let step = |buffer: &CaptureBuffer, waited, is_over| {
                    waiting::look(py, buffer, self.available, waited, is_over, |available| look(buffer, available))
                };
                waiting::wait(py, handle, wait, step).map(Step::Done)
            }
            Pace::Look { waited, is_over } => {
                let buffer = &*handle.get(py)?;
                waiting::look(py, buffer, self.available, waited, is_over, |available| look(buffer, available))
            }
        }
    }

    /// Bytes that are copied, about.
    fn bytes(&self, spec: &Spec) -> u64 {
        let of_ns = |ns: u64| (ns as f64 * 1e-9 * f64::from(spec.sample_rate_hz())) as u64;
        let frames = match &self.span {
            Span::Frames(range) => range.end.saturating_sub(range.start),
            Span::Time(range) => of_ns(range.end.saturating_sub(range.start).max(0).unsigned_abs()),
            Span::Last(duration) => of_ns(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)),
        };
        frames.saturating_mul(spec.frame_bytes() as u64)
    }
}

/// Reads into memory, with the gaps listed.
fn into<T: Sample>(buffer: &CaptureBuffer, span: &Span, options: &ReadOptions, out: &mut [T]) -> capbuf::Result<Facts> {
    let extracted: Extracted = buffer.read_into(span.clone(), options, out)?;
    if extracted.gaps == 0 {
        return Ok(Facts::without_gaps(&extracted));
    }
    // Only a segment lists its gaps, and both must be of one moment.
    let segment = buffer.read_with(span.clone(), &options.format(T::FORMAT))?;
    let samples = segment.samples().get::<T>().unwrap_or_default();
    let given_samples = out.len() as u64;
    let room =
        out.get_mut(..samples.len()).ok_or(Error::TooSmall { needed_samples: samples.len() as u64, given_samples })?;
    room.copy_from_slice(samples);
    Ok(Facts::of(&segment))
}

/// A segment with an array of its own.
fn made(py: Python<'_>, read: capbuf::Segment, spec: &Spec) -> PyResult<Segment> {
    let facts = Facts::of(&read);
    let samples = arrays::from_samples(py, read.into_samples(), usize::from(spec.channels()))?;
    Ok(Segment::new(samples, facts, spec))
}

/// A segment whose samples are the first of the caller's array.
fn filled(out: &Bound<'_, PyAny>, facts: Facts, spec: &Spec) -> PyResult<Segment> {
    let frames = usize::try_from(facts.frames).unwrap_or(usize::MAX);
    let samples = if out.len()? == frames {
        out.clone()
    } else {
        let end = isize::try_from(frames).unwrap_or(isize::MAX);
        out.get_item(PySlice::new(out.py(), 0, end, 1))?
    };
    Ok(Segment::new(samples, facts, spec))
}
