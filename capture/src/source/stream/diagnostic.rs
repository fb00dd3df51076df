//! Diagnostics of ffmpeg, reduced to one line without secrets.

use super::secrets;

/// The longest reason, in characters.
const MAX_CHARS: usize = 240;

/// Returns the reason in the standard error of an ffmpeg that read `url`; `None` if it is empty.
pub(crate) fn reason(stderr: &str, url: &str) -> Option<String> {
    let lines: Vec<String> = stderr
        .lines()
        .map(|line| without_secrets(line, url))
        .map(|line| without_origin(&line).replace(char::is_control, " ").trim().to_owned())
        .filter(|line| {
            !line.is_empty() && !line.starts_with("To ignore this") && !line.starts_with("Impossible to open ")
        })
        .collect();
    if lines.iter().any(|line| line.contains("matches no streams")) {
        return Some("it has no audio".to_owned());
    }
    // The last line is the summary, the one before it the cause.
    let mut parts: Vec<&str> = Vec::new();
    for line in lines.iter().rev().take(2).rev() {
        let line = line.strip_prefix("***: ").or_else(|| line.strip_prefix("pipe:0: ")).unwrap_or(line);
        if !parts.contains(&line) {
            parts.push(line);
        }
    }
    let reason = parts.join("; ").replace("Invalid data found when processing input", "not audio that ffmpeg knows");
    (!reason.is_empty()).then(|| reason.chars().take(MAX_CHARS).collect())
}

/// Removes the name and memory address of the component of ffmpeg from a line.
fn without_origin(line: &str) -> &str {
    match line.strip_prefix('[').and_then(|rest| rest.split_once("] ")) {
        Some((origin, rest)) if origin.contains(" @ 0x") => rest,
        _ => line,
    }
}

/// Hides the URL, its user and password, and the credentials in other URLs.
fn without_secrets(line: &str, url: &str) -> String {
    secrets::hide(line, url)
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "rtsp://me:sesame@127.0.0.1:1/x";

    #[test]
    fn reason_is_cause_and_summary_without_addresses_and_urls() {
        let stderr = "[tcp @ 0x563afa56a880] Connection to tcp://127.0.0.1:1?timeout=5000000 failed: Connection refused\n\
                     rtsp://me:sesame@127.0.0.1:1/x: Connection refused\n";
        assert_eq!(
            reason(stderr, URL).as_deref(),
            Some("Connection to tcp://127.0.0.1:1?timeout=5000000 failed: Connection refused; Connection refused")
        );
        let stderr = "[rtsp @ 0x5] method DESCRIBE failed: 404 Not Found\n[concat @ 0x5] Impossible to open \
                     'rtsp://me:sesame@127.0.0.1:1/x'\npipe:0: Server returned 404 Not Found\n";
        assert_eq!(
            reason(stderr, URL).as_deref(),
            Some("method DESCRIBE failed: 404 Not Found; Server returned 404 Not Found")
        );
    }

    #[test]
    fn stream_without_audio_is_reported_as_such() {
        let stderr = "Stream map '0:a:0' matches no streams.\nTo ignore this, add a trailing '?' to the map.\n";
        assert_eq!(reason(stderr, URL).as_deref(), Some("it has no audio"));
        let stderr = format!("{URL}: Invalid data found when processing input\n");
        assert_eq!(reason(&stderr, URL).as_deref(), Some("not audio that ffmpeg knows"));
    }

    #[test]
    fn at_sign_before_an_address_is_no_login() {
        assert_eq!(
            reason("[http @ 0x563bc89e7580] Stream ends prematurely", URL).as_deref(),
            Some("Stream ends prematurely")
        );
    }

    #[test]
    fn empty_output_is_no_reason_and_long_output_is_cut() {
        assert_eq!(reason("", URL), None);
        assert_eq!(reason("\n \n", URL), None);
        let much = reason(&"x".repeat(100_000), URL).expect("a reason");
        assert_eq!(much.len(), MAX_CHARS);
        assert!(!reason("a\u{1b}[31mb\u{7}", URL).expect("a reason").contains(char::is_control));
    }

    #[test]
    fn passwords_are_hidden_in_every_form() {
        for stderr in [
            "rtsp://me:sesame@127.0.0.1:1/x: no",
            "[rtsp @ 0x5] redirected to http://me:sesame@other/x?a=b",
            "user me:sesame is wrong",
            "password sesame is wrong",
            "http://other/y?token=sesame: Connection refused",
            "opening 'http://other/y?token=sesame' failed",
        ] {
            let shown = reason(stderr, URL).expect("a reason");
            assert!(!shown.contains("sesame"), "{shown}");
        }
        let without_login = reason("http://h/?auth=sesame: no", "http://h/?auth=sesame").expect("a reason");
        assert_eq!(without_login, "no");
    }
}
