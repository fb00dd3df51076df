//! Whole numbers and shapes as arguments: what is out of range is an error that names the argument and what it may be.

use capbuf::{Length, SampleFormat, Spec};
use capbuf_capture::CaptureOptions;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict};

use crate::errors::{OrRaise as _, invalid, wrong_type};
use crate::times;

/// A whole number from `0` on that a type can hold.
pub(crate) fn whole<T: TryFrom<u64>>(what: &'static str, given: &Bound<'_, PyAny>, allowed: &str) -> PyResult<T> {
    if given.is_instance_of::<PyBool>() || !given.hasattr("__index__")? {
        return Err(wrong_type(what, given, "int"));
    }
    let number = given.extract::<u64>().ok().and_then(|number| T::try_from(number).ok());
    number.ok_or_else(|| match given.str() {
        Ok(shown) => invalid(given.py(), what, shown, allowed),
        Err(error) => error,
    })
}

/// As [`whole`], where nothing may be given, too.
pub(crate) fn maybe_whole<T: TryFrom<u64>>(
    what: &'static str,
    given: Option<&Bound<'_, PyAny>>,
    allowed: &str,
) -> PyResult<Option<T>> {
    given.map(|given| whole(what, given, allowed)).transpose()
}

pub(crate) const FRAMES: &str = "0 to 2**64 - 1";
pub(crate) const BYTES: &str = "0 to 2**64 - 1";
const RATES: &str = "1 to 768000";
const CHANNELS: &str = "1 to 64";

/// How much a buffer keeps.
pub(crate) fn length(seconds: &Bound<'_, PyAny>) -> PyResult<Length> {
    Ok(Length::Seconds(times::duration("seconds", seconds)?.as_secs_f64()))
}

/// The shape of a buffer, of the arguments that say it.
pub(crate) fn spec(
    seconds: &Bound<'_, PyAny>,
    sample_rate_hz: Option<&Bound<'_, PyAny>>,
    channels: Option<&Bound<'_, PyAny>>,
    sample_format: &str,
) -> PyResult<Spec> {
    let py = seconds.py();
    let format = sample_format.parse::<SampleFormat>().or_raise(py)?;
    let rate = maybe_whole("sample_rate_hz", sample_rate_hz, RATES)?.unwrap_or(48_000);
    let channels = maybe_whole("channels", channels, CHANNELS)?.unwrap_or(1);
    Spec::new(length(seconds)?, rate, channels, format).or_raise(py)
}

/// What is asked of a source, of the arguments that say it.
pub(crate) fn capture_options(
    py: Python<'_>,
    seconds: Option<&Bound<'_, PyAny>>,
    sample_rate_hz: Option<&Bound<'_, PyAny>>,
    channels: Option<&Bound<'_, PyAny>>,
    sample_format: Option<&str>,
    open_deadline: Option<&Bound<'_, PyAny>>,
) -> PyResult<CaptureOptions> {
    let mut options = CaptureOptions::new();
    if let Some(seconds) = seconds {
        options = options.length(length(seconds)?);
    }
    if let Some(rate) = maybe_whole("sample_rate_hz", sample_rate_hz, RATES)? {
        options = options.sample_rate_hz(rate);
    }
    if let Some(channels) = maybe_whole("channels", channels, CHANNELS)? {
        options = options.channels(channels);
    }
    if let Some(format) = sample_format {
        options = options.format(format.parse::<SampleFormat>().or_raise(py)?);
    }
    if let Some(deadline) = open_deadline {
        options = options.open_deadline(times::duration("open_deadline", deadline)?);
    }
    Ok(options)
}

/// The arguments that say a shape.
pub(crate) fn spec_dict<'py>(py: Python<'py>, spec: &Spec) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("seconds", spec.length_frames() as f64 / f64::from(spec.sample_rate_hz()))?;
    dict.set_item("sample_rate_hz", spec.sample_rate_hz())?;
    dict.set_item("channels", spec.channels())?;
    dict.set_item("sample_format", spec.format().name())?;
    Ok(dict)
}
