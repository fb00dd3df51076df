//! A span of audio that was copied out of a buffer.

use pyo3::prelude::*;
use pyo3::pyclass::{PyTraverseError, PyVisit};
use pyo3::types::PyTuple;

use super::gap::{Gap, Missing};
use crate::arguments::datetime;
use crate::pickling::{Reduced, reduce};

/// The position and content of a segment, independent of the memory it was read into.
pub(super) struct Facts {
    pub(super) frames: u64,
    pub(super) first_frame: u64,
    pub(super) end_frame: u64,
    pub(super) silence_frames: u64,
    pub(super) start_utc_ns: i64,
    pub(super) end_utc_ns: i64,
    pub(super) gaps: Vec<Gap>,
    pub(super) missing: capbuf::Missing,
    pub(super) timing: capbuf::Timing,
}

impl Facts {
    pub(super) fn of(segment: &capbuf::Segment) -> Self {
        Self {
            frames: segment.frames(),
            first_frame: segment.first_frame(),
            end_frame: segment.end_frame(),
            silence_frames: segment.silence_frames(),
            start_utc_ns: segment.start_utc_ns(),
            end_utc_ns: segment.end_utc_ns(),
            gaps: segment.gaps().iter().map(Gap::in_segment).collect(),
            missing: segment.missing(),
            timing: segment.timing(),
        }
    }

    /// The facts of a read that met no gap.
    pub(super) fn without_gaps(extracted: &capbuf::Extracted) -> Self {
        Self {
            frames: extracted.frames,
            first_frame: extracted.first_frame,
            end_frame: extracted.end_frame,
            silence_frames: extracted.silence_frames,
            start_utc_ns: extracted.start_utc_ns,
            end_utc_ns: extracted.end_utc_ns,
            gaps: Vec::new(),
            missing: extracted.missing,
            timing: extracted.timing,
        }
    }
}

/// A span of audio that was copied out of a buffer, with its position, times and gaps.
///
/// Independent of the buffer's later fate. ``len()`` is the number of frames.
///
/// Attributes
/// ----------
/// samples : numpy.ndarray
///     Shape ``(frames, channels)``; float32 (full scale is 1.0), int16 or int32. Owned by the
///     caller. After a read with ``out=``, the first frames of that array.
/// first_frame, end_frame : int
///     The number of the first captured frame, and one past the last.
/// start_utc_ns, end_utc_ns : int
///     Start of the first frame and end of the last one, in ns of UTC; `start` and `end` are the
///     same as aware `datetime`.
/// gaps : tuple of Gap
///     The gaps inside, in order.
/// missing : Missing
///     The frames that a read with ``available=True`` lacks; false if it lacks none.
/// clock : str
///     The clock that gave the time of the first frame: ``"device"``, ``"sender"``, ``"arrival"`` or
///     ``"file"``.
/// latency_ns, uncertainty_ns : int
///     The constant delay that was taken off, and the bound of the error of all times, in ns. The
///     delay that all arrivals share is not in it.
/// silence_frames : int
///     Frames of silence that fill gaps.
/// sample_rate_hz, channels : int
///     Those of the buffer.
///
/// Examples
/// --------
/// >>> import numpy, capbuf
/// >>> registry = capbuf.Registry.private()
/// >>> buffer = registry.get_or_allocate("mic", seconds=2, sample_rate_hz=8000)
/// >>> with buffer.writer() as writer:
/// ...     writer.write(numpy.full(8000, 16384, "int16"))
/// >>> segment = buffer.last(0.5)
/// >>> segment.samples.shape, segment.samples.dtype, float(segment.samples[0, 0])
/// ((4000, 1), dtype('float32'), 0.5)
/// >>> segment.first_frame, segment.end_frame, len(segment), segment.gaps, bool(segment.missing)
/// (4000, 8000, 4000, (), False)
/// >>> segment.clock, segment.latency_ns, segment.uncertainty_ns >= 0
/// ('arrival', 0, True)
#[pyclass(module = "capbuf", frozen)]
pub(crate) struct Segment {
    #[pyo3(get)]
    samples: Py<PyAny>,
    facts: Facts,
    #[pyo3(get)]
    sample_rate_hz: u32,
    #[pyo3(get)]
    channels: u16,
}

impl Segment {
    pub(super) fn new(samples: Bound<'_, PyAny>, facts: Facts, spec: &capbuf::Spec) -> Self {
        let (sample_rate_hz, channels) = (spec.sample_rate_hz(), spec.channels());
        Self { samples: samples.unbind(), facts, sample_rate_hz, channels }
    }
}

#[pymethods]
impl Segment {
    #[getter]
    fn first_frame(&self) -> u64 {
        self.facts.first_frame
    }

    #[getter]
    fn end_frame(&self) -> u64 {
        self.facts.end_frame
    }

    #[getter]
    fn silence_frames(&self) -> u64 {
        self.facts.silence_frames
    }

    #[getter]
    fn start_utc_ns(&self) -> i64 {
        self.facts.start_utc_ns
    }

    #[getter]
    fn end_utc_ns(&self) -> i64 {
        self.facts.end_utc_ns
    }

    #[getter]
    fn clock(&self) -> &'static str {
        self.facts.timing.clock.name()
    }

    #[getter]
    fn latency_ns(&self) -> i64 {
        self.facts.timing.latency_ns
    }

    #[getter]
    fn uncertainty_ns(&self) -> i64 {
        self.facts.timing.uncertainty_ns
    }

    /// Start of the first frame, as an aware `datetime` in UTC.
    #[getter]
    fn start<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        datetime(py, self.facts.start_utc_ns)
    }

    /// End of the last frame, as an aware `datetime` in UTC.
    #[getter]
    fn end<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        datetime(py, self.facts.end_utc_ns)
    }

    #[getter]
    fn gaps<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.facts.gaps.clone())
    }

    #[getter]
    fn missing(&self) -> Missing {
        Missing::new(self.facts.missing)
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py>> {
        let (py, Self { samples, facts, sample_rate_hz, channels }) = (slf.py(), slf.get());
        let position = (facts.frames, facts.first_frame, facts.end_frame, facts.silence_frames);
        let times = (facts.start_utc_ns, facts.end_utc_ns);
        let ends = (facts.gaps.clone(), Missing::new(facts.missing));
        let timing = (facts.timing.clock.name(), facts.timing.latency_ns, facts.timing.uncertainty_ns);
        let fields = (samples.clone_ref(py), position, times, ends, (*sample_rate_hz, *channels), timing);
        reduce(slf.as_any(), fields.into_pyobject(py)?)
    }

    #[staticmethod]
    fn _restore(
        samples: Py<PyAny>,
        position: (u64, u64, u64, u64),
        times: (i64, i64),
        ends: (Vec<Gap>, Missing),
        shape: (u32, u16),
        accuracy: (String, i64, i64),
    ) -> Self {
        let (frames, first_frame, end_frame, silence_frames) = position;
        let ((start_utc_ns, end_utc_ns), (gaps, missing)) = (times, ends);
        let missing = missing.of_core();
        let mut timing = capbuf::Timing::default();
        let clock = capbuf::ClockSource::ALL.into_iter().find(|clock| clock.name() == accuracy.0);
        (timing.clock, timing.latency_ns, timing.uncertainty_ns) = (clock.unwrap_or_default(), accuracy.1, accuracy.2);
        let facts =
            Facts { frames, first_frame, end_frame, silence_frames, start_utc_ns, end_utc_ns, gaps, missing, timing };
        Self { samples, facts, sample_rate_hz: shape.0, channels: shape.1 }
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.samples)
    }

    fn __len__(&self) -> usize {
        usize::try_from(self.facts.frames).unwrap_or(usize::MAX)
    }

    fn __repr__(&self) -> String {
        let Facts { first_frame, end_frame, start_utc_ns, gaps, .. } = &self.facts;
        let gaps = if gaps.is_empty() { String::new() } else { format!(", {} gaps", gaps.len()) };
        let (rate, channels) = (self.sample_rate_hz, self.channels);
        format!(
            "<capbuf.Segment frames {first_frame}..{end_frame} from {start_utc_ns} ns UTC, {rate} Hz x {channels}{gaps}>"
        )
    }
}
