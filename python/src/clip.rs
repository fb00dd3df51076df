//! Clips: files that a stretch of a buffer was written into.

use std::path::PathBuf;

use pyo3::prelude::*;

use crate::times;

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
