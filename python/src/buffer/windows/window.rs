//! One analysis window.

use std::time::Duration;

use pyo3::prelude::*;
use pyo3::pyclass::{PyTraverseError, PyVisit};

use crate::arguments::{datetime, duration};
use crate::buffer::gap::Gap;
use crate::pickling::pickled;

/// One window of a buffer: its samples and their position.
///
/// Attributes
/// ----------
/// samples : numpy.ndarray
///     Shape ``(frames, channels)``; or the array `out` that was passed to
///     `CaptureBuffer.windows`.
/// first_frame, end_frame : int
///     The number of the first frame, and one past the last.
/// start_utc_ns : int
///     Capture time of the first frame, in ns of UTC; `start` is the same as an aware
///     `datetime`.
/// lost_frames : int
///     Frames since the previous window that belong to no window: overwritten before they were
///     read, or too few before a gap.
/// after_gap : Gap or None
///     The gap at which the windows restarted with this one.
/// joined_gaps : int
///     Short gaps inside the window.
/// clock : str
///     The clock that gave the time of the first frame: ``"device"``, ``"sender"``, ``"arrival"`` or
///     ``"file"``.
/// latency_ns, uncertainty_ns : int
///     The constant delay that was taken off, and the bound of the error of all times, in ns. The
///     delay that all arrivals share is not in it.
/// sample_rate_hz : int
///     The rate of the buffer.
#[pyclass(module = "capbuf", frozen, get_all)]
pub(crate) struct Window {
    pub(super) samples: Py<PyAny>,
    pub(super) first_frame: u64,
    pub(super) end_frame: u64,
    pub(super) start_utc_ns: i64,
    pub(super) lost_frames: u64,
    pub(super) after_gap: Option<Gap>,
    pub(super) joined_gaps: u64,
    pub(super) sample_rate_hz: u32,
    pub(super) clock: String,
    pub(super) latency_ns: i64,
    pub(super) uncertainty_ns: i64,
}

#[pymethods]
impl Window {
    /// Capture time of the first frame, as an aware `datetime` in UTC.
    #[getter]
    fn start<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        datetime(py, self.start_utc_ns)
    }

    /// Return the frames of this window, extended on both sides.
    ///
    /// A clip of these frames is exact however late it is cut.
    ///
    /// Parameters
    /// ----------
    /// before, after : float or timedelta
    ///     Seconds to add before and after the window.
    ///
    /// Returns
    /// -------
    /// tuple of int
    ///     The first frame, and one past the last: the arguments of `CaptureBuffer.read_frames` and
    ///     `CaptureBuffer.clip_frames`.
    fn around(&self, before: &Bound<'_, PyAny>, after: &Bound<'_, PyAny>) -> PyResult<(u64, u64)> {
        let (before, after) = (duration("before", before)?, duration("after", after)?);
        let frames = |duration| frames_of(duration, self.sample_rate_hz);
        Ok((self.first_frame.saturating_sub(frames(before)), self.end_frame.saturating_add(frames(after))))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.samples)
    }

    fn __len__(&self) -> usize {
        usize::try_from(self.end_frame - self.first_frame).unwrap_or(usize::MAX)
    }

    fn __repr__(&self) -> String {
        let Self { first_frame, end_frame, start_utc_ns, .. } = self;
        format!("<capbuf.Window frames {first_frame}..{end_frame} from {start_utc_ns} ns UTC>")
    }
}

/// Converts a duration to frames, rounded to nearest.
pub(super) fn frames_of(duration: Duration, sample_rate_hz: u32) -> u64 {
    let frames = (duration.as_nanos() * u128::from(sample_rate_hz) + 500_000_000) / 1_000_000_000;
    u64::try_from(frames).unwrap_or(u64::MAX)
}

pickled!(Window {
    samples,
    first_frame,
    end_frame,
    start_utc_ns,
    lost_frames,
    after_gap,
    joined_gaps,
    sample_rate_hz,
    clock,
    latency_ns,
    uncertainty_ns
});
