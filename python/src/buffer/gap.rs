//! Gaps on the timeline, and the ends that a partial read misses.

use pyo3::prelude::*;

use crate::arguments::datetime;
use crate::pickling::pickled;

/// A discontinuity on the timeline of a buffer.
///
/// Attributes
/// ----------
/// first_frame : int
///     The first frame after the gap.
/// start_utc_ns : int
///     End of the audio before the gap, in ns of UTC; `start` is the same as an aware
///     `datetime`.
/// duration_ns : int
///     The time without audio. Zero for a clock that stepped back or a seamless change of writers.
/// clock_step_ns : int
///     Negative exactly where a new epoch begins: how far times go back, for whatever reason.
///     Positive: how far the wall clock was set forward; the reason is ``"clock step"``. Otherwise
///     zero, also where the wall clock was set back but times did not go back.
/// reason : str
///     ``"requested"``, ``"detected"``, ``"clock step"``, ``"writer changed"``, ``"source lost"``,
///     ``"overrun"``, ``"packet loss"`` or ``"reconfigured"``.
/// at_frame : int or None
///     The position in the segment, in frames; None for a gap that belongs to no segment.
/// silence_frames : int
///     Frames of silence that fill the gap in the segment.
#[pyclass(module = "capbuf", frozen, eq, get_all, from_py_object)]
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Gap {
    first_frame: u64,
    start_utc_ns: i64,
    duration_ns: i64,
    clock_step_ns: i64,
    reason: String,
    at_frame: Option<u64>,
    silence_frames: u64,
}

impl Gap {
    pub(super) fn on_timeline(gap: &capbuf::Gap) -> Self {
        Self {
            first_frame: gap.first_frame,
            start_utc_ns: gap.start_utc_ns,
            duration_ns: gap.duration_ns,
            clock_step_ns: gap.clock_step_ns,
            reason: gap.reason.name().to_owned(),
            at_frame: None,
            silence_frames: 0,
        }
    }

    pub(super) fn in_segment(gap: &capbuf::SegmentGap) -> Self {
        Self { at_frame: Some(gap.at_frame), silence_frames: gap.silence_frames, ..Self::on_timeline(&gap.gap) }
    }
}

#[pymethods]
impl Gap {
    /// End of the audio before the gap, as an aware `datetime` in UTC.
    #[getter]
    fn start<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        datetime(py, self.start_utc_ns)
    }

    fn __repr__(&self) -> String {
        let Self { first_frame, duration_ns, reason, .. } = self;
        format!("<capbuf.Gap {reason:?} of {} s before frame {first_frame}>", *duration_ns as f64 / 1e9)
    }
}

/// The frames that a partial read lacks, at the nominal rate. False if it lacks none.
///
/// Attributes
/// ----------
/// evicted_frames : int
///     At the beginning: overwritten, or before the buffer's first frame.
/// not_yet_frames : int
///     At the end: not recorded yet.
#[pyclass(module = "capbuf", frozen, eq, get_all, from_py_object)]
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Missing {
    evicted_frames: u64,
    not_yet_frames: u64,
}

impl Missing {
    pub(super) fn new(missing: capbuf::Missing) -> Self {
        Self { evicted_frames: missing.evicted_frames, not_yet_frames: missing.not_yet_frames }
    }

    pub(super) fn of_core(&self) -> capbuf::Missing {
        let mut missing = capbuf::Missing::default();
        (missing.evicted_frames, missing.not_yet_frames) = (self.evicted_frames, self.not_yet_frames);
        missing
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

pickled!(Gap { first_frame, start_utc_ns, duration_ns, clock_step_ns, reason, at_frame, silence_frames });

pickled!(Missing { evicted_frames, not_yet_frames });
