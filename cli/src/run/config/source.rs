//! A `[[source]]` of the file: checked, and completed by `[defaults]`.

use std::ops::Range;
use std::time::Duration;

use capbuf::{Length, MAX_SAMPLE_RATE_HZ, SampleFormat, Spec};
use capbuf_capture::{Backoff, CaptureOptions, CircuitBreaker, Format, Locator, SourceConfig, Watchdog, WhenGone};
use toml::Spanned;

use super::diagnostic::{Diagnostic, Document};
use super::file::{Defaults, Source};
use super::{stream, values};
use crate::run::OWN_NAME;
use crate::{duration, named};

/// The daemon takes digital silence for a fault, unlike the library: it records microphones.
const SILENCE_FOR: Duration = Duration::from_secs(300);
/// The library's length of a buffer.
const LIKELY_LENGTH: Duration = Duration::from_secs(60);
/// The rate to check a length with if the source decides about the rate.
const LIKELY_RATE_HZ: u32 = 48_000;

/// A setting of the source, else of the defaults.
macro_rules! setting {
    ($source:ident, $defaults:ident, $name:ident) => {
        $source.$name.as_ref().or($defaults.$name.as_ref())
    };
}

/// Checks a source, and returns the fate of its buffer when it is no longer configured. A setting
/// that the file does not have is the library's default.
pub(super) fn read(
    document: &Document<'_>,
    source: &Source,
    defaults: &Defaults,
) -> Result<(SourceConfig, WhenGone), Diagnostic> {
    let invalid = |at: Range<usize>, error: &dyn ToString| document.diagnostic(Some(at), &error.to_string());
    let from = source.from.get_ref();
    from.parse::<Locator>().map_err(|error| invalid(source.from.span(), &error))?;
    let name = source.name.as_ref().unwrap_or(&source.from);
    capbuf::Source::new(name.get_ref()).map_err(|error| invalid(name.span(), &error))?;
    if name.get_ref() == OWN_NAME {
        return Err(invalid(
            name.span(),
            &format!("the name {OWN_NAME:?} is the daemon's own; allowed: any other one"),
        ));
    }

    let mut options = read_shape(document, source, defaults)?;
    if let Some(mix) = document.read_if_set(source.mix.as_ref(), values::mix)? {
        options = options.mix(mix);
    }
    if let Some(gain) = &source.gain {
        if !(-100.0..=100.0).contains(gain.get_ref()) {
            return Err(invalid(gain.span(), &format!("gain is {}; allowed: -100 to 100, in dB", gain.get_ref())));
        }
        options = options.gain_db(*gain.get_ref());
    }
    if let Some(lifetime) = document.read_if_set(setting!(source, defaults, lifetime), values::lifetime)? {
        options = options.lifetime(lifetime);
    }
    if let Some(deadline) = document.read_if_set(setting!(source, defaults, open_within), duration::parse)? {
        options = options.open_deadline(deadline);
    }
    if let Some(wrong_rate) = document.read_if_set(setting!(source, defaults, wrong_rate), named::value)? {
        options = options.wrong_rate(wrong_rate);
    }
    if let Some(latency_ns) = document.read_if_set(source.latency.as_ref(), duration::parse_latency)? {
        options = options.latency(latency_ns);
    }
    let (stream, at) = stream::read(document, source)?;
    options = options
        .stream(stream)
        .backoff(read_backoff(document, source, defaults)?)
        .circuit_breaker(read_circuit_breaker(document, source, defaults)?)
        .watchdog(read_watchdog(document, source, defaults)?);

    let config = SourceConfig::new(name.get_ref(), from).options(options);
    config.source().map_err(|error| invalid(at.unwrap_or_else(|| source.from.span()), &error))?;
    let when_gone = document.read_if_set(setting!(source, defaults, when_gone), values::when_gone)?;
    Ok((config, when_gone.unwrap_or_default()))
}

/// Returns the shape of the buffer of a source. A format that the file leaves to the source is
/// `native`, or, without one, a format that suits every trigger.
pub(super) fn spec(source: &Source, defaults: &Defaults, native: Option<Format>) -> Option<Spec> {
    let length =
        setting!(source, defaults, length).map_or(Some(LIKELY_LENGTH), |length| duration::parse(length.get_ref()).ok());
    let rate = setting!(source, defaults, sample_rate).map(|rate| *rate.get_ref());
    let channels = setting!(source, defaults, channels).map(|channels| *channels.get_ref());
    let format = setting!(source, defaults, format).and_then(|format| format.get_ref().parse().ok());
    let native =
        native.unwrap_or(Format { sample_rate_hz: MAX_SAMPLE_RATE_HZ, channels: 1, sample_format: SampleFormat::S16 });
    let length = Length::Seconds(length?.as_secs_f64());
    let (rate, channels) = (rate.unwrap_or(native.sample_rate_hz), channels.unwrap_or(native.channels));
    Spec::new(length, rate, channels, format.unwrap_or(native.sample_format)).ok()
}

/// Reads the length and format of the buffer. Checks each value by itself, to report its own line.
fn read_shape(document: &Document<'_>, source: &Source, defaults: &Defaults) -> Result<CaptureOptions, Diagnostic> {
    fn value<T: Copy>(setting: &Spanned<T>) -> T {
        *setting.get_ref()
    }
    let check = |at: Range<usize>, length, rate, channels| {
        let spec = Spec::new(length, rate, channels, SampleFormat::S16);
        spec.map(drop).map_err(|error| document.diagnostic(Some(at), &error.to_string()))
    };
    let mut options = CaptureOptions::new();
    let one_second = Length::Seconds(1.0);
    let rate = setting!(source, defaults, sample_rate);
    if let Some(rate) = rate {
        check(rate.span(), one_second, value(rate), 1)?;
        options = options.sample_rate_hz(value(rate));
    }
    if let Some(channels) = setting!(source, defaults, channels) {
        check(channels.span(), one_second, LIKELY_RATE_HZ, value(channels))?;
        options = options.channels(value(channels));
    }
    if let Some(length) = setting!(source, defaults, length) {
        let seconds = Length::Seconds(document.read(length, duration::parse)?.as_secs_f64());
        check(length.span(), seconds, rate.map_or(LIKELY_RATE_HZ, value), 1)?;
        options = options.length(seconds);
    }
    let format = document.read_if_set(setting!(source, defaults, format), named::value)?;
    Ok(format.into_iter().fold(options, CaptureOptions::format))
}

fn read_backoff(document: &Document<'_>, source: &Source, defaults: &Defaults) -> Result<Backoff, Diagnostic> {
    let first = document.read_if_set(setting!(source, defaults, retry_after), duration::parse)?;
    let longest = document.read_if_set(setting!(source, defaults, retry_at_most_after), duration::parse)?;
    let backoff = first.into_iter().fold(Backoff::default(), Backoff::first);
    Ok(longest.into_iter().fold(backoff, Backoff::longest))
}

fn read_circuit_breaker(
    document: &Document<'_>,
    source: &Source,
    defaults: &Defaults,
) -> Result<CircuitBreaker, Diagnostic> {
    let failures = setting!(source, defaults, give_up_after).map(|failures| *failures.get_ref());
    let every = document.read_if_set(setting!(source, defaults, then_retry_every), duration::parse)?;
    let breaker = failures.into_iter().fold(CircuitBreaker::default(), CircuitBreaker::opens_after);
    Ok(every.into_iter().fold(breaker, CircuitBreaker::retry_every))
}

fn read_watchdog(document: &Document<'_>, source: &Source, defaults: &Defaults) -> Result<Watchdog, Diagnostic> {
    let nothing = document.read_if_set(setting!(source, defaults, nothing_for), duration::parse)?;
    let silence = document.read_if_set(setting!(source, defaults, silence_for), values::silence)?;
    let watchdog = Watchdog::default().silence_for(silence.unwrap_or(Some(SILENCE_FOR)));
    Ok(nothing.into_iter().fold(watchdog, Watchdog::nothing_for))
}
