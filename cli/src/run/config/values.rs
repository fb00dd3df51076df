//! Parsers of the values that the file writes as text.

use std::time::Duration;

use capbuf::Lifetime;
use capbuf_capture::{Mix, Times, Transport, WhenGone};

use crate::clip_file::ClipType;
use crate::duration;

/// Parses a number of bytes: `500 MB`.
pub(super) fn bytes(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, f64); 4] = [("GB", 1e9), ("MB", 1e6), ("kB", 1e3), ("B", 1.0)];
    let invalid = || format!("{text:?} is not a size; allowed: a number with B, kB, MB or GB, as in 500 MB");
    let found = UNITS.into_iter().find_map(|(unit, bytes)| Some((text.strip_suffix(unit)?, bytes)));
    let (number, unit) = found.ok_or_else(invalid)?;
    let number: f64 = number.trim().parse().map_err(|_| invalid())?;
    if number > 0.0 && number.is_finite() { Ok((number * unit) as u64) } else { Err(invalid()) }
}

/// Parses how long a source may be silent, or `never` for no limit.
pub(super) fn silence(text: &str) -> Result<Option<Duration>, String> {
    if text == "never" { Ok(None) } else { duration::parse(text).map(Some) }
}

pub(super) fn lifetime(text: &str) -> Result<Lifetime, String> {
    let all = [Lifetime::UntilRemoved, Lifetime::WhileOpen];
    all.into_iter()
        .find(|lifetime| lifetime.name() == text)
        .ok_or_else(|| format!("lifetime is {text:?}; allowed: {}", all.map(Lifetime::name).join(", ")))
}

pub(super) fn when_gone(text: &str) -> Result<WhenGone, String> {
    match text {
        "remove" => Ok(WhenGone::Remove),
        "keep" => Ok(WhenGone::Keep),
        _ => Err(format!("when_gone is {text:?}; allowed: remove, keep")),
    }
}

pub(super) fn mix(text: &str) -> Result<Mix, String> {
    let channel = || text.strip_prefix("channel ")?.parse().ok();
    match text {
        "auto" => Ok(Mix::Auto),
        "average" => Ok(Mix::Average),
        _ => channel().map(Mix::Channel).ok_or_else(|| {
            format!("mix is {text:?}; allowed: auto, average, channel 0 (or another one, counted from 0)")
        }),
    }
}

pub(super) fn transport(text: &str) -> Result<Transport, String> {
    let all = Transport::ALL.map(Transport::name).join(", ");
    Transport::named(text).ok_or_else(|| format!("transport is {text:?}; allowed: {all}"))
}

pub(super) fn times(text: &str) -> Result<Times, String> {
    let all = Times::ALL.map(Times::name).join(", ");
    Times::named(text).ok_or_else(|| format!("times is {text:?}; allowed: {all}"))
}

/// Parses the check of certificates; true for none.
pub(super) fn is_tls_insecure(text: &str) -> Result<bool, String> {
    match text {
        "insecure" => Ok(true),
        "verify" => Ok(false),
        _ => Err(format!("tls is {text:?}; allowed: verify, insecure")),
    }
}

pub(super) fn clip_type(text: &str) -> Result<ClipType, String> {
    let all = [ClipType::Wav, ClipType::Flac];
    all.into_iter()
        .find(|clip_type| clip_type.extension() == text)
        .ok_or_else(|| format!("type is {text:?}; allowed: {}", all.map(ClipType::extension).join(", ")))
}
