//! Whole numbers and shapes as arguments: what is out of range is an error that names the argument and what it may be.

use std::time::Duration;

use capbuf::{Length, SampleFormat, Spec};
use capbuf_capture::{Backoff, CaptureOptions, CircuitBreaker, Mix, Watchdog};
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

/// What is asked of a source, as arguments say it.
pub(crate) struct CaptureArguments<'a, 'py> {
    pub(crate) seconds: Option<&'a Bound<'py, PyAny>>,
    pub(crate) sample_rate_hz: Option<&'a Bound<'py, PyAny>>,
    pub(crate) channels: Option<&'a Bound<'py, PyAny>>,
    pub(crate) sample_format: Option<&'a str>,
    pub(crate) mix: Option<&'a Bound<'py, PyAny>>,
    pub(crate) gain_db: f32,
    pub(crate) open_deadline: Option<&'a Bound<'py, PyAny>>,
    pub(crate) retry_after: Option<&'a Bound<'py, PyAny>>,
    pub(crate) retry_at_most_after: Option<&'a Bound<'py, PyAny>>,
    pub(crate) give_up_after: Option<&'a Bound<'py, PyAny>>,
    pub(crate) then_retry_every: Option<&'a Bound<'py, PyAny>>,
    pub(crate) nothing_for: Option<&'a Bound<'py, PyAny>>,
    pub(crate) silence_for: Option<&'a Bound<'py, PyAny>>,
}

impl CaptureArguments<'_, '_> {
    pub(crate) fn options(&self, py: Python<'_>) -> PyResult<CaptureOptions> {
        let mut options = CaptureOptions::new().gain_db(self.gain_db);
        if let Some(seconds) = self.seconds {
            options = options.length(length(seconds)?);
        }
        if let Some(rate) = maybe_whole("sample_rate_hz", self.sample_rate_hz, RATES)? {
            options = options.sample_rate_hz(rate);
        }
        if let Some(channels) = maybe_whole("channels", self.channels, CHANNELS)? {
            options = options.channels(channels);
        }
        if let Some(format) = self.sample_format {
            options = options.format(format.parse::<SampleFormat>().or_raise(py)?);
        }
        if let Some(mix) = self.mix {
            options = options.mix(which_channels(mix)?);
        }
        if let Some(deadline) = maybe_duration("open_deadline", self.open_deadline)? {
            options = options.open_deadline(deadline);
        }
        self.supervised(options)
    }

    /// What is not given is as the library has it.
    fn supervised(&self, options: CaptureOptions) -> PyResult<CaptureOptions> {
        let (mut backoff, mut breaker) = (Backoff::default(), CircuitBreaker::default());
        if let Some(first) = maybe_duration("retry_after", self.retry_after)? {
            backoff = backoff.first(first);
        }
        if let Some(longest) = maybe_duration("retry_at_most_after", self.retry_at_most_after)? {
            backoff = backoff.longest(longest);
        }
        if let Some(failures) = maybe_whole("give_up_after", self.give_up_after, "0 to 2**32 - 1")? {
            breaker = breaker.opens_after(failures);
        }
        if let Some(retry_every) = maybe_duration("then_retry_every", self.then_retry_every)? {
            breaker = breaker.retry_every(retry_every);
        }
        let mut watchdog = Watchdog::new();
        if let Some(nothing) = maybe_duration("nothing_for", self.nothing_for)? {
            watchdog = watchdog.nothing_for(nothing);
        }
        watchdog = watchdog.silence_for(maybe_duration("silence_for", self.silence_for)?);
        Ok(options.backoff(backoff).circuit_breaker(breaker).watchdog(watchdog))
    }
}

fn maybe_duration(what: &'static str, given: Option<&Bound<'_, PyAny>>) -> PyResult<Option<Duration>> {
    given.map(|given| times::duration(what, given)).transpose()
}

fn which_channels(mix: &Bound<'_, PyAny>) -> PyResult<Mix> {
    match mix.extract::<&str>() {
        Ok("auto") => Ok(Mix::Auto),
        Ok("average") => Ok(Mix::Average),
        Ok(other) => {
            Err(invalid(mix.py(), "mix", format!("{other:?}"), "\"auto\", \"average\", the number of a channel"))
        }
        Err(_) => whole("mix", mix, "0 to 65535").map(Mix::Channel),
    }
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
