//! Reads of a buffer, at once or waiting in a thread: the methods of `CaptureBuffer` that say what is asked.

use capbuf::Span;
use pyo3::prelude::*;

use crate::buffer::CaptureBuffer;
use crate::reading::{self, Pace, Request, Target};
use crate::segment::Segment;
use crate::times::Wait;

impl CaptureBuffer {
    fn read_span(
        &self,
        py: Python<'_>,
        span: Span,
        (wait, available, silence): (Wait, bool, Option<bool>),
        dtype: Option<&Bound<'_, PyAny>>,
        out: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Segment> {
        let request = Request { span, available, silence, pace: Pace::Block(wait) };
        request.segment(py, &self.handle, &Target::of(dtype, out)?)?.done(py)
    }
}

#[pymethods]
impl CaptureBuffer {
    /// Copies the audio from one time to another.
    ///
    /// A frame belongs to the time at which it begins, to the nearest frame. One copy; converting, if the buffer's samples
    /// are of another type, is part of it.
    ///
    /// Parameters
    /// ----------
    /// start, end : datetime or float or int
    ///     Aware datetimes, float seconds since 1970, or int nanoseconds since 1970.
    /// wait, available, silence, dtype, out
    ///     As the class says.
    ///
    /// Returns
    /// -------
    /// Segment
    ///
    /// Raises
    /// ------
    /// NotYet
    ///     If frames are still to come, with when (`expected_utc_ns`); `TimedOut` or `Removed` after waiting.
    /// Evicted
    ///     If frames are gone, with the oldest that is still there (`oldest_frame`, `oldest_utc_ns`).
    /// InvalidRange, InvalidArgument, InvalidType, FormatMismatch, TooSmall
    ///     For arguments that are none.
    ///
    /// Examples
    /// --------
    /// >>> import datetime, numpy, capbuf
    /// >>> buffer = capbuf.Registry.private().get_or_allocate("mic", seconds=2, sample_rate_hz=8000)
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
        signature = (start, end, *, wait=Wait::Not, available=false, silence=None, dtype=None, out=None),
        text_signature = "($self, start, end, *, wait=0.0, available=False, silence=None, dtype=None, out=None)"
    )]
    fn read(
        &self,
        py: Python<'_>,
        start: &Bound<'_, PyAny>,
        end: &Bound<'_, PyAny>,
        wait: Wait,
        available: bool,
        silence: Option<bool>,
        dtype: Option<&Bound<'_, PyAny>>,
        out: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Segment> {
        let span = reading::by_time(start, end)?;
        self.read_span(py, span, (wait, available, silence), dtype, out)
    }

    /// Copies frames by their numbers: exactly these, whatever the clocks did.
    ///
    /// Parameters
    /// ----------
    /// first, end : int
    ///     The first frame, and one past the last.
    /// wait, available, silence, dtype, out
    ///     As the class says.
    ///
    /// Returns
    /// -------
    /// Segment
    ///
    /// Raises
    /// ------
    /// NotYet, Evicted, TimedOut, Removed, InvalidRange, InvalidArgument, InvalidType, FormatMismatch, TooSmall
    ///     As `read`.
    #[pyo3(
        signature = (first, end, *, wait=Wait::Not, available=false, silence=None, dtype=None, out=None),
        text_signature = "($self, first, end, *, wait=0.0, available=False, silence=None, dtype=None, out=None)"
    )]
    fn read_frames(
        &self,
        py: Python<'_>,
        first: &Bound<'_, PyAny>,
        end: &Bound<'_, PyAny>,
        wait: Wait,
        available: bool,
        silence: Option<bool>,
        dtype: Option<&Bound<'_, PyAny>>,
        out: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Segment> {
        let span = reading::by_frames(first, end)?;
        self.read_span(py, span, (wait, available, silence), dtype, out)
    }

    /// Copies the newest so much.
    ///
    /// Parameters
    /// ----------
    /// seconds : float or timedelta
    ///     How much: this times the nominal rate, exactly.
    /// wait, available, silence, dtype, out
    ///     As the class says.
    ///
    /// Returns
    /// -------
    /// Segment
    ///
    /// Raises
    /// ------
    /// NotYet, Evicted, TimedOut, Removed, InvalidRange, InvalidArgument, InvalidType, FormatMismatch, TooSmall
    ///     As `read`.
    #[pyo3(
        signature = (seconds, *, wait=Wait::Not, available=false, silence=None, dtype=None, out=None),
        text_signature = "($self, seconds, *, wait=0.0, available=False, silence=None, dtype=None, out=None)"
    )]
    fn last(
        &self,
        py: Python<'_>,
        seconds: &Bound<'_, PyAny>,
        wait: Wait,
        available: bool,
        silence: Option<bool>,
        dtype: Option<&Bound<'_, PyAny>>,
        out: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Segment> {
        self.read_span(py, reading::newest(seconds)?, (wait, available, silence), dtype, out)
    }
}
