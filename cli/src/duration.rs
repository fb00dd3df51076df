//! Durations as people write them: `500ms`, `20s`, `1.5m`, `2h`.

use std::time::Duration;

const UNITS: [(&str, f64); 4] = [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];

/// Reads a positive duration. A number without a unit is seconds.
pub(crate) fn parse(given: &str) -> Result<Duration, String> {
    parse_or_none(given).ok().filter(|duration| !duration.is_zero()).ok_or_else(|| refused(given, "positive"))
}

/// Reads a duration that may be none at all.
pub(crate) fn parse_or_none(given: &str) -> Result<Duration, String> {
    let refused = || refused(given, "not negative");
    let number_end = given.find(|sign: char| sign.is_ascii_alphabetic()).unwrap_or(given.len());
    let (number, unit) = given.split_at(number_end);
    let unit = if unit.is_empty() { "s" } else { unit };
    let (_, seconds) = UNITS.into_iter().find(|(name, _)| *name == unit).ok_or_else(refused)?;
    let number: f64 = number.parse().map_err(|_| refused())?;
    Duration::try_from_secs_f64(number * seconds).map_err(|_| refused())
}

fn refused(given: &str, sign: &str) -> String {
    format!("{given:?} is no duration; allowed: a number, {sign}, with ms, s, m or h, as in 500ms or 20s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_in_four_units() {
        for (given, ms) in [("500ms", 500), ("20s", 20_000), ("20", 20_000), ("1.5m", 90_000), ("2h", 7_200_000)] {
            assert_eq!(parse(given), Ok(Duration::from_millis(ms)), "{given}");
        }
    }

    #[test]
    fn no_duration_at_all_is_read_where_it_may_be() {
        assert_eq!(parse_or_none("0s"), Ok(Duration::ZERO));
        assert_eq!(parse_or_none("1s"), Ok(Duration::from_secs(1)));
        assert!(parse_or_none("-1s").is_err_and(|refused| refused.contains("\"-1s\" is no duration")));
    }

    #[test]
    fn what_is_no_duration_is_refused_by_its_name() {
        for given in ["", "s", "0s", "-1s", "5 s", "1d", "1e999s", "NaN", "inf", "1s2", "1.5.2s"] {
            let refused = parse(given).expect_err(given);
            assert!(refused.contains(&format!("{given:?}")), "{refused}");
        }
    }
}
