//! Moments: parsed from `2026-11-22T18:30:00Z`, `18:30:00` or `-12s`, and printed in UTC.

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan, Zoned};

use crate::duration;

/// A moment as written: its value depends on the current time and the time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// An absolute time.
    At(Timestamp),
    /// A time of the local day.
    TimeOfDay(Time),
    /// A time relative to now.
    FromNow(SignedDuration),
}

const ALLOWED: &str = "RFC 3339 as in 2026-11-22T18:30:00Z, local time of day as in 18:30 or 18:30:00.5, now, \
    or relative to now as in -12s";

/// Parses a moment.
pub(crate) fn parse(text: &str) -> Result<Moment, String> {
    let invalid = || format!("{text:?} is not a time; allowed: {ALLOWED}");
    if text == "now" {
        return Ok(Moment::FromNow(SignedDuration::ZERO));
    }
    if let Some(distance) = text.strip_prefix(['-', '+']) {
        let distance = duration::parse(distance).ok().and_then(|distance| SignedDuration::try_from(distance).ok());
        let distance = distance.ok_or_else(invalid)?;
        return Ok(Moment::FromNow(if text.starts_with('-') { -distance } else { distance }));
    }
    if let Ok(at) = text.parse() {
        return Ok(Moment::At(at));
    }
    // A bare number is more likely a mistake than an hour of the day.
    if text.contains(':') && text.starts_with(|sign: char| sign.is_ascii_digit()) && !text.contains(['T', 'Z', ' ']) {
        return text.parse().map(Moment::TimeOfDay).map_err(|_| invalid());
    }
    Err(invalid())
}

impl Moment {
    /// Returns the moment in ns of UTC, `None` beyond the range of `i64`.
    ///
    /// A time of day is the nearest one: around midnight, that may be yesterday's or tomorrow's.
    pub(crate) fn utc_ns(self, now: &Zoned) -> Option<i64> {
        let timestamp = match self {
            Self::At(timestamp) => timestamp,
            Self::FromNow(distance) => now.timestamp().checked_add(distance).ok()?,
            Self::TimeOfDay(time) => {
                let on = |days: i32| {
                    let date = now.date().checked_add(days.days()).ok()?;
                    Some(date.to_datetime(time).to_zoned(now.time_zone().clone()).ok()?.timestamp())
                };
                let moments = [-1, 0, 1].into_iter().filter_map(on);
                moments.min_by_key(|moment| moment.duration_since(now.timestamp()).abs())?
            }
        };
        i64::try_from(timestamp.as_nanosecond()).ok()
    }
}

/// Formats a time in UTC, with all its digits.
pub(crate) fn utc(utc_ns: i64) -> String {
    Timestamp::from_nanosecond(i128::from(utc_ns)).unwrap_or(Timestamp::UNIX_EPOCH).to_string()
}

/// Formats a time in UTC, to the millisecond.
pub(crate) fn utc_ms(utc_ns: i64) -> String {
    let moment = Timestamp::from_nanosecond(i128::from(utc_ns)).unwrap_or(Timestamp::UNIX_EPOCH);
    format!("{moment:.3}")
}

/// Returns the current time in the time zone of the system.
pub(crate) fn now() -> Zoned {
    Timestamp::now().to_zoned(TimeZone::system())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc_of(text: &str, now: &str) -> String {
        let now: Zoned = now.parse().expect("a time");
        utc(parse(text).expect("a moment").utc_ns(&now).expect("in range"))
    }

    #[test]
    fn moments_are_absolute_local_or_relative() {
        let now = "2026-11-22T18:30:00+01:00[+01:00]";
        for (text, expected) in [
            ("2026-11-22T12:00:00.25Z", "2026-11-22T12:00:00.25Z"),
            ("2026-11-22T12:00:00+02:00", "2026-11-22T10:00:00Z"),
            ("18:29:50", "2026-11-22T17:29:50Z"),
            ("18:29:50.125", "2026-11-22T17:29:50.125Z"),
            ("18:29", "2026-11-22T17:29:00Z"),
            ("now", "2026-11-22T17:30:00Z"),
            ("-12s", "2026-11-22T17:29:48Z"),
            ("-1.5m", "2026-11-22T17:28:30Z"),
            ("+500ms", "2026-11-22T17:30:00.5Z"),
        ] {
            assert_eq!(utc_of(text, now), expected, "{text}");
        }
    }

    #[test]
    fn a_time_of_day_is_the_nearest_one_around_midnight() {
        assert_eq!(utc_of("23:59:58", "2026-11-23T00:00:05Z[UTC]"), "2026-11-22T23:59:58Z");
        assert_eq!(utc_of("00:00:05", "2026-11-22T23:59:58Z[UTC]"), "2026-11-23T00:00:05Z");
    }

    #[test]
    fn invalid_moments_are_rejected_and_quoted() {
        for text in ["", "12", "-", "25:00", "18:60:00", "2026-11-22", "2026-11-22T18:30:00", "-0s", "--1s", "then"] {
            let message = parse(text).expect_err(text);
            assert!(message.contains(&format!("{text:?}")) && message.contains("RFC 3339"), "{message}");
        }
    }
}
