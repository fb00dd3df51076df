//! Errors of ffmpeg, reduced to one line without secrets.

use super::options::{StreamOptions, Transport};
use super::secrets;

/// The longest reason, in characters.
const MAX_CHARS: usize = 240;

/// Reasons that ffmpeg states so that only its authors know what to do.
const IN_OTHER_WORDS: [(&str, &str); 4] = [
    ("Peer certificate failed verification", UNTRUSTED),
    ("certificate verify failed", UNTRUSTED),
    (
        "The certificate's owner does not match hostname",
        "the server's certificate is for another host, so it is not trusted; allowed: the name in the certificate, or \
         any certificate by tls=insecure",
    ),
    (
        "Format not on whitelist",
        "a playlist, or an unknown format, over https:// with a login: ffmpeg would send the login to servers whose \
         certificates it does not check; allowed: a URL without a login, or tls=insecure",
    ),
];

const CLOSED: &str = "the server closed the connection";

const UNTRUSTED: &str = "the server's certificate is not trusted, and it was sent no password; allowed: the file of its \
                         authority by ca=PATH (ca_file), or any certificate by tls=insecure";

/// Returns the reason in the errors of an ffmpeg that read the stream `url`; `None` if there are
/// none.
pub(super) fn stream_reason(errors: &[String], url: &str, options: &StreamOptions) -> Option<String> {
    if errors.iter().any(|error| error.contains(": 461 ")) {
        let used = options.transport.unwrap_or(Transport::Tcp);
        let other = if used == Transport::Tcp { Transport::Udp } else { Transport::Tcp }.name();
        return Some(format!(
            "the server refuses the transport {} (461 Unsupported Transport); use another one, by #transport={other} at \
             the end of the URL",
            used.name()
        ));
    }
    let known = |(words, clear): &(&str, &'static str)| {
        errors.iter().any(|error| error.contains(words)).then(|| (*clear).to_owned())
    };
    if let Some(clear) = IN_OTHER_WORDS.iter().find_map(known) {
        return Some(clear);
    }
    // ffmpeg has no words for this one.
    if url.to_ascii_lowercase().starts_with("http") && shown(errors, url) == ["pipe:0: Invalid argument"] {
        return Some("the server redirects to something that is no http:// or https:// URL: refused".to_owned());
    }
    if errors.iter().any(|error| error.starts_with("Impossible to open ")) {
        // Only at the opening.
        let shown = shown(errors, url);
        if shown == ["pipe:0: Input/output error"] {
            return Some("the server redirects in a circle, or its answer broke off".to_owned());
        }
        if shown == [CLOSED, "pipe:0: Input/output error"] {
            return Some(format!("{CLOSED} before any audio came"));
        }
    }
    reason(errors, url)
}

/// Returns the errors that say more than others, without secrets.
fn shown(errors: &[String], url: &str) -> Vec<String> {
    errors
        .iter()
        // The end of an answer without a length.
        .map(|line| if line.contains("should be 18446744073709551615") { CLOSED } else { line })
        .map(|line| without_secrets(line, url).replace(char::is_control, " ").trim().to_owned())
        .filter(|line| {
            !line.is_empty() && !line.starts_with("To ignore this") && !line.starts_with("Impossible to open ")
        })
        .collect()
}

/// Returns the reason in the errors of an ffmpeg that read `name`; `None` if there are none.
pub(crate) fn reason(errors: &[String], name: &str) -> Option<String> {
    let lines = shown(errors, name);
    // The last line is the summary, the one before it the cause.
    let mut parts: Vec<&str> = Vec::new();
    for line in lines.iter().rev().take(2).rev() {
        let line = line.strip_prefix("***: ").or_else(|| line.strip_prefix("pipe:0: ")).unwrap_or(line);
        // It says no more than that there was an error.
        let is_empty = line == "Input/output error" && !parts.is_empty();
        if !is_empty && !parts.contains(&line) {
            parts.push(line);
        }
    }
    let reason = parts.join("; ").replace("Invalid data found when processing input", "not audio that ffmpeg knows");
    (!reason.is_empty()).then(|| reason.chars().take(MAX_CHARS).collect())
}

/// Hides the URL, its user and password, and the credentials in other URLs.
pub(super) fn without_secrets(line: &str, url: &str) -> String {
    secrets::hide(line, url)
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "rtsp://me:sesame@127.0.0.1:1/x";

    fn reason_of(errors: &[&str], url: &str) -> Option<String> {
        let errors: Vec<_> = errors.iter().map(|error| (*error).to_owned()).collect();
        stream_reason(&errors, url, &StreamOptions::new())
    }

    #[test]
    fn reason_is_cause_and_summary_without_urls() {
        let errors = [
            "Connection to tcp://127.0.0.1:1?timeout=5000000 failed: Connection refused",
            "rtsp://me:sesame@127.0.0.1:1/x: Connection refused",
        ];
        assert_eq!(
            reason_of(&errors, URL).as_deref(),
            Some("Connection to tcp://127.0.0.1:1?timeout=5000000 failed: Connection refused; Connection refused")
        );
        let errors = [
            "method DESCRIBE failed: 404 Not Found",
            "Impossible to open 'rtsp://me:sesame@127.0.0.1:1/x'",
            "pipe:0: Server returned 404 Not Found",
        ];
        assert_eq!(
            reason_of(&errors, URL).as_deref(),
            Some("method DESCRIBE failed: 404 Not Found; Server returned 404 Not Found")
        );
    }

    #[test]
    fn reasons_that_users_can_cure_have_the_cure() {
        for (error, words) in [
            ("Peer certificate failed verification", "ca=PATH"),
            ("Peer certificate failed verification", "tls=insecure"),
            ("The certificate's owner does not match hostname h", "tls=insecure"),
            ("method SETUP failed: 461 Unsupported Transport", "#transport=udp"),
            ("Stream ends prematurely at 9, should be 18446744073709551615", "the server closed the connection"),
        ] {
            let reason = reason_of(&[error, "pipe:0: Input/output error"], URL).expect(error);
            assert!(reason.contains(words) && !reason.contains("Input/output"), "{reason}");
        }
        let refused = ["method SETUP failed: 461 Unsupported Transport".to_owned()];
        // The command would hide what follows in a URL.
        assert!(!reason_of(&[&refused[0]], URL).expect("a reason").contains("://"));
        let over_udp = stream_reason(&refused, URL, &StreamOptions::new().transport(Transport::Udp)).expect("a reason");
        assert!(over_udp.contains("transport udp") && over_udp.contains("#transport=tcp"), "{over_udp}");
        let redirected = reason_of(&["Impossible to open 'http://h/x'", "pipe:0: Invalid argument"], "http://h/x");
        assert!(redirected.expect("a reason").contains("redirects"));
        let opening = "Impossible to open 'http://h/x'";
        let circle = reason_of(&[opening, "pipe:0: Input/output error"], "http://h/x");
        assert!(circle.expect("a reason").contains("redirects in a circle"));
        let closed = "Stream ends prematurely at 9, should be 18446744073709551615";
        let page = reason_of(&[closed, "pipe:0: Invalid data found when processing input"], URL);
        assert_eq!(page.as_deref(), Some("the server closed the connection; not audio that ffmpeg knows"));
        let short = reason_of(&[closed, opening, "pipe:0: Input/output error"], "http://h/x");
        assert_eq!(short.as_deref(), Some("the server closed the connection before any audio came"));
        let no_audio = reason_of(&[&format!("{URL}: Invalid data found when processing input")], URL);
        assert_eq!(no_audio.as_deref(), Some("not audio that ffmpeg knows"));
    }

    #[test]
    fn no_errors_are_no_reason_and_long_ones_are_cut() {
        assert_eq!(reason_of(&[], URL), None);
        assert_eq!(reason_of(&["", " "], URL), None);
        let much = reason_of(&[&"x".repeat(100_000)], URL).expect("a reason");
        assert_eq!(much.len(), MAX_CHARS);
        assert!(!reason_of(&["a\u{1b}[31mb\u{7}"], URL).expect("a reason").contains(char::is_control));
    }

    #[test]
    fn passwords_are_hidden_in_every_form() {
        for error in [
            "rtsp://me:sesame@127.0.0.1:1/x: no",
            "redirected to http://me:sesame@other/x?a=b",
            "user me:sesame is wrong",
            "password sesame is wrong",
            "http://other/y?token=sesame: Connection refused",
            "opening 'http://other/y?token=sesame' failed",
        ] {
            let shown = reason_of(&[error], URL).expect("a reason");
            assert!(!shown.contains("sesame"), "{shown}");
        }
        let without_login = reason_of(&["http://h/?auth=sesame: no"], "http://h/?auth=sesame").expect("a reason");
        assert_eq!(without_login, "no");
    }
}
