//! One window of a buffer.

use std::time::Duration;

use pyo3::prelude::*;

use crate::gap::Gap;
use crate::times;

/// One window of a buffer: its samples, and where they are.
///
/// Attributes
/// ----------
/// samples : numpy.ndarray
///     Shape ``(frames, channels)``; or the array `out` that the windows are read into.
/// first_frame, end_frame : int
///     The number of the first frame, and one past that of the last.
/// start_utc_ns : int
///     When the first frame was captured, in ns of UTC; `start` is the same as an aware `datetime`.
/// lost_frames : int
///     Frames since the last window that were in none: overwritten before they were asked for, or too few before a gap.
/// after_gap : Gap or None
///     The gap because of which the windows began anew with this one.
/// joined_gaps : int
///     How many short gaps lie in it.
/// sample_rate_hz : int
///     The buffer's.
#[pyclass(module = "capbuf", frozen, get_all)]
pub(crate) struct Window {
    pub(crate) samples: Py<PyAny>,
    pub(crate) first_frame: u64,
    pub(crate) end_frame: u64,
    pub(crate) start_utc_ns: i64,
    pub(crate) lost_frames: u64,
    pub(crate) after_gap: Option<Gap>,
    pub(crate) joined_gaps: u64,
    pub(crate) sample_rate_hz: u32,
}

#[pymethods]
impl Window {
    /// When the first frame was captured, as an aware `datetime` in UTC.
    #[getter]
    fn start<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        times::datetime(py, self.start_utc_ns)
    }

    /// The frames from so much before this window to so much after it: for a clip that is exact however late it is cut.
    ///
    /// Parameters
    /// ----------
    /// before, after : float or timedelta
    ///     Seconds.
    ///
    /// Returns
    /// -------
    /// tuple of int
    ///     The first frame, and one past the last: the arguments of `CaptureBuffer.read_frames` and `CaptureBuffer.clip_frames`.
    fn around(&self, before: &Bound<'_, PyAny>, after: &Bound<'_, PyAny>) -> PyResult<(u64, u64)> {
        let (before, after) = (times::duration("before", before)?, times::duration("after", after)?);
        let frames = |duration: Duration| frames_of(duration, self.sample_rate_hz);
        Ok((self.first_frame.saturating_sub(frames(before)), self.end_frame.saturating_add(frames(after))))
    }

    fn __len__(&self) -> usize {
        usize::try_from(self.end_frame - self.first_frame).unwrap_or(usize::MAX)
    }

    fn __repr__(&self) -> String {
        let Self { first_frame, end_frame, start_utc_ns, .. } = self;
        format!("<capbuf.Window frames {first_frame}..{end_frame} from {start_utc_ns} ns UTC>")
    }
}

/// How many frames a duration is, to the nearest.
pub(crate) fn frames_of(duration: Duration, sample_rate_hz: u32) -> u64 {
    let frames = (duration.as_nanos() * u128::from(sample_rate_hz) + 500_000_000) / 1_000_000_000;
    u64::try_from(frames).unwrap_or(u64::MAX)
}
