//! The class `SourceConfig`: the configuration of one source of a station.

use capbuf_capture::WhenGone;
use pyo3::prelude::*;
use pyo3::pyclass::{PyTraverseError, PyVisit};
use pyo3::types::{PyDict, PyString};

use crate::arguments::{CaptureArguments, named};
use crate::errors::{invalid, wrong_type};

/// The configuration of a source of a `Station`.
///
/// Parameters
/// ----------
/// name : str
///     The name of the buffer.
/// locator : str, optional
///     The source, as `record` accepts it; by default the name.
/// seconds : float or timedelta, default 60
///     The length of the buffer.
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
/// when_gone : str, default "remove"
///     The fate of the buffer once the source is no longer configured: "remove" removes it from
///     the registry, "keep" leaves it.
///
/// Raises
/// ------
/// InvalidArgument, InvalidType
///     If an argument is outside of what is allowed.
///
/// Examples
/// --------
/// >>> import capbuf
/// >>> nest = capbuf.SourceConfig("nest", "rtsp://me:sesame@camera/audio", seconds=120)
/// >>> nest
/// <capbuf.SourceConfig 'nest' from 'rtsp://***@camera/audio'>
/// >>> nest == capbuf.SourceConfig("nest", "rtsp://me:sesame@camera/audio", seconds=120.0)
/// True
#[pyclass(module = "capbuf", frozen, eq)]
pub(crate) struct SourceConfig {
    config: capbuf_capture::SourceConfig,
    /// The keyword arguments, for copies.
    keywords: Py<PyDict>,
}

impl PartialEq for SourceConfig {
    fn eq(&self, other: &Self) -> bool {
        self.config == other.config
    }
}

#[pymethods]
impl SourceConfig {
    #[new]
    #[pyo3(
        signature = (name, locator=None, *, seconds=None, sample_rate_hz=None, channels=None, sample_format=None, mix=None,
                     gain_db=0.0, open_deadline=None, retry_after=None, retry_at_most_after=None, give_up_after=None,
                     then_retry_every=None, nothing_for=None, silence_for=None, wrong_rate=None, latency=None, when_gone="remove"),
        text_signature = "(name, locator=None, *, seconds=60.0, sample_rate_hz=None, channels=None, sample_format=None, \
                          mix='auto', gain_db=0.0, open_deadline=20.0, retry_after=0.5, retry_at_most_after=30.0, \
                          give_up_after=10, then_retry_every=60.0, nothing_for=15.0, silence_for=None, \
                          wrong_rate='refuse', latency=0.0, when_gone='remove')"
    )]
    fn new(
        py: Python<'_>,
        #[pyo3(from_py_with = named::name)] name: &str,
        #[pyo3(from_py_with = named::optional_locator)] locator: Option<&str>,
        seconds: Option<&Bound<'_, PyAny>>,
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
        #[pyo3(from_py_with = named::when_gone)] when_gone: &str,
    ) -> PyResult<Self> {
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
        let when_gone = match when_gone {
            "remove" => WhenGone::Remove,
            "keep" => WhenGone::Keep,
            other => return Err(invalid(py, "when_gone", format!("{other:?}"), "\"remove\", \"keep\"")),
        };
        let config = capbuf_capture::SourceConfig::new(name, locator.unwrap_or(name));
        let config = config.options(arguments.options(py)?).when_gone(when_gone);
        let keywords = PyDict::new(py);
        for (keyword, value) in [
            ("seconds", seconds),
            ("sample_rate_hz", sample_rate_hz),
            ("channels", channels),
            ("mix", mix),
            ("open_deadline", open_deadline),
            ("retry_after", retry_after),
            ("retry_at_most_after", retry_at_most_after),
            ("give_up_after", give_up_after),
            ("then_retry_every", then_retry_every),
            ("nothing_for", nothing_for),
            ("silence_for", silence_for),
            ("latency", latency),
        ] {
            if let Some(value) = value {
                keywords.set_item(keyword, value)?;
            }
        }
        keywords.set_item("sample_format", sample_format)?;
        keywords.set_item("wrong_rate", wrong_rate)?;
        keywords.set_item("gain_db", gain_db)?;
        keywords.set_item("when_gone", if when_gone == WhenGone::Keep { "keep" } else { "remove" })?;
        Ok(Self { config, keywords: keywords.unbind() })
    }

    /// The arguments of a copy, for `pickle` and `copy`.
    fn __getnewargs_ex__(&self, py: Python<'_>) -> ((&str, &str), Py<PyDict>) {
        ((self.config.name(), self.config.locator()), self.keywords.clone_ref(py))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.keywords)
    }

    /// The name of the buffer, unredacted.
    #[getter]
    fn name(&self) -> &str {
        self.config.name()
    }

    /// The locator of the source, unredacted.
    #[getter]
    fn locator(&self) -> &str {
        self.config.locator()
    }

    fn __repr__(&self) -> String {
        let quoted = |text| capbuf::redact(text).replace('\'', "\\'");
        format!("<capbuf.SourceConfig '{}' from '{}'>", quoted(self.config.name()), quoted(self.config.locator()))
    }
}

/// Extracts an iterable of configurations and of names, which are configurations with defaults.
pub(super) fn configs(sources: &Bound<'_, PyAny>) -> PyResult<Vec<capbuf_capture::SourceConfig>> {
    const ALLOWED: &str = "an iterable of SourceConfig and str";
    let refused = || wrong_type("sources", sources, ALLOWED);
    if sources.is_instance_of::<PyString>() {
        return Err(refused());
    }
    let mut configs = Vec::new();
    for source in sources.try_iter().map_err(|_| refused())? {
        let source = source?;
        configs.push(match source.cast::<SourceConfig>() {
            Ok(config) => config.get().config.clone(),
            Err(_) => {
                let name: String =
                    source.extract().map_err(|_| wrong_type("a source", &source, "SourceConfig, str"))?;
                capbuf_capture::SourceConfig::new(name.clone(), name)
            }
        });
    }
    Ok(configs)
}
