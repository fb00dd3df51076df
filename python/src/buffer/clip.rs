//! The class `Clip`, and file names for clips.

use std::path::PathBuf;

use pyo3::prelude::*;

use super::gap::Missing;
use crate::arguments::{datetime, named, utc_ns};
use crate::pickling::pickled;

/// A file into which a span of a buffer was written.
///
/// Attributes
/// ----------
/// path : pathlib.Path
///     The path of the file.
/// frames, sample_rate_hz, channels : int
///     The length and shape of the audio.
/// sample_format : str
///     The format of the samples: "s16", "s24", "s32" or "f32".
/// start_utc_ns : int
///     Capture time of the first frame, in ns of UTC; `start` is the same as an aware
///     `datetime`.
/// clock : str
///     The clock that gave the time of the first frame: ``"device"``, ``"sender"``, ``"arrival"`` or
///     ``"file"``.
/// latency_ns, uncertainty_ns : int
///     The constant delay that was taken off, and the bound of the error of all times, in ns. The
///     delay that all arrivals share is not in it.
/// missing : Missing
///     The requested frames that the clip lacks.
/// bytes : int
///     The size of the file.
#[pyclass(module = "capbuf", frozen, get_all)]
pub(crate) struct Clip {
    path: PathBuf,
    frames: u64,
    sample_rate_hz: u32,
    channels: u16,
    sample_format: String,
    start_utc_ns: i64,
    missing: Missing,
    bytes: u64,
    clock: String,
    latency_ns: i64,
    uncertainty_ns: i64,
}

impl Clip {
    pub(crate) fn new(clip: capbuf_capture::ClipInfo) -> Self {
        Self {
            path: clip.path,
            frames: clip.frames,
            sample_rate_hz: clip.sample_rate_hz,
            channels: clip.channels,
            sample_format: clip.format.name().to_owned(),
            start_utc_ns: clip.start_utc_ns,
            missing: Missing::new(clip.missing),
            bytes: clip.bytes,
            clock: clip.timing.clock.name().to_owned(),
            latency_ns: clip.timing.latency_ns,
            uncertainty_ns: clip.timing.uncertainty_ns,
        }
    }
}

#[pymethods]
impl Clip {
    /// Capture time of the first frame, as an aware `datetime` in UTC.
    #[getter]
    fn start<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        datetime(py, self.start_utc_ns)
    }

    fn __repr__(&self) -> String {
        format!("<capbuf.Clip {:?}, {} frames>", self.path, self.frames)
    }
}

/// Build a file name from a source and the start time of a clip.
///
/// The name has no credentials, and no character that is special to a file system or a shell.
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
/// Raises
/// ------
/// InvalidArgument, InvalidType
///     If `start` is no time.
///
/// Examples
/// --------
/// >>> import capbuf
/// >>> capbuf.clip_name("rtsp://me:sesame@cam.lan:554/a/b", 1795372200.125)
/// 'rtsp-cam.lan-554-a-b_20261122T183000.125Z.wav'
#[pyfunction]
#[pyo3(signature = (source, start, extension="wav"))]
pub(crate) fn clip_name(
    #[pyo3(from_py_with = named::source)] source: &str,
    start: &Bound<'_, PyAny>,
    #[pyo3(from_py_with = named::extension)] extension: &str,
) -> PyResult<String> {
    Ok(capbuf_capture::clip_name(source, utc_ns("start", start)?, extension))
}

pickled!(Clip {
    path,
    frames,
    sample_rate_hz,
    channels,
    sample_format,
    start_utc_ns,
    missing,
    bytes,
    clock,
    latency_ns,
    uncertainty_ns
});
