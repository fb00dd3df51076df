//! Moments: parsed from what people type and what logs print, and printed in UTC.

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan, Zoned};

use crate::duration;
use crate::printed_time::{self, PrintedTime};

/// A moment as written: its value may depend on the current time and the time zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Moment {
    /// An absolute time.
    At(Timestamp),
    /// A date and time, as a log prints it.
    Printed(PrintedTime),
    /// A time of the local day.
    TimeOfDay(Time),
    /// A time relative to now.
    FromNow(SignedDuration),
}

const ALLOWED: &str = "RFC 3339 as in 2026-11-22T18:30:00Z (also a blank for the T; local time without Z or an \
    offset), as logs have it (Nov 22 18:30:00, Sun 2026-11-22 18:30:00 UTC, Sun Nov 22 18:30:00 UTC 2026, \
    2026/11/22 18:30:00, 22/Nov/2026:18:30:00 +0000), the name of a clip, seconds since 1970 as in 1795372200.25 \
    (9 or 10 digits; 12 or 13 are ms, 15 or 16 us, 18 or 19 ns), local time of day as in 18:30 or 18:30:00.5, now, \
    or relative to now as in -12s";

/// Parses a moment.
pub(crate) fn parse(text: &str) -> Result<Moment, String> {
    let invalid = || format!("{text:?} is not a time; allowed: {ALLOWED}");
    let trimmed = text.trim();
    if trimmed == "now" {
        return Ok(Moment::FromNow(SignedDuration::ZERO));
    }
    if let Some(distance) = trimmed.strip_prefix(['-', '+']) {
        let distance = duration::parse(distance).ok().and_then(|distance| SignedDuration::try_from(distance).ok());
        let distance = distance.ok_or_else(invalid)?;
        return Ok(Moment::FromNow(if trimmed.starts_with('-') { -distance } else { distance }));
    }
    if let Some(number) = trimmed.strip_prefix('@') {
        return since_1970(number, Some(1_000_000_000)).map(Moment::At).ok_or_else(invalid);
    }
    if let Ok(at) = trimmed.parse() {
        return Ok(Moment::At(at));
    }
    if trimmed.bytes().all(|sign| sign.is_ascii_digit() || matches!(sign, b'.' | b',')) {
        // Other numbers of digits could be of either unit.
        return since_1970(trimmed, None).map(Moment::At).ok_or_else(invalid);
    }
    if let Some(printed) = printed_time::parse(trimmed) {
        return Ok(Moment::Printed(printed));
    }
    if trimmed.contains(':') && !trimmed.contains(['T', 'Z', ' ']) {
        return trimmed.replace(',', ".").parse().map(Moment::TimeOfDay).map_err(|_| invalid());
    }
    Err(invalid())
}

/// Parses a number since 1970, in units of `unit_ns` or of the unit that its digits show.
fn since_1970(number: &str, unit_ns: Option<i128>) -> Option<Timestamp> {
    let (whole, fraction) = number.split_once(['.', ',']).unwrap_or((number, ""));
    let unit_ns = match (unit_ns, whole.len()) {
        (Some(unit_ns), _) => unit_ns,
        (_, 9 | 10) => 1_000_000_000,
        (_, 12 | 13) => 1_000_000,
        (_, 15 | 16) => 1000,
        (_, 18 | 19) => 1,
        _ => return None,
    };
    if !fraction.bytes().all(|sign| sign.is_ascii_digit()) {
        return None;
    }
    // Digits beyond a nanosecond are cut off.
    let fraction = format!("{fraction:0<9.9}").parse::<i128>().ok()?;
    let whole_ns = i128::from(whole.parse::<u64>().ok()?) * unit_ns;
    Timestamp::from_nanosecond(whole_ns + fraction * unit_ns / 1_000_000_000).ok()
}

impl Moment {
    /// Returns the moment in ns of UTC.
    ///
    /// A time of day is the nearest one: around midnight, that may be yesterday's or tomorrow's. A
    /// date without a year is the newest one that is not more than a day ahead.
    ///
    /// # Errors
    /// The reason, for a time beyond the range of `i64`, or one that the local clock shows twice or
    /// never.
    pub(crate) fn utc_ns(&self, now: &Zoned) -> Result<i64, String> {
        let timestamp = match self {
            Self::At(timestamp) => Some(*timestamp),
            Self::Printed(printed) => Some(printed.timestamp(now)?),
            Self::FromNow(distance) => now.timestamp().checked_add(*distance).ok(),
            Self::TimeOfDay(time) => {
                let on = |days: i32| {
                    let date = now.date().checked_add(days.days()).ok()?;
                    Some(date.to_datetime(*time).to_zoned(now.time_zone().clone()).ok()?.timestamp())
                };
                let moments = [-1, 0, 1].into_iter().filter_map(on);
                moments.min_by_key(|moment| moment.duration_since(now.timestamp()).abs())
            }
        };
        let ns = timestamp.and_then(|timestamp| i64::try_from(timestamp.as_nanosecond()).ok());
        ns.ok_or_else(|| "a time is out of range; allowed: the years 1678 to 2261".to_owned())
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
    fn moments_are_what_logs_print() {
        for (text, expected) in [
            ("1795372200", "2026-11-22T18:30:00Z"),
            ("1795372200.25", "2026-11-22T18:30:00.25Z"),
            ("1795372200,123456789", "2026-11-22T18:30:00.123456789Z"),
            ("@1795372200.5", "2026-11-22T18:30:00.5Z"),
            ("1795372200123", "2026-11-22T18:30:00.123Z"),
            ("1795372200123456", "2026-11-22T18:30:00.123456Z"),
            ("1795372200123456789", "2026-11-22T18:30:00.123456789Z"),
            ("1795372200123.5", "2026-11-22T18:30:00.1235Z"),
            ("2026-11-22 12:00:00Z", "2026-11-22T12:00:00Z"),
            ("2026-11-22t12:00:00z", "2026-11-22T12:00:00Z"),
            ("2026-11-22 12:00:00,123", "2026-11-22T11:00:00.123Z"),
            ("2026-11-22T12:00:00.5", "2026-11-22T11:00:00.5Z"),
            ("2026-11-22 12:00", "2026-11-22T11:00:00Z"),
            ("2026-11-22T12:00:00,5+0200", "2026-11-22T10:00:00.5Z"),
            ("2026-11-22 12:00:00 -05", "2026-11-22T17:00:00Z"),
            ("2026-11-22 12:00:00.5 +0100 CET", "2026-11-22T11:00:00.5Z"),
            ("2026-11-22 06:00:00 PM", "2026-11-22T17:00:00Z"),
            ("Dec  1 01:28:09", "2026-12-01T00:28:09Z"),
            ("Dec 01 01:28:09.123456", "2026-12-01T00:28:09.123456Z"),
            ("Jun  1 01:28:09,5", "2026-05-31T23:28:09.5Z"),
            ("Apr  1 01:28:09 utc", "2026-04-01T01:28:09Z"),
            ("Tue 2026-12-01 01:28:09 UTC", "2026-12-01T01:28:09Z"),
            ("Tue 2026-12-01 01:28:09.123456 CET", "2026-12-01T00:28:09.123456Z"),
            ("Tue Dec  1 01:28:09 UTC 2026", "2026-12-01T01:28:09Z"),
            ("Tue Dec  1 01:28:09 PM CET 2026", "2026-12-01T12:28:09Z"),
            ("Tue  1 Dec 01:28:09 GMT 2026", "2026-12-01T01:28:09Z"),
            ("Tue 01 Dec 2026 01:28:09 AM UTC", "2026-12-01T01:28:09Z"),
            ("Tue Dec  1 01:28:09 -03 2026", "2026-12-01T04:28:09Z"),
            ("[Tue Dec 01 01:28:09.123456 2026]", "2026-12-01T00:28:09.123456Z"),
            ("Tue, 01 Dec 2026 01:28:09 GMT", "2026-12-01T01:28:09Z"),
            ("Tue, 1 Dec 2026 01:28:09 +0530", "2026-11-30T19:58:09Z"),
            ("01/Dec/2026:01:28:09 +0000", "2026-12-01T01:28:09Z"),
            ("[01/Dec/2026:01:28:09 -0800]", "2026-12-01T09:28:09Z"),
            ("2026/12/01 01:28:09", "2026-12-01T00:28:09Z"),
            ("2026/12/01 01:28:09.5", "2026-12-01T00:28:09.5Z"),
            ("20261122T183000.123Z", "2026-11-22T18:30:00.123Z"),
            ("20261122T183000+0100", "2026-11-22T17:30:00Z"),
            ("clips/tone-440_20261122T183000.123Z.wav", "2026-11-22T18:30:00.123Z"),
            ("rtsp-cam_1_20261122T183000.123Z-12.flac", "2026-11-22T18:30:00.123Z"),
            (" 2026-11-22T12:00:00Z\n", "2026-11-22T12:00:00Z"),
        ] {
            assert_eq!(utc_of(text, "2026-12-01T12:00:00+01:00[Europe/Berlin]"), expected, "{text}");
        }
    }

    #[test]
    fn a_date_without_a_year_is_the_newest_that_is_not_to_come() {
        for (text, now, expected) in [
            ("Dec 31 23:59:58", "2027-01-01T00:00:05Z[UTC]", "2026-12-31T23:59:58Z"),
            ("Jan  1 00:00:05", "2026-12-31T23:59:58Z[UTC]", "2027-01-01T00:00:05Z"),
            ("Jan  5 00:00:05", "2026-12-31T23:59:58Z[UTC]", "2026-01-05T00:00:05Z"),
            ("Feb 29 12:00:00", "2027-12-01T00:00:00Z[UTC]", "2024-02-29T12:00:00Z"),
            ("Feb 29 12:00:00", "2028-12-01T00:00:00Z[UTC]", "2028-02-29T12:00:00Z"),
        ] {
            assert_eq!(utc_of(text, now), expected, "{text}");
        }
    }

    #[test]
    fn local_times_that_are_two_moments_or_none_are_refused() {
        let now: Zoned = "2026-12-01T12:00:00+01:00[Europe/Berlin]".parse().expect("a time");
        for (text, reason) in [
            ("2026-10-25 02:30:00", "twice"),
            ("2026-03-29 02:30:00", "set forward"),
            ("2026-12-01 01:28:09 PST", "\"PST\" is not the local time zone"),
            ("9999-12-01 01:28:09", "out of range"),
        ] {
            let refused = parse(text).expect("a printed time").utc_ns(&now).expect_err(text);
            assert!(refused.contains(reason), "{text}: {refused}");
        }
        // The abbreviation says which one.
        assert_eq!(utc_of("Sun Oct 25 02:30:00 CEST 2026", &now.to_string()), "2026-10-25T00:30:00Z");
        assert_eq!(utc_of("Sun Oct 25 02:30:00 CET 2026", &now.to_string()), "2026-10-25T01:30:00Z");
    }

    #[test]
    fn a_time_of_day_is_the_nearest_one_around_midnight() {
        assert_eq!(utc_of("23:59:58", "2026-11-23T00:00:05Z[UTC]"), "2026-11-22T23:59:58Z");
        assert_eq!(utc_of("00:00:05", "2026-11-22T23:59:58Z[UTC]"), "2026-11-23T00:00:05Z");
    }

    #[test]
    fn invalid_moments_are_rejected_and_quoted() {
        for text in [
            "",
            "12",
            "-",
            "25:00",
            "18:60:00",
            "2026-11-22",
            "-0s",
            "--1s",
            "then",
            // Of two units each.
            "17953722001",
            "17953722001234",
            "20261122183000",
            "12345678",
            "1795372200.1.2",
            "1.5",
            "@",
            "@-1",
            // Not a Wednesday; no such days, times or offsets.
            "Wed 2026-12-01 01:28:09 UTC",
            "Feb 30 01:28:09",
            "2026-13-01 01:28:09",
            "2026-12-01 24:28:09",
            "2026-12-01 01:28:09 +99:00",
            "Dec 1",
            "Dec  1 01:28:09 and more",
            "01/12/2026 01:28:09",
        ] {
            let message = parse(text).expect_err(text);
            assert!(message.contains(&format!("{text:?}")) && message.contains("RFC 3339"), "{message}");
            assert!(message.contains("since 1970") && message.contains("Nov 22 18:30:00"), "{message}");
        }
    }
}
