//! Moments as people write them, `2026-11-22T18:30:00Z`, `18:30:00` or `-12s`, and as they are told.

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan, Zoned};

use crate::duration;

/// A moment as it was written: what it is depends on when the command runs, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// A moment of its own.
    At(Timestamp),
    /// A time of the local day.
    TimeOfDay(Time),
    /// So long from now, or ago.
    FromNow(SignedDuration),
}

const ALLOWED: &str = "RFC 3339 as in 2026-11-22T18:30:00Z, local time of day as in 18:30 or 18:30:00.5, now, \
    or from now as in -12s";

/// Reads a moment.
pub(crate) fn parse(given: &str) -> Result<Moment, String> {
    let refused = || format!("{given:?} is no time; allowed: {ALLOWED}");
    if given == "now" {
        return Ok(Moment::FromNow(SignedDuration::ZERO));
    }
    if let Some(distance) = given.strip_prefix(['-', '+']) {
        let distance = duration::parse(distance).ok().and_then(|distance| SignedDuration::try_from(distance).ok());
        let distance = distance.ok_or_else(refused)?;
        return Ok(Moment::FromNow(if given.starts_with('-') { -distance } else { distance }));
    }
    if let Ok(at) = given.parse() {
        return Ok(Moment::At(at));
    }
    // What is shorter, as a bare number, is more likely a mistake than an hour.
    if given.contains(':') && given.starts_with(|sign: char| sign.is_ascii_digit()) && !given.contains(['T', 'Z', ' '])
    {
        return given.parse().map(Moment::TimeOfDay).map_err(|_| refused());
    }
    Err(refused())
}

impl Moment {
    /// The moment in ns of UTC. A time of day is today's; around midnight, yesterday's or tomorrow's, if that is nearer.
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

/// Tells a moment in UTC, exactly.
pub(crate) fn utc(utc_ns: i64) -> String {
    Timestamp::from_nanosecond(i128::from(utc_ns)).unwrap_or(Timestamp::UNIX_EPOCH).to_string()
}

/// Tells a moment in UTC to the millisecond.
pub(crate) fn utc_ms(utc_ns: i64) -> String {
    let moment = Timestamp::from_nanosecond(i128::from(utc_ns)).unwrap_or(Timestamp::UNIX_EPOCH);
    format!("{moment:.3}")
}

/// The present moment, where the user is.
pub(crate) fn now() -> Zoned {
    Timestamp::now().to_zoned(TimeZone::system())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc_of(given: &str, now: &str) -> String {
        let now: Zoned = now.parse().expect("a time");
        utc(parse(given).expect("a moment").utc_ns(&now).expect("in range"))
    }

    #[test]
    fn moments_are_read_in_three_ways() {
        let now = "2026-11-22T18:30:00+01:00[+01:00]";
        for (given, expected) in [
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
            assert_eq!(utc_of(given, now), expected, "{given}");
        }
    }

    #[test]
    fn a_time_before_midnight_told_after_it_is_yesterdays() {
        assert_eq!(utc_of("23:59:58", "2026-11-23T00:00:05Z[UTC]"), "2026-11-22T23:59:58Z");
        assert_eq!(utc_of("00:00:05", "2026-11-22T23:59:58Z[UTC]"), "2026-11-23T00:00:05Z");
    }

    #[test]
    fn what_is_no_moment_is_refused_by_its_name() {
        for given in ["", "12", "-", "25:00", "18:60:00", "2026-11-22", "2026-11-22T18:30:00", "-0s", "--1s", "then"] {
            let refused = parse(given).expect_err(given);
            assert!(refused.contains(&format!("{given:?}")) && refused.contains("RFC 3339"), "{refused}");
        }
    }
}
