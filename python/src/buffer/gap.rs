//! What is missing in a span of audio: gaps on the timeline, and ends that could not be read.

use pyo3::prelude::*;

use crate::times;

/// A place where the timeline does not go on where it ended.
///
/// Attributes
/// ----------
/// first_frame : int
///     The first frame after the gap.
/// start_utc_ns : int
///     Where the audio before it ends, in ns of UTC; `start` is the same as an aware `datetime`.
/// duration_ns : int
///     How much time is missing. Zero where none is: a backward step of the clock, a seamless change of writers.
/// clock_step_ns : int
///     How far the wall clock was set; zero for all reasons but ``"clock step"``.
/// reason : str
///     ``"requested"``, ``"detected"``, ``"clock step"``, ``"writer changed"``, ``"source lost"``, ``"overrun"``,
///     ``"packet loss"`` or ``"reconfigured"``.
/// at_frame : int or None
///     The frame of the segment at which it begins; None if it is no gap of a segment.
/// silence_frames : int
///     How many frames of silence stand for it in the segment.
#[pyclass(module = "capbuf", frozen, eq, get_all)]
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Gap {
    first_frame: u64,
    start_utc_ns: i64,
    duration_ns: i64,
    clock_step_ns: i64,
    reason: &'static str,
    at_frame: Option<u64>,
    silence_frames: u64,
}

impl Gap {
    pub(crate) fn on_timeline(gap: &capbuf::Gap) -> Self {
        Self {
            first_frame: gap.first_frame,
            start_utc_ns: gap.start_utc_ns,
            duration_ns: gap.duration_ns,
            clock_step_ns: gap.clock_step_ns,
            reason: gap.reason.name(),
            at_frame: None,
            silence_frames: 0,
        }
    }

    pub(crate) fn in_segment(gap: &capbuf::SegmentGap) -> Self {
        Self { at_frame: Some(gap.at_frame), silence_frames: gap.silence_frames, ..Self::on_timeline(&gap.gap) }
    }
}

#[pymethods]
impl Gap {
    /// Where the audio before it ends, as an aware `datetime` in UTC.
    #[getter]
    fn start<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        times::datetime(py, self.start_utc_ns)
    }

    fn __repr__(&self) -> String {
        let Self { first_frame, duration_ns, reason, .. } = self;
        format!("<capbuf.Gap {reason:?} of {} s before frame {first_frame}>", *duration_ns as f64 / 1e9)
    }
}

/// What a partial read could not give, in frames at the nominal rate. False if nothing is missing.
///
/// Attributes
/// ----------
/// evicted_frames : int
///     At the beginning: overwritten, or from before the buffer's first frame.
/// not_yet_frames : int
///     At the end: not recorded yet.
#[pyclass(module = "capbuf", frozen, eq, get_all)]
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Missing {
    evicted_frames: u64,
    not_yet_frames: u64,
}

impl Missing {
    pub(crate) fn new(missing: capbuf::Missing) -> Self {
        Self { evicted_frames: missing.evicted_frames, not_yet_frames: missing.not_yet_frames }
    }
}

#[pymethods]
impl Missing {
    fn __bool__(&self) -> bool {
        self.evicted_frames > 0 || self.not_yet_frames > 0
    }

    fn __repr__(&self) -> String {
        let Self { evicted_frames, not_yet_frames } = self;
        format!("<capbuf.Missing evicted_frames={evicted_frames} not_yet_frames={not_yet_frames}>")
    }
}
