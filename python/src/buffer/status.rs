//! A snapshot of a buffer.

use pyo3::prelude::*;

use crate::arguments::optional_datetime;
use crate::pickling::pickled;

/// A process that has a buffer open, or holds its writer.
///
/// Attributes
/// ----------
/// pid : int
///     The process id.
/// program : str
///     The name of the program.
#[pyclass(module = "capbuf", frozen, eq, get_all, from_py_object)]
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Holder {
    pid: u32,
    program: String,
}

impl Holder {
    pub(crate) fn new(holder: capbuf::Holder) -> Self {
        Self { pid: holder.pid, program: holder.program }
    }
}

#[pymethods]
impl Holder {
    fn __repr__(&self) -> String {
        format!("<capbuf.Holder {} {:?}>", self.pid, self.program)
    }
}

/// The level of a span over all channels; full scale is 1.0.
///
/// Attributes
/// ----------
/// peak : float
///     The largest magnitude of a sample.
/// rms : float
///     The root mean square of the samples. A full-scale sine has 0.707.
#[pyclass(module = "capbuf", frozen, eq, get_all, from_py_object)]
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Level {
    peak: f32,
    rms: f32,
}

#[pymethods]
impl Level {
    /// The peak in dBFS; minus infinity for silence.
    #[getter]
    fn peak_dbfs(&self) -> f32 {
        capbuf::Level::dbfs(self.peak)
    }

    /// The root mean square in dBFS; minus infinity for silence.
    #[getter]
    fn rms_dbfs(&self) -> f32 {
        capbuf::Level::dbfs(self.rms)
    }

    fn __repr__(&self) -> String {
        format!("<capbuf.Level peak={} rms={}>", self.peak, self.rms)
    }
}

/// A snapshot of a buffer. Its numbers are read one after another, not atomically.
///
/// Attributes
/// ----------
/// newest_frame : int
///     One past the number of the newest frame: the frames ever written.
/// oldest_frame : int
///     The oldest readable frame.
/// oldest_utc_ns, newest_utc_ns : int or None
///     Time from which spans of time have audio, and end of the newest frame, in ns of UTC; None
///     before the first write. `oldest` and `newest` are the same as aware `datetime`.
/// epoch_frame : int
///     The frame with which the newest epoch began, because a clock was set back; 0 in the first
///     epoch, or if the beginning is no longer on record.
/// epoch_utc_ns : int or None
///     The time of that frame. `epoch` is the same as aware `datetime`.
/// epoch_step_ns : int
///     The difference of that time to the end of the frame before: negative, or 0.
/// clock : str or None
///     The clock that gave the time of the newest frame: ``"device"``, ``"sender"``, ``"arrival"``
///     or ``"file"``; None before the first write.
/// latency_ns, uncertainty_ns : int or None
///     The constant delay that was taken off that time, and the bound of its error, in ns. The delay
///     that all arrivals share is not in it.
/// age_seconds : float or None
///     The time since the newest frame was captured.
/// writes, gaps, evictions : int
///     Calls of `write`, recorded gaps, and reads that raised `Evicted`; ever.
/// has_writer : bool
///     True if a living process holds the writer.
/// writer : Holder or None
///     That process; None in a private registry.
/// is_removed : bool
///     True if the buffer was removed from its registry.
/// timeline_ahead_ns : int
///     The published clock minus the estimated clock of the writer.
/// level : Level or None
///     The level of the last second.
/// bytes : int
///     The mapped memory.
/// orphaned_left_seconds : float or None
///     The rest of the grace time, if its recorder was killed and no other has taken over: then the
///     buffer is removed. See ``grace`` of `open`.
/// unlisted_processes : int
///     Living processes that have it open beyond those that `CaptureBuffer.opened_by` has room for.
#[pyclass(module = "capbuf", frozen, get_all)]
pub(crate) struct Status {
    newest_frame: u64,
    oldest_frame: u64,
    oldest_utc_ns: Option<i64>,
    newest_utc_ns: Option<i64>,
    epoch_frame: u64,
    epoch_utc_ns: Option<i64>,
    epoch_step_ns: i64,
    clock: Option<String>,
    latency_ns: Option<i64>,
    uncertainty_ns: Option<i64>,
    age_seconds: Option<f64>,
    writes: u64,
    gaps: u64,
    evictions: u64,
    has_writer: bool,
    writer: Option<Holder>,
    is_removed: bool,
    timeline_ahead_ns: i64,
    level: Option<Level>,
    bytes: u64,
    orphaned_left_seconds: Option<f64>,
    unlisted_processes: u32,
}

impl Status {
    pub(super) fn new(status: capbuf::Status) -> Self {
        Self {
            newest_frame: status.newest_frame,
            oldest_frame: status.oldest_frame,
            oldest_utc_ns: status.oldest_utc_ns,
            newest_utc_ns: status.newest_utc_ns,
            epoch_frame: status.epoch_frame,
            epoch_utc_ns: status.epoch_utc_ns,
            epoch_step_ns: status.epoch_step_ns,
            clock: status.timing.map(|timing| timing.clock.name().to_owned()),
            latency_ns: status.timing.map(|timing| timing.latency_ns),
            uncertainty_ns: status.timing.map(|timing| timing.uncertainty_ns),
            age_seconds: status.age.map(|age| age.as_secs_f64()),
            writes: status.writes,
            gaps: status.gaps,
            evictions: status.evictions,
            has_writer: status.has_writer,
            writer: status.writer.map(Holder::new),
            is_removed: status.is_removed,
            timeline_ahead_ns: status.timeline_ahead_ns,
            level: status.level.map(|level| Level { peak: level.peak, rms: level.rms }),
            bytes: status.bytes,
            orphaned_left_seconds: status.orphaned_left.map(|left| left.as_secs_f64()),
            unlisted_processes: status.unlisted_processes,
        }
    }
}

#[pymethods]
impl Status {
    /// Time from which spans of time have audio, as an aware `datetime` in UTC.
    #[getter]
    fn oldest<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        optional_datetime(py, self.oldest_utc_ns)
    }

    /// End of the newest frame, as an aware `datetime` in UTC.
    #[getter]
    fn newest<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        optional_datetime(py, self.newest_utc_ns)
    }

    /// Beginning of the newest epoch, as an aware `datetime` in UTC.
    #[getter]
    fn epoch<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        optional_datetime(py, self.epoch_utc_ns)
    }

    fn __repr__(&self) -> String {
        let Self { oldest_frame, newest_frame, writes, gaps, has_writer, is_removed, .. } = self;
        let has_writer = if *has_writer { ", has a writer" } else { "" };
        let is_removed = if *is_removed { ", removed" } else { "" };
        format!(
            "<capbuf.Status frames {oldest_frame}..{newest_frame}, {writes} writes, {gaps} gaps{has_writer}{is_removed}>"
        )
    }
}

pickled!(Holder { pid, program });

pickled!(Level { peak, rms });

pickled!(Status {
    newest_frame,
    oldest_frame,
    oldest_utc_ns,
    newest_utc_ns,
    epoch_frame,
    epoch_utc_ns,
    epoch_step_ns,
    clock,
    latency_ns,
    uncertainty_ns,
    age_seconds,
    writes,
    gaps,
    evictions,
    has_writer,
    writer,
    is_removed,
    timeline_ahead_ns,
    level,
    bytes,
    orphaned_left_seconds,
    unlisted_processes
});
