//! Durations on the command line and in files: `500ms`, `20s`, `1.5m`, `2h`.

use std::time::Duration;

use capbuf::MAX_LATENCY_NS;

const UNITS: [(&str, f64); 4] = [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];

/// Parses a positive duration. A number without a unit is in seconds.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    parse_or_zero(text).ok().filter(|duration| !duration.is_zero()).ok_or_else(|| invalid(text, "above 0"))
}

/// Parses a duration that may be zero.
pub(crate) fn parse_or_zero(text: &str) -> Result<Duration, String> {
    let invalid = || invalid(text, "0 or more");
    let number_end = text.find(|sign: char| sign.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(number_end);
    let unit = if unit.is_empty() { "s" } else { unit };
    let (_, seconds) = UNITS.into_iter().find(|(name, _)| *name == unit).ok_or_else(invalid)?;
    let number: f64 = number.parse().map_err(|_| invalid())?;
    Duration::try_from_secs_f64(number * seconds).map_err(|_| invalid())
}

/// Parses a constant delay, at most 60 s either way, in ns.
pub(crate) fn parse_latency(text: &str) -> Result<i64, String> {
    let refused =
        || format!("latency is {text:?}; allowed: -60s to 60s, a number with ms, s, m or h, as in 44ms, 1.5s or -20ms");
    let (sign, size) = text.strip_prefix('-').map_or((1, text), |size| (-1, size));
    let starts_right = size.starts_with(|sign: char| sign.is_ascii_digit() || sign == '.');
    let size = Some(size).filter(|_| starts_right).and_then(|size| parse_or_zero(size).ok()).ok_or_else(refused)?;
    let ns = i64::try_from(size.as_nanos()).ok().filter(|ns| *ns <= MAX_LATENCY_NS).ok_or_else(refused)?;
    Ok(sign * ns)
}

/// Parses how often to look at a domain.
pub(crate) fn parse_interval(text: &str) -> Result<Duration, String> {
    // Shorter ones keep a processor busy and show nothing more.
    const SHORTEST: Duration = Duration::from_millis(50);
    let interval = parse(text)?;
    if interval < SHORTEST { Err(format!("interval is {text:?}; allowed: {SHORTEST:?} or more")) } else { Ok(interval) }
}

fn invalid(text: &str, range: &str) -> String {
    format!("{text:?} is not a duration; allowed: a number {range} with ms, s, m or h, as in 500ms or 20s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_four_units() {
        for (text, ms) in [("500ms", 500), ("20s", 20_000), ("20", 20_000), ("1.5m", 90_000), ("2h", 7_200_000)] {
            assert_eq!(parse(text), Ok(Duration::from_millis(ms)), "{text}");
        }
    }

    #[test]
    fn zero_is_allowed_only_where_stated() {
        assert_eq!(parse_or_zero("0s"), Ok(Duration::ZERO));
        assert_eq!(parse_or_zero("1s"), Ok(Duration::from_secs(1)));
        assert!(parse_or_zero("-1s").is_err_and(|message| message.contains("\"-1s\" is not a duration")));
    }

    #[test]
    fn invalid_durations_are_rejected_and_quoted() {
        for text in ["", "s", "0s", "-1s", "5 s", "1d", "1e999s", "NaN", "inf", "1s2", "1.5.2s"] {
            let message = parse(text).expect_err(text);
            assert!(message.contains(&format!("{text:?}")), "{message}");
        }
    }

    #[test]
    fn latencies_have_a_sign_and_a_bound() {
        for (text, ns) in [
            ("44ms", 44_000_000),
            ("-1.5s", -1_500_000_000),
            ("0", 0),
            ("0.25ms", 250_000),
            ("1m", 60_000_000_000),
            ("-60s", -60_000_000_000),
        ] {
            assert_eq!(parse_latency(text), Ok(ns), "{text}");
        }
        for text in ["", "-", "--1s", "+1s", "-+1s", "60.001s", "-61s", "1d", "NaN", "inf", "-inf", "1e99s", "44 ms"] {
            let message = parse_latency(text).expect_err(text);
            assert!(message.contains(&format!("{text:?}; allowed: -60s to 60s")), "{message}");
        }
    }

    #[test]
    fn intervals_have_a_lower_bound() {
        assert_eq!(parse_interval("50ms"), Ok(Duration::from_millis(50)));
        assert_eq!(parse_interval("1ms"), Err("interval is \"1ms\"; allowed: 50ms or more".to_owned()));
    }
}
