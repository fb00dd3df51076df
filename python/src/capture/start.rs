//! The function `record`: opens a source and captures it.

use pyo3::prelude::*;

use super::Capture;
use crate::arguments::{CaptureArguments, named};
use crate::errors::{self, OrRaise as _};
use crate::registry::{CallSite, Registry, open_domain, optional_registry};
use crate::waiting::interruptible;

/// Open a source and capture it into its buffer.
///
/// Blocks until the source delivers audio; other threads run meanwhile, and Ctrl-C ends the wait.
/// The buffer is allocated, or reused if the source has one.
///
/// Parameters
/// ----------
/// source : str
///     ``device:default``, ``device:alsa:NAME``, ``device:pulseaudio:NAME``,
///     ``device:usb:VENDOR:PRODUCT:SERIAL``, ``device:path:PATH``; an ``rtsp://``, ``rtsps://``,
///     ``http://``, ``https://`` or ``udp://`` URL, with options after a ``#`` (``#audio=1``,
///     ``#transport=udp``, ``#tls=insecure``, ``#ca=PATH``, joined by ``&``); ``file:PATH``, ``file:PATH?loop``;
///     ``tone:HERTZ``, ``position:``.
/// seconds : float or timedelta, default 60
///     The length of the buffer.
/// domain : str, optional
///     The domain of the buffer: as `open`.
/// registry : Registry, optional
///     The registry of the buffer, instead of a domain.
/// sample_rate_hz, channels : int, optional
///     The shape of the buffer; by default that of the source. The audio is converted.
/// sample_format : str, optional
///     "s16", "s24", "s32" or "f32"; by default that of the source.
/// mix : str or int, default "auto"
///     The channels of the source to record: "auto" (the average if the source has more than
///     requested), "average", or the number of one channel, from 0.
/// gain_db : float, default 0
///     The gain in dB, -100 to 100. Samples are clipped at full scale.
/// open_deadline : float or timedelta, default 20
///     The longest time to open the source.
/// retry_after, retry_at_most_after : float or timedelta, default 0.5 and 30
///     The first and the longest delay before a lost source is opened again; the delays grow.
/// give_up_after : int, default 10
///     The number of consecutive failures after which the source is retried less often, until it
///     has run for ten seconds.
/// then_retry_every : float or timedelta, default 60
///     The delay from then on.
/// nothing_for : float or timedelta, default 15
///     The time without a frame after which the source is closed and opened again.
/// silence_for : float or timedelta, optional
///     The time of all-zero samples after which it is, too. By default silence is no fault. The
///     samples of a working microphone are never all zero.
/// wrong_rate : str, default "refuse"
///     The fate of a source whose frames come faster or slower than it says: "refuse" closes it, and
///     opens it again as one that fails; "correct" takes them to come at the measured rate.
/// latency : float or timedelta, default 0
///     The constant delay of the source, which is taken off all its times: that of a codec, a server
///     or a converter. -60 to 60 seconds.
///
/// Returns
/// -------
/// Capture
///
/// Raises
/// ------
/// InvalidLocator
///     If `source` is no source.
/// DeviceNotFound, HostUnavailable, DeviceFailed, NotOffered, Unreadable, StreamFailed
///     If the source can't be opened.
/// FfmpegMissing, OpenTimedOut, ThreadFailed
///     If the source can't be opened.
/// SpecMismatch, WriterBusy, OverBudget, OutOfMemory, OutOfSpace
///     If the buffer has another shape or another writer, or can't be allocated.
///
/// Examples
/// --------
/// >>> import capbuf
/// >>> registry = capbuf.Registry.private()
/// >>> with capbuf.record("tone:440", seconds=10, registry=registry) as capture:
/// ...     tenth = capture.buffer.last(0.1, wait=10)
/// >>> tenth.samples.shape, bool(abs(tenth.samples).max() > 0.1)
/// ((4800, 1), True)
#[pyfunction]
#[pyo3(
    signature = (source, seconds=None, *, domain=None, registry=None, sample_rate_hz=None, channels=None, sample_format=None,
                 mix=None, gain_db=0.0, open_deadline=None, retry_after=None, retry_at_most_after=None, give_up_after=None,
                 then_retry_every=None, nothing_for=None, silence_for=None, wrong_rate=None, latency=None),
    text_signature = "(source, seconds=60.0, *, domain=None, registry=None, sample_rate_hz=None, channels=None, \
                      sample_format=None, mix='auto', gain_db=0.0, open_deadline=20.0, retry_after=0.5, \
                      retry_at_most_after=30.0, give_up_after=10, then_retry_every=60.0, nothing_for=15.0, silence_for=None, \
                      wrong_rate='refuse', latency=0.0)"
)]
pub(crate) fn record(
    py: Python<'_>,
    #[pyo3(from_py_with = named::source)] source: String,
    seconds: Option<&Bound<'_, PyAny>>,
    #[pyo3(from_py_with = named::optional_domain)] domain: Option<String>,
    #[pyo3(from_py_with = optional_registry)] registry: Option<&Registry>,
    sample_rate_hz: Option<&Bound<'_, PyAny>>,
    channels: Option<&Bound<'_, PyAny>>,
    #[pyo3(from_py_with = named::optional_sample_format)] sample_format: Option<&str>,
    mix: Option<&Bound<'_, PyAny>>,
    #[pyo3(from_py_with = named::gain_db)] gain_db: f32,
    open_deadline: Option<&Bound<'_, PyAny>>,
    retry_after: Option<&Bound<'_, PyAny>>,
    retry_at_most_after: Option<&Bound<'_, PyAny>>,
    give_up_after: Option<&Bound<'_, PyAny>>,
    then_retry_every: Option<&Bound<'_, PyAny>>,
    nothing_for: Option<&Bound<'_, PyAny>>,
    silence_for: Option<&Bound<'_, PyAny>>,
    #[pyo3(from_py_with = named::optional_wrong_rate)] wrong_rate: Option<&str>,
    latency: Option<&Bound<'_, PyAny>>,
) -> PyResult<Capture> {
    let arguments = CaptureArguments {
        seconds,
        sample_rate_hz,
        channels,
        sample_format,
        mix,
        gain_db,
        open_deadline,
        retry_after,
        retry_at_most_after,
        give_up_after,
        then_retry_every,
        nothing_for,
        silence_for,
        wrong_rate,
        latency,
    };
    let options = arguments.options(py)?;
    let registry = match (registry, domain) {
        (Some(_), Some(_)) => {
            return Err(errors::invalid(py, "domain", "passed together with registry", "one of the two"));
        }
        (Some(registry), None) => registry.registry(py)?,
        (None, domain) => open_domain(py, domain)?.registry(py)?,
    };
    // After a signal the thread drops, and so stops, the capture that it started.
    let call_site = CallSite::of(py, &registry);
    let call = move || call_site.run(|| capbuf_capture::Capture::start(&registry, &source, &options));
    Ok(Capture::new(interruptible(py, call)?.or_raise(py)?))
}
