//! A `[[source]]` of the file: checked, and completed by `[defaults]`.

use std::ops::Range;
use std::time::Duration;

use capbuf::{Length, SampleFormat, Spec};
use capbuf_capture::{Backoff, CaptureOptions, CircuitBreaker, Locator, SourceConfig, Watchdog};
use toml::Spanned;

use super::diagnostic::{Diagnostic, Document};
use super::file::{Defaults, Source};
use super::values;
use crate::duration;

/// The daemon takes digital silence for a fault, unlike the library: it records microphones.
const SILENCE_FOR: Duration = Duration::from_secs(300);
/// The rate to check a length with if the source decides about the rate.
const LIKELY_RATE_HZ: u32 = 48_000;

/// A setting of the source, else of the defaults.
macro_rules! setting {
    ($source:ident, $defaults:ident, $name:ident) => {
        $source.$name.as_ref().or($defaults.$name.as_ref())
    };
}

/// Checks a source. A setting that the file does not have is the library's default.
pub(super) fn read(document: &Document<'_>, source: &Source, defaults: &Defaults) -> Result<SourceConfig, Diagnostic> {
    let invalid = |at: Range<usize>, error: &dyn ToString| document.diagnostic(Some(at), &error.to_string());
    let from = source.from.get_ref();
    from.parse::<Locator>().map_err(|error| invalid(source.from.span(), &error))?;
    let name = source.name.as_ref().unwrap_or(&source.from);
    capbuf::Source::new(name.get_ref()).map_err(|error| invalid(name.span(), &error))?;

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
    options = options
        .backoff(read_backoff(document, source, defaults)?)
        .circuit_breaker(read_circuit_breaker(document, source, defaults)?)
        .watchdog(read_watchdog(document, source, defaults)?);

    let config = SourceConfig::new(name.get_ref(), from).options(options);
    let when_gone = document.read_if_set(setting!(source, defaults, when_gone), values::when_gone)?;
    Ok(when_gone.into_iter().fold(config, SourceConfig::when_gone))
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
    let format = document.read_if_set(setting!(source, defaults, format), values::sample_format)?;
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
