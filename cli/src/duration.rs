//! Durations as people write them: `500ms`, `20s`, `1.5m`, `2h`.

use std::time::Duration;

const UNITS: [(&str, f64); 4] = [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];

/// Reads a positive duration. A number without a unit is seconds.
pub(crate) fn parse(given: &str) -> Result<Duration, String> {
    let refused =
        || format!("{given:?} is no duration; allowed: a positive number with ms, s, m or h, as in 500ms or 20s");
    let number_end = given.find(|sign: char| sign.is_ascii_alphabetic()).unwrap_or(given.len());
    let (number, unit) = given.split_at(number_end);
    let unit = if unit.is_empty() { "s" } else { unit };
    let (_, seconds) = UNITS.into_iter().find(|(name, _)| *name == unit).ok_or_else(refused)?;
    let number: f64 = number.parse().map_err(|_| refused())?;
    let duration = Duration::try_from_secs_f64(number * seconds).map_err(|_| refused())?;
    if duration.is_zero() { Err(refused()) } else { Ok(duration) }
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
    fn what_is_no_duration_is_refused_by_its_name() {
        for given in ["", "s", "0s", "-1s", "5 s", "1d", "1e999s", "NaN", "inf", "1s2", "1.5.2s"] {
            let refused = parse(given).expect_err(given);
            assert!(refused.contains(&format!("{given:?}")), "{refused}");
        }
    }
}
