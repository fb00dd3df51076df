//! Clips: files that a stretch of a buffer was written into.

use std::path::PathBuf;

use capbuf::Stretch;
use pyo3::prelude::*;

use crate::buffer::CaptureBuffer;
use crate::errors::OrRaise as _;
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
        stretch: Stretch,
        (wait, available, silence): (Wait, bool, Option<bool>),
    ) -> PyResult<Clip> {
        let request = Request { stretch, available, silence, pace: Pace::Block(wait) };
        let segment = request.native(py, &self.handle)?.done(py)?;
        py.detach(|| capbuf_capture::write_clip(&segment, &path)).or_raise(py).map(Clip::new)
    }
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
