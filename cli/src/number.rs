//! Numbers on the command line, refused in the words of the other values.

use std::str::FromStr;

/// Parses a number of seconds.
pub(crate) fn seconds(text: &str) -> Result<f64, String> {
    text.parse().map_err(|_| format!("{text:?} is not a number; allowed: seconds, as in 60 or 2.5"))
}

/// Parses a sample rate.
pub(crate) fn sample_rate(text: &str) -> Result<u32, String> {
    whole(text, "hertz, as in 48000")
}

/// Parses a number of channels.
pub(crate) fn channels(text: &str) -> Result<u16, String> {
    whole(text, "1 to 64")
}

/// Parses a number of times.
pub(crate) fn times(text: &str) -> Result<u64, String> {
    whole(text, "1 or more").and_then(|times| match times {
        0 => Err("0 is too few; allowed: 1 or more".to_owned()),
        times => Ok(times),
    })
}

fn whole<T: FromStr>(text: &str, allowed: &str) -> Result<T, String> {
    text.parse().map_err(|_| {
        let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
        let is_whole = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
        let wrong = if is_whole { "out of range" } else { "not a whole number" };
        format!("{text:?} is {wrong}; allowed: {allowed}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_parsed_or_refused_with_what_is_allowed() {
        assert_eq!(
            (seconds("2.5"), sample_rate("48000"), channels("2"), times("3")),
            (Ok(2.5), Ok(48_000), Ok(2), Ok(3))
        );
        assert_eq!(channels("70000"), Err("\"70000\" is out of range; allowed: 1 to 64".to_owned()));
        assert_eq!(sample_rate("-1"), Err("\"-1\" is out of range; allowed: hertz, as in 48000".to_owned()));
        for text in ["", "-", "x", "1.5", "1e3", "0x10"] {
            assert_eq!(times(text), Err(format!("{text:?} is not a whole number; allowed: 1 or more")));
        }
        assert!(seconds("soon").is_err_and(|message| message.starts_with("\"soon\" is not a number")));
    }
}
