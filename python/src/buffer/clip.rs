//! Clips: files that a span of a buffer was written into.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use capbuf::Span;
use capbuf_capture::{ClipTags, write_clip_with_progress};
use pyo3::prelude::*;

use crate::blocking::interruptible;
use crate::buffer::CaptureBuffer;
use crate::errors::{self, OrRaise as _};
use crate::gap::Missing;
use crate::reading::{self, Pace, Request};
use crate::times::{self, Wait};

/// A clip that was written.
///
/// Attributes
/// ----------
/// path : pathlib.Path
///     Where it is.
/// frames, sample_rate_hz, channels : int
///     What is in it.
/// sample_format : str
///     How its samples are stored: "s16", "s24", "s32" or "f32".
/// start_utc_ns : int
///     When its first frame was captured, in ns of UTC; `start` is the same as an aware `datetime`.
/// missing : Missing
///     What is not in it of what was asked for.
/// bytes : int
///     The size of the file.
#[pyclass(module = "capbuf", frozen, get_all)]
pub(crate) struct Clip {
    path: PathBuf,
    frames: u64,
    sample_rate_hz: u32,
    channels: u16,
    sample_format: &'static str,
    start_utc_ns: i64,
    missing: Missing,
    bytes: u64,
}

impl Clip {
    pub(crate) fn new(clip: capbuf_capture::ClipInfo) -> Self {
        Self {
            path: clip.path,
            frames: clip.frames,
            sample_rate_hz: clip.sample_rate_hz,
            channels: clip.channels,
            sample_format: clip.format.name(),
            start_utc_ns: clip.start_utc_ns,
            missing: Missing::new(clip.missing),
            bytes: clip.bytes,
        }
    }
}

#[pymethods]
impl Clip {
    /// When its first frame was captured, as an aware `datetime` in UTC.
    #[getter]
    fn start<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        times::datetime(py, self.start_utc_ns)
    }

    fn __repr__(&self) -> String {
        format!("<capbuf.Clip {:?}, {} frames>", self.path, self.frames)
    }
}

impl CaptureBuffer {
    fn cut(
        &self,
        py: Python<'_>,
        path: PathBuf,
        span: Span,
        (wait, available, silence): (Wait, bool, Option<bool>),
    ) -> PyResult<Clip> {
        let request = Request { span, available, silence, pace: Pace::Block(wait) };
        let segment = request.native(py, &self.handle)?.done(py)?;
        self.write(py, segment, path)
    }

    /// Writes a clip, detached. After a signal its writing is stopped, and nothing of it is left behind.
    fn write(&self, py: Python<'_>, segment: capbuf::Segment, path: PathBuf) -> PyResult<Clip> {
        let tags = self.handle.with(py, |buffer| ClipTags::new(buffer.source().as_str()))?;
        let is_stopped = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&is_stopped);
        let go_on =
            move |_| if seen.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        let written = interruptible(py, move || write_clip_with_progress(&segment, &path, Some(&tags), go_on));
        if written.is_err() {
            is_stopped.store(true, Ordering::Relaxed);
        }
        written?.or_raise(py).map(Clip::new)
    }
}

/// How much later than it should a source's audio may come before it is taken for lost: what the library takes, too.
const LATE: Duration = Duration::from_secs(10);

fn no_audio(py: Python<'_>, path: &Path) -> PyErr {
    let reason = "there is no audio yet".to_owned();
    errors::capture(py, &capbuf_capture::Error::Clip { path: path.to_owned(), reason })
}

#[pymethods]
impl CaptureBuffer {
    /// Cuts the audio from one time to another into a WAV or FLAC file, by the extension of its name, in the buffer's own format.
    ///
    /// The file is whole under its name, or not there; one that has the name is replaced.
    ///
    /// Parameters
    /// ----------
    /// path : str or os.PathLike
    ///     The name, which ends in ``.wav`` or ``.flac``. See `clip_name`.
    /// start, end, wait, available, silence
    ///     As `read`.
    ///
    /// Returns
    /// -------
    /// Clip
    ///
    /// Raises
    /// ------
    /// ClipFailed
    ///     For another extension, a folder that isn't there, a full disk, what the type can't hold.
    /// NotYet, Evicted, TimedOut, Removed, InvalidRange, InvalidArgument, InvalidType
    ///     As `read`.
    #[pyo3(
        signature = (path, start, end, *, wait=Wait::Not, available=false, silence=None),
        text_signature = "($self, path, start, end, *, wait=0.0, available=False, silence=None)"
    )]
    fn clip(
        &self,
        py: Python<'_>,
        path: PathBuf,
        start: &Bound<'_, PyAny>,
        end: &Bound<'_, PyAny>,
        wait: Wait,
        available: bool,
        silence: Option<bool>,
    ) -> PyResult<Clip> {
        self.cut(py, path, reading::by_time(start, end)?, (wait, available, silence))
    }

    /// Cuts the clip around a moment into a WAV or FLAC file, and waits for what is still to come.
    ///
    /// A clip that ends in the future is written when it is complete, or as far as the source lived, ten seconds past its end at most. Gaps
    /// are filled with silence, so that it keeps its length; what is missing at its ends is told by `Clip.missing`. Other threads run
    /// meanwhile, and Ctrl-C ends it: nothing is written then.
    ///
    /// Parameters
    /// ----------
    /// path : str or os.PathLike
    ///     As `clip`.
    /// around : datetime or float or int
    ///     An aware datetime, float seconds since 1970, or int nanoseconds since 1970.
    /// before, after : float or timedelta
    ///     How much from before it, and how much from after it.
    ///
    /// Returns
    /// -------
    /// Clip
    ///
    /// Raises
    /// ------
    /// ClipFailed
    ///     As `clip`, and where there is no audio of that time at all.
    /// InvalidRange, InvalidArgument, InvalidType, Closed
    ///     For a clip of no length, or of one that can't be.
    ///
    /// Examples
    /// --------
    /// >>> import pathlib, tempfile, capbuf
    /// >>> with capbuf.record("tone:440", registry=capbuf.Registry.private()) as capture:
    /// ...     heard = capture.buffer.last(0.1, wait=10)
    /// ...     with tempfile.TemporaryDirectory() as folder:
    /// ...         path = pathlib.Path(folder) / "bird.flac"
    /// ...         clip = capture.buffer.clip_around(path, heard.end, before=0.1, after=0.4)
    /// >>> bool(clip.missing), round(clip.frames / 48_000, 1)
    /// (False, 0.5)
    fn clip_around(
        &self,
        py: Python<'_>,
        path: PathBuf,
        around: &Bound<'_, PyAny>,
        before: &Bound<'_, PyAny>,
        after: &Bound<'_, PyAny>,
    ) -> PyResult<Clip> {
        let around_ns = times::utc_ns("around", around)?;
        let ns = |duration: Duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
        let from_ns = around_ns.saturating_sub(ns(times::duration("before", before)?));
        let to_ns = around_ns.saturating_add(ns(times::duration("after", after)?));
        let to_come = Duration::from_nanos(to_ns.saturating_sub(times::now_utc_ns()).max(0).unsigned_abs());
        let pace = Pace::Block(Wait::For(to_come.saturating_add(LATE)));
        let request = Request { span: Span::Time(from_ns..to_ns), available: true, silence: None, pace };
        let read = request.native(py, &self.handle).and_then(|step| step.done(py));
        let segment = read.map_err(|error| if errors::is_not_yet(py, &error) { no_audio(py, &path) } else { error })?;
        self.write(py, segment, path)
    }

    /// Cuts frames by their numbers into a WAV or FLAC file: exact however late it is done.
    ///
    /// Parameters
    /// ----------
    /// path : str or os.PathLike
    ///     As `clip`.
    /// first, end, wait, available, silence
    ///     As `read_frames`. See `Window.around`.
    ///
    /// Returns
    /// -------
    /// Clip
    ///
    /// Raises
    /// ------
    /// ClipFailed, NotYet, Evicted, TimedOut, Removed, InvalidRange, InvalidArgument, InvalidType
    ///     As `clip`.
    ///
    /// Examples
    /// --------
    /// >>> import pathlib, tempfile, numpy, capbuf
    /// >>> buffer = capbuf.Registry.private().get_or_allocate("mic", seconds=2, sample_rate_hz=8000)
    /// >>> with buffer.writer() as writer:
    /// ...     writer.write(numpy.zeros(8000, "int16"))
    /// >>> with tempfile.TemporaryDirectory() as folder:
    /// ...     clip = buffer.clip_frames(pathlib.Path(folder) / "bird.wav", 2000, 6000)
    /// >>> clip.frames, clip.sample_format
    /// (4000, 's16')
    #[pyo3(
        signature = (path, first, end, *, wait=Wait::Not, available=false, silence=None),
        text_signature = "($self, path, first, end, *, wait=0.0, available=False, silence=None)"
    )]
    fn clip_frames(
        &self,
        py: Python<'_>,
        path: PathBuf,
        first: &Bound<'_, PyAny>,
        end: &Bound<'_, PyAny>,
        wait: Wait,
        available: bool,
        silence: Option<bool>,
    ) -> PyResult<Clip> {
        self.cut(py, path, reading::by_frames(first, end)?, (wait, available, silence))
    }
}

/// Makes a file name of a source and the time at which a clip begins.
///
/// The source is shown without credentials, and holds nothing that means something to a file system or a shell.
///
/// Parameters
/// ----------
/// source : str
///     The name of a source.
/// start : datetime or float or int
///     An aware datetime, float seconds since 1970, or int nanoseconds since 1970.
/// extension : str, default "wav"
///     "wav" or "flac".
///
/// Returns
/// -------
/// str
///
/// Examples
/// --------
/// >>> import capbuf
/// >>> capbuf.clip_name("rtsp://me:sesame@cam.lan:554/a/b", 1795372200.125)
/// 'rtsp-cam.lan-554-a-b_20261122T183000.125Z.wav'
#[pyfunction]
#[pyo3(signature = (source, start, extension="wav"))]
pub(crate) fn clip_name(source: &str, start: &Bound<'_, PyAny>, extension: &str) -> PyResult<String> {
    Ok(capbuf_capture::clip_name(source, times::utc_ns("start", start)?, extension))
}
