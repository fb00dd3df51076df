//! Names of sources: their checks, and their display without secrets.

use std::fmt;

use crate::sync::PlainArc;

/// Longest name of a source, in bytes.
pub const MAX_SOURCE_BYTES: usize = 1024;

/// The name of a source: stored as passed, displayed without credentials.
///
/// ```
/// use capbuf::Source;
///
/// let camera = Source::new("rtsp://admin:hunter2@10.0.0.7/stream?token=abc&channel=1")?;
/// assert_eq!(camera.to_string(), "rtsp://***@10.0.0.7/stream?token=***&channel=1");
/// assert!(camera.as_str().contains("hunter2"));
/// # Ok::<(), capbuf::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Source(PlainArc<str>);

impl Source {
    /// A name that was checked before.
    pub(crate) fn of_checked(name: &str) -> Self {
        Self(name.into())
    }

    /// The name as passed, with any password in it: not for logs.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redact(&self.0))
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({:?})", redact(&self.0))
    }
}

/// Parts of a query parameter's name that make its value a secret.
const SECRET_WORDS: [&str; 9] = ["pass", "pwd", "token", "key", "secret", "auth", "cred", "sig", "user"];
/// Characters that begin a parameter.
const MARKS: [char; 4] = ['?', '#', ';', '&'];
/// Sources that are no URLs: an `@` in them is part of a name.
const LOCAL: [&str; 4] = ["device:", "file:", "tone:", "position:"];

/// Shows a source without the user and password of a URL, and without the values of secret
/// parameters.
///
/// A malformed URL (a password with an unescaped `@` or `/`) loses more rather than less.
///
/// ```
/// assert_eq!(capbuf::redact("rtsp://user:p@ss/word@host/a"), "rtsp://***@host/a");
/// assert_eq!(capbuf::redact("device:alsa:hw:1,0"), "device:alsa:hw:1,0");
/// ```
pub fn redact(source: &str) -> String {
    if LOCAL.iter().any(|scheme| source.starts_with(scheme)) {
        return source.to_owned();
    }
    // Without `://` a user's name looks like a scheme: then everything before an `@` is hidden.
    let (scheme, rest) = source.split_at(source.find("://").map_or(0, |at| at + 3));
    let (before, rest, hidden) = match rest.rfind('@') {
        Some(at) => (&rest[..at], &rest[at + 1..], "***@"),
        None => ("", rest, ""),
    };
    // The `@` may be part of the query, followed by the rest of the query or of a secret in it.
    let (path, query) = rest.split_at(rest.find(MARKS).unwrap_or(rest.len()));
    let path = if is_in_secret(before) { "***" } else { path };
    let mut shown = format!("{scheme}{hidden}{path}");
    let mut query = query;
    while let Some(mark) = query.chars().next() {
        let pair_end = query[1..].find(MARKS).map_or(query.len(), |at| at + 1);
        let pair = &query[1..pair_end];
        shown.push(mark);
        match secret_at(pair) {
            Some(end) if end + 1 < pair.len() => {
                shown.push_str(&pair[..end]);
                shown.push_str("=***");
            }
            _ => shown.push_str(pair),
        }
        query = &query[pair_end..];
    }
    shown
}

/// The end of the parameter's name, if its value is a secret.
fn secret_at(pair: &str) -> Option<usize> {
    let lower = pair.to_ascii_lowercase();
    // The equals sign may be escaped.
    let end = lower.find('=').or_else(|| lower.find("%3d"))?;
    SECRET_WORDS.iter().any(|word| lower[..end].contains(word)).then_some(end)
}

/// True if a truncated URL ends within a secret of its query.
fn is_in_secret(cut: &str) -> bool {
    cut.rfind(MARKS).is_some_and(|mark| secret_at(&cut[mark + 1..]).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_names_are_refused() {
        for bad in ["", "a\nb", "tab\t", "\u{0}", "\u{7f}", "esc\u{1b}[31m", &"x".repeat(MAX_SOURCE_BYTES + 1)] {
            let error = Source::new(bad).expect_err(bad).to_string();
            assert!(error.len() < 300 && !error.chars().any(char::is_control), "{error:?}");
        }
        for good in ["a", "Wald 3 – Nord", &"x".repeat(MAX_SOURCE_BYTES)] {
            assert_eq!(Source::new(good).unwrap().as_str(), good);
        }
    }

    #[test]
    fn password_is_hidden_in_every_notation() {
        for url in [
            "rtsp://me:sesame@host/live",
            "rtsp://me:ses@me:sesame@host/live",
            "rtsp://me:sesame/x?y#z@host/live",
            "rtsp://sesame@host",
            "http://host/a?password=sesame",
            "http://host/a?x=1&API_KEY=sesame&y=2",
            "http://host/a?x=1;sig=sesame#token=sesame",
            "http://host/a#access_token=sesame",
            "http://host/a?cred=sesame&token%3Dsesame",
            "rtsp:/me:sesame@host/a",
            "rtsp:me:sesame@host",
            "me:sesame@host/a?x=1",
            "http://host/a?mail=me@host&password=sesame",
        ] {
            assert!(!redact(url).contains("sesame"), "{}", redact(url));
            assert!(redact(url).contains("host"), "{}", redact(url));
            let refused = Source::new(&format!("{url}\n")).expect_err("control character").to_string();
            assert!(!refused.contains("sesame"), "{refused}");
            assert!(!format!("{:?}", Source::new(url).unwrap()).contains("sesame"));
        }
    }

    #[test]
    fn secret_of_a_query_extends_beyond_an_at_sign() {
        for (url, shown) in [
            ("http://host/a?password=ses@me", "http://***@***"),
            ("http://host/a?password=ses@me@x/y&channel=1", "http://***@***&channel=1"),
            ("http://me:ses@host/a?x=1&token%3Dses@me#y", "http://***@***#y"),
            ("http://host/a?mail=me@x&channel=1", "http://***@x&channel=1"),
        ] {
            assert_eq!(redact(url), shown);
        }
    }

    #[test]
    fn parameters_without_secrets_stay_readable() {
        for name in [
            "tone:440",
            "rtsp://host:554/a?channel=1&subtype=0",
            "udp://239.0.0.1:5004?fifo=",
            "file:/a@b?loop",
            "device:pulseaudio:mic@home",
        ] {
            assert_eq!(redact(name), name);
        }
    }
}
