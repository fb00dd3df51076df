//! The arguments of `record` and `SourceConfig`: format, gain and supervision of a source.

use capbuf::SampleFormat;
use capbuf_capture::{Backoff, CaptureOptions, CircuitBreaker, Mix, Watchdog, WrongRate};
use pyo3::prelude::*;

use super::integers::{optional_unsigned, unsigned};
use super::spec::{channel_count, length, sample_rate};
use super::times::{optional_duration, signed_ns};
use crate::errors::{OrRaise as _, invalid};

/// The arguments of a source as Python passed them.
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
    pub(crate) wrong_rate: Option<&'a str>,
    pub(crate) latency: Option<&'a Bound<'py, PyAny>>,
}

impl CaptureArguments<'_, '_> {
    /// Converts the arguments; omitted ones keep the defaults of `capbuf_capture`.
    pub(crate) fn options(&self, py: Python<'_>) -> PyResult<CaptureOptions> {
        let mut options = CaptureOptions::new().gain_db(self.gain_db);
        if let Some(seconds) = self.seconds {
            options = options.length(length(seconds)?);
        }
        if let Some(rate) = sample_rate(self.sample_rate_hz)? {
            options = options.sample_rate_hz(rate);
        }
        if let Some(channels) = channel_count(self.channels)? {
            options = options.channels(channels);
        }
        if let Some(format) = self.sample_format {
            options = options.format(format.parse::<SampleFormat>().or_raise(py)?);
        }
        if let Some(value) = self.mix {
            options = options.mix(mix(value)?);
        }
        if let Some(wrong_rate) = self.wrong_rate {
            options = options.wrong_rate(wrong_rate.parse::<WrongRate>().or_raise(py)?);
        }
        if let Some(latency) = self.latency {
            options = options.latency(signed_ns("latency", latency)?);
        }
        if let Some(deadline) = optional_duration("open_deadline", self.open_deadline)? {
            options = options.open_deadline(deadline);
        }
        self.supervision(options)
    }

    fn supervision(&self, options: CaptureOptions) -> PyResult<CaptureOptions> {
        let (mut backoff, mut breaker) = (Backoff::default(), CircuitBreaker::default());
        if let Some(first) = optional_duration("retry_after", self.retry_after)? {
            backoff = backoff.first(first);
        }
        if let Some(longest) = optional_duration("retry_at_most_after", self.retry_at_most_after)? {
            backoff = backoff.longest(longest);
        }
        if let Some(failures) = optional_unsigned("give_up_after", self.give_up_after, "0 to 2**32 - 1")? {
            breaker = breaker.opens_after(failures);
        }
        if let Some(retry_every) = optional_duration("then_retry_every", self.then_retry_every)? {
            breaker = breaker.retry_every(retry_every);
        }
        let mut watchdog = Watchdog::new();
        if let Some(nothing) = optional_duration("nothing_for", self.nothing_for)? {
            watchdog = watchdog.nothing_for(nothing);
        }
        watchdog = watchdog.silence_for(optional_duration("silence_for", self.silence_for)?);
        Ok(options.backoff(backoff).circuit_breaker(breaker).watchdog(watchdog))
    }
}

fn mix(value: &Bound<'_, PyAny>) -> PyResult<Mix> {
    match value.extract::<&str>() {
        Ok("auto") => Ok(Mix::Auto),
        Ok("average") => Ok(Mix::Average),
        Ok(other) => {
            Err(invalid(value.py(), "mix", format!("{other:?}"), "\"auto\", \"average\", the number of a channel"))
        }
        Err(_) => unsigned("mix", value, "0 to 65535").map(Mix::Channel),
    }
}
