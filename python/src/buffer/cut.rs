//! Clips of a buffer: methods of `CaptureBuffer` that write a span into a file.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use capbuf::Span;
use capbuf_capture::{ClipTags, IfExists, write_clip_with_progress};
use pyo3::prelude::*;

use super::CaptureBuffer;
use super::clip::Clip;
use super::request::{Request, Waiting, by_frames, by_time};
use crate::arguments::{Wait, duration, named, now_utc_ns, utc_ns};
use crate::errors::{self, OrRaise as _};
use crate::waiting::interruptible;

/// Lateness of a clip's end after which the source counts as lost; the same as in
/// `capbuf_capture`.
const LATENESS: Duration = Duration::from_secs(10);

impl CaptureBuffer {
    fn cut(
        &self,
        py: Python<'_>,
        path: PathBuf,
        span: Span,
        (wait, available, silence): (Wait, bool, Option<bool>),
        overwrite: bool,
    ) -> PyResult<Clip> {
        let if_exists = if_exists(py, &path, overwrite)?;
        let request = Request { span, available, silence, waiting: Waiting::Block(wait) };
        let segment = request.native(py, &self.handle)?.ready(py)?;
        self.write(py, segment, path, if_exists)
    }

    /// Writes a clip, detached. A signal stops the writing and removes the partial file.
    fn write(&self, py: Python<'_>, segment: capbuf::Segment, path: PathBuf, if_exists: IfExists) -> PyResult<Clip> {
        let tags = self.handle.with(py, |buffer| ClipTags::new(buffer.source().as_str()))?;
        let is_stopped = Arc::new(AtomicBool::new(false));
        let seen_stopped = Arc::clone(&is_stopped);
        // SYNC none: the flag guards no other data.
        let progress = move |_| match seen_stopped.load(Ordering::Relaxed) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        };
        let write = move || write_clip_with_progress(&segment, &path, Some(&tags), if_exists, progress);
        let written = interruptible(py, write);
        if written.is_err() {
            is_stopped.store(true, Ordering::Relaxed);
        }
        written?.or_raise(py).map(Clip::new)
    }
}

fn no_audio(py: Python<'_>, path: &Path) -> PyErr {
    let reason = "there is no audio yet".to_owned();
    errors::capture(py, &capbuf_capture::Error::Clip { path: path.to_owned(), reason })
}

/// The treatment of an existing file. Refuses one now, before waiting for audio.
fn if_exists(py: Python<'_>, path: &Path, overwrite: bool) -> PyResult<IfExists> {
    if overwrite {
        return Ok(IfExists::Overwrite);
    }
    if path.symlink_metadata().is_ok() {
        let reason = "the file exists; choose another name, or overwrite=True".to_owned();
        return Err(errors::capture(py, &capbuf_capture::Error::Clip { path: path.to_owned(), reason }));
    }
    Ok(IfExists::Fail)
}

#[pymethods]
impl CaptureBuffer {
    /// Write the audio between two times into a WAV or FLAC file, in the buffer's own format.
    ///
    /// The file gets its name when it is complete. Other threads run meanwhile; Ctrl-C ends it and
    /// leaves no file.
    ///
    /// Parameters
    /// ----------
    /// path : str or os.PathLike
    ///     The path, which ends in ``.wav`` or ``.flac``. See `clip_name`.
    /// start, end, wait, available, silence
    ///     As `read`.
    /// overwrite : bool, default False
    ///     Replace an existing file.
    ///
    /// Returns
    /// -------
    /// Clip
    ///
    /// Raises
    /// ------
    /// ClipFailed
    ///     If the extension is unknown, the file exists, the folder does not, the disk is full, or
    ///     the clip is too large for the file type.
    /// NotYet, Evicted, TimedOut, Removed, InvalidRange, InvalidArgument, InvalidType
    ///     As `read`.
    #[pyo3(
        signature = (path, start, end, *, wait=Wait::Never, available=false, silence=None, overwrite=false),
        text_signature = "($self, path, start, end, *, wait=0.0, available=False, silence=None, overwrite=False)"
    )]
    fn clip(
        &self,
        py: Python<'_>,
        #[pyo3(from_py_with = named::file_path)] path: PathBuf,
        start: &Bound<'_, PyAny>,
        end: &Bound<'_, PyAny>,
        wait: Wait,
        #[pyo3(from_py_with = named::available)] available: bool,
        #[pyo3(from_py_with = named::silence)] silence: Option<bool>,
        #[pyo3(from_py_with = named::overwrite)] overwrite: bool,
    ) -> PyResult<Clip> {
        self.cut(py, path, by_time(start, end)?, (wait, available, silence), overwrite)
    }

    /// Write the clip around a moment into a WAV or FLAC file, and wait for its end.
    ///
    /// Waits until the clip is complete or the buffer is removed, and at most ten seconds past the
    /// end of the clip. Gaps are filled with silence, so that the clip keeps its length;
    /// `Clip.missing` counts frames that are missing at either end. Other threads run meanwhile;
    /// Ctrl-C ends it and leaves no file.
    ///
    /// Parameters
    /// ----------
    /// path : str or os.PathLike
    ///     As `clip`.
    /// around : datetime or float or int
    ///     An aware datetime, float seconds since 1970, or int nanoseconds since 1970.
    /// before, after : float or timedelta
    ///     The length of the clip before and after `around`.
    /// overwrite : bool, default False
    ///     As `clip`.
    ///
    /// Returns
    /// -------
    /// Clip
    ///
    /// Raises
    /// ------
    /// ClipFailed
    ///     As `clip`, and if the buffer has no audio of that time.
    /// InvalidRange, InvalidArgument, InvalidType, Closed
    ///     If the clip is empty or longer than the buffer, or an argument is no time or duration.
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
    #[pyo3(
        signature = (path, around, before, after, *, overwrite=false),
        text_signature = "($self, path, around, before, after, *, overwrite=False)"
    )]
    fn clip_around(
        &self,
        py: Python<'_>,
        #[pyo3(from_py_with = named::file_path)] path: PathBuf,
        around: &Bound<'_, PyAny>,
        before: &Bound<'_, PyAny>,
        after: &Bound<'_, PyAny>,
        #[pyo3(from_py_with = named::overwrite)] overwrite: bool,
    ) -> PyResult<Clip> {
        let if_exists = if_exists(py, &path, overwrite)?;
        let around_ns = utc_ns("around", around)?;
        let ns = |duration: Duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
        let from_ns = around_ns.saturating_sub(ns(duration("before", before)?));
        let to_ns = around_ns.saturating_add(ns(duration("after", after)?));
        let to_come = Duration::from_nanos(to_ns.saturating_sub(now_utc_ns()).max(0).unsigned_abs());
        let waiting = Waiting::Block(Wait::For(to_come.saturating_add(LATENESS)));
        let request = Request { span: Span::Time(from_ns..to_ns), available: true, silence: None, waiting };
        let read = request.native(py, &self.handle).and_then(|read| read.ready(py));
        let segment = read.map_err(|error| if errors::is_not_yet(py, &error) { no_audio(py, &path) } else { error })?;
        self.write(py, segment, path, if_exists)
    }

    /// Write frames by their numbers into a WAV or FLAC file: exact however late it is done.
    ///
    /// Parameters
    /// ----------
    /// path : str or os.PathLike
    ///     As `clip`.
    /// first, end, wait, available, silence
    ///     As `read_frames`. See `Window.around`.
    /// overwrite : bool, default False
    ///     As `clip`.
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
    /// >>> registry = capbuf.Registry.private()
    /// >>> buffer = registry.get_or_allocate("mic", seconds=2, sample_rate_hz=8000)
    /// >>> with buffer.writer() as writer:
    /// ...     writer.write(numpy.zeros(8000, "int16"))
    /// >>> with tempfile.TemporaryDirectory() as folder:
    /// ...     clip = buffer.clip_frames(pathlib.Path(folder) / "bird.wav", 2000, 6000)
    /// >>> clip.frames, clip.sample_format
    /// (4000, 's16')
    #[pyo3(
        signature = (path, first, end, *, wait=Wait::Never, available=false, silence=None, overwrite=false),
        text_signature = "($self, path, first, end, *, wait=0.0, available=False, silence=None, overwrite=False)"
    )]
    fn clip_frames(
        &self,
        py: Python<'_>,
        #[pyo3(from_py_with = named::file_path)] path: PathBuf,
        first: &Bound<'_, PyAny>,
        end: &Bound<'_, PyAny>,
        wait: Wait,
        #[pyo3(from_py_with = named::available)] available: bool,
        #[pyo3(from_py_with = named::silence)] silence: Option<bool>,
        #[pyo3(from_py_with = named::overwrite)] overwrite: bool,
    ) -> PyResult<Clip> {
        self.cut(py, path, by_frames(first, end)?, (wait, available, silence), overwrite)
    }
}
