//! The arguments that specify the shape of a buffer.

use capbuf::{Length, SampleFormat, Spec};
use pyo3::prelude::*;

use super::integers::optional_unsigned;
use super::times::duration;
use crate::errors::OrRaise as _;

const SAMPLE_RATES: &str = "1 to 768000";
const CHANNELS: &str = "1 to 64";

/// Extracts the argument `seconds`: the length of a buffer.
pub(super) fn length(seconds: &Bound<'_, PyAny>) -> PyResult<Length> {
    Ok(Length::Seconds(duration("seconds", seconds)?.as_secs_f64()))
}

/// Extracts the argument `sample_rate_hz`.
pub(super) fn sample_rate(value: Option<&Bound<'_, PyAny>>) -> PyResult<Option<u32>> {
    optional_unsigned("sample_rate_hz", value, SAMPLE_RATES)
}

/// Extracts the argument `channels`.
pub(super) fn channel_count(value: Option<&Bound<'_, PyAny>>) -> PyResult<Option<u16>> {
    optional_unsigned("channels", value, CHANNELS)
}

/// Extracts the shape of a buffer; 48 kHz mono by default.
pub(crate) fn spec(
    seconds: &Bound<'_, PyAny>,
    sample_rate_hz: Option<&Bound<'_, PyAny>>,
    channels: Option<&Bound<'_, PyAny>>,
    sample_format: &str,
) -> PyResult<Spec> {
    let py = seconds.py();
    let format = sample_format.parse::<SampleFormat>().or_raise(py)?;
    let rate = sample_rate(sample_rate_hz)?.unwrap_or(48_000);
    let channels = channel_count(channels)?.unwrap_or(1);
    Spec::new(length(seconds)?, rate, channels, format).or_raise(py)
}
