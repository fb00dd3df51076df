//! Reads that block the calling thread, or return at once: methods of `CaptureBuffer`.

use capbuf::Span;
use pyo3::prelude::*;

use super::CaptureBuffer;
use super::request::{Request, Waiting, by_frames, by_time, newest};
use super::segment::Segment;
use crate::arguments::{Wait, named};
use crate::arrays::Target;

impl CaptureBuffer {
    fn read_span(
        &self,
        py: Python<'_>,
        span: Span,
        (wait, available, silence): (Wait, bool, Option<bool>),
        dtype: Option<&Bound<'_, PyAny>>,
        out: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Segment> {
        let request = Request { span, available, silence, waiting: Waiting::Block(wait) };
        request.segment(py, &self.handle, &Target::of(dtype, out)?)?.ready(py)
    }
}

#[pymethods]
impl CaptureBuffer {
    /// Copy the audio between two times.
    ///
    /// `start` and `end` are rounded to the nearest frame. The samples are copied once, and
    /// converted on the way if the buffer has another format. Other threads run during a large
    /// copy.
    ///
    /// Parameters
    /// ----------
    /// start, end : datetime or float or int
    ///     Aware datetimes, float seconds since 1970, or int nanoseconds since 1970.
    /// wait, available, silence, dtype, out
    ///     As for all reads, see `CaptureBuffer`.
    ///
    /// Returns
    /// -------
    /// Segment
    ///
    /// Raises
    /// ------
    /// NotYet
    ///     If frames are not recorded yet; they are expected at `expected_utc_ns`. After a wait
    ///     `TimedOut`, or `Removed` if the buffer was removed.
    /// Evicted
    ///     If frames are overwritten; `oldest_frame` and `oldest_utc_ns` are the oldest left.
    /// InvalidRange
    ///     If the span is empty or reversed.
    /// InvalidArgument, InvalidType
    ///     If an argument is outside of what is allowed.
    /// FormatMismatch, TooSmall
    ///     If `out` has another dtype, or too little room.
    ///
    /// Examples
    /// --------
    /// >>> import datetime, numpy, capbuf
    /// >>> registry = capbuf.Registry.private()
    /// >>> buffer = registry.get_or_allocate("mic", seconds=2, sample_rate_hz=8000)
    /// >>> with buffer.writer() as writer:
    /// ...     writer.write(numpy.zeros((8000, 1), "int16"), at=1700000000.0)
    /// >>> start = datetime.datetime.fromtimestamp(1700000000.5, datetime.timezone.utc)
    /// >>> segment = buffer.read(start, start + datetime.timedelta(seconds=0.25))
    /// >>> segment.first_frame, segment.samples.shape, segment.start == start
    /// (4000, (2000, 1), True)
    /// >>> memory = numpy.empty((2000, 1), "int16")
    /// >>> buffer.read(1700000000.5, 1700000000.75, out=memory).samples is memory
    /// True
    #[pyo3(
        signature = (start, end, *, wait=Wait::Never, available=false, silence=None, dtype=None, out=None),
        text_signature = "($self, start, end, *, wait=0.0, available=False, silence=None, dtype=None, out=None)"
    )]
    fn read(
        &self,
        py: Python<'_>,
        start: &Bound<'_, PyAny>,
        end: &Bound<'_, PyAny>,
        wait: Wait,
        #[pyo3(from_py_with = named::available)] available: bool,
        #[pyo3(from_py_with = named::silence)] silence: Option<bool>,
        dtype: Option<&Bound<'_, PyAny>>,
        out: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Segment> {
        let span = by_time(start, end)?;
        self.read_span(py, span, (wait, available, silence), dtype, out)
    }

    /// Copy frames by their numbers, independent of times and gaps.
    ///
    /// Parameters
    /// ----------
    /// first, end : int
    ///     The first frame, and one past the last.
    /// wait, available, silence, dtype, out
    ///     As for all reads, see `CaptureBuffer`.
    ///
    /// Returns
    /// -------
    /// Segment
    ///
    /// Raises
    /// ------
    /// NotYet, Evicted, TimedOut, Removed
    ///     As `read`.
    /// InvalidRange, InvalidArgument, InvalidType, FormatMismatch, TooSmall
    ///     As `read`.
    #[pyo3(
        signature = (first, end, *, wait=Wait::Never, available=false, silence=None, dtype=None, out=None),
        text_signature = "($self, first, end, *, wait=0.0, available=False, silence=None, dtype=None, out=None)"
    )]
    fn read_frames(
        &self,
        py: Python<'_>,
        first: &Bound<'_, PyAny>,
        end: &Bound<'_, PyAny>,
        wait: Wait,
        #[pyo3(from_py_with = named::available)] available: bool,
        #[pyo3(from_py_with = named::silence)] silence: Option<bool>,
        dtype: Option<&Bound<'_, PyAny>>,
        out: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Segment> {
        let span = by_frames(first, end)?;
        self.read_span(py, span, (wait, available, silence), dtype, out)
    }

    /// Copy the newest audio.
    ///
    /// Parameters
    /// ----------
    /// seconds : float or timedelta
    ///     The length: the segment has this many seconds times the nominal rate in frames.
    /// wait, available, silence, dtype, out
    ///     As for all reads, see `CaptureBuffer`.
    ///
    /// Returns
    /// -------
    /// Segment
    ///
    /// Raises
    /// ------
    /// NotYet, Evicted, TimedOut, Removed
    ///     As `read`.
    /// InvalidRange, InvalidArgument, InvalidType, FormatMismatch, TooSmall
    ///     As `read`.
    #[pyo3(
        signature = (seconds, *, wait=Wait::Never, available=false, silence=None, dtype=None, out=None),
        text_signature = "($self, seconds, *, wait=0.0, available=False, silence=None, dtype=None, out=None)"
    )]
    fn last(
        &self,
        py: Python<'_>,
        seconds: &Bound<'_, PyAny>,
        wait: Wait,
        #[pyo3(from_py_with = named::available)] available: bool,
        #[pyo3(from_py_with = named::silence)] silence: Option<bool>,
        dtype: Option<&Bound<'_, PyAny>>,
        out: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Segment> {
        self.read_span(py, newest(seconds)?, (wait, available, silence), dtype, out)
    }
}
