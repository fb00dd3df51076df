//! File names of clips, made of source and time.

use jiff::Timestamp;

/// The most bytes of the source in a name: well within the limits of file systems.
const SOURCE_BYTES: usize = 100;

/// Returns a file name made of a source and the start time of a clip in ns of UTC.
///
/// Credentials are hidden, and characters with a meaning to file systems or shells are replaced.
/// Sources that differ only in these have the same name;
/// [`IfExists::Number`](crate::IfExists::Number) keeps their clips apart.
///
/// ```
/// let name = capbuf_capture::clip_name("rtsp://me:sesame@cam.lan:554/a/b", 1_795_372_200_123_456_789, "wav");
/// assert_eq!(name, "rtsp-cam.lan-554-a-b_20261122T183000.123Z.wav");
/// ```
pub fn clip_name(source: &str, start_utc_ns: i64, extension: &str) -> String {
    let mut name = String::with_capacity(SOURCE_BYTES);
    for sign in capbuf::redact(source).chars() {
        let kept = if sign.is_alphanumeric() || sign == '.' || sign == '_' { sign } else { '-' };
        if name.len() + kept.len_utf8() > SOURCE_BYTES {
            break;
        }
        // Not at the start, which could be an option or a hidden file, and not twice in a row.
        if kept.is_alphanumeric() || name.ends_with(char::is_alphanumeric) {
            name.push(kept);
        }
    }
    let name = name.trim_end_matches(|sign: char| !sign.is_alphanumeric());
    let name = if name.is_empty() { "source" } else { name };
    let time = Timestamp::from_nanosecond(i128::from(start_utc_ns)).unwrap_or(Timestamp::UNIX_EPOCH);
    format!("{name}_{}.{extension}", time.strftime("%Y%m%dT%H%M%S%.3fZ"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_has_milliseconds_and_sorts() {
        assert_eq!(clip_name("tone:440", 1_795_372_200_123_000_000, "wav"), "tone-440_20261122T183000.123Z.wav");
        assert_eq!(clip_name("tone:440", 1_795_372_200_000_000_000, "flac"), "tone-440_20261122T183000.000Z.flac");
        assert_eq!(clip_name("x", 0, "wav"), "x_19700101T000000.000Z.wav");
        assert!(
            clip_name("x", i64::MIN, "wav").ends_with("Z.wav") && clip_name("x", i64::MAX, "wav").ends_with("Z.wav")
        );
    }

    #[test]
    fn name_is_safe_in_paths_and_shells() {
        for source in [
            "file:../../etc/passwd",
            "file:/tmp/-rf *",
            "device:alsa:hw:CARD=1,DEV=0",
            "-",
            "....",
            "a/../b",
            "file:$(reboot);`x`|&<>'\"\\",
            "http://h/%2e%2e%2f",
            "Wald 3 – Nord",
            "\u{202e}gpj.exe",
            &"ü".repeat(1000),
        ] {
            let name = clip_name(source, 0, "wav");
            assert!(name.len() < 140, "{name}");
            assert!(name.starts_with(char::is_alphanumeric) && !name.contains(".."), "{name}");
            let plain = |sign: char| sign.is_alphanumeric() || ".-_".contains(sign);
            assert!(name.chars().all(plain), "{name}");
        }
        assert_eq!(clip_name("Wald 3 – Nord", 0, "wav"), "Wald-3-Nord_19700101T000000.000Z.wav");
        assert_eq!(clip_name("///", 0, "wav"), "source_19700101T000000.000Z.wav");
    }

    #[test]
    fn name_hides_passwords() {
        for source in ["rtsp://me:sesame@h/x", "http://h/a?token=sesame&b=1", "http://sesame@h"] {
            assert!(!clip_name(source, 0, "wav").contains("sesame"));
        }
    }
}
