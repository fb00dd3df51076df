//! Names of sources: their checks, and their display without secrets.

mod percent;
mod redaction;
mod url_parts;
mod words;

use std::fmt;

pub use percent::percent_decoded;
pub use url_parts::UrlParts;

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

/// Shows a source without the secrets of a URL.
///
/// Shown are scheme, host and port, the path as long as it consists of words that are common in the
/// paths of cameras (the first part may be any word that does not look like a key), common names of
/// parameters, and values such as that of `channel=1`. Everything else is replaced by `***`: the
/// login, other parameters, the rest of the path. A source that is no URL is shown as it is.
/// Redacting twice changes nothing.
///
/// ```
/// use capbuf::redact;
///
/// assert_eq!(redact("rtsp://user:p/ss@word@cam:554/live"), "rtsp://***@cam:554/live");
/// assert_eq!(redact("http://cam/nest/x7Gq2Lp9?channel=1&pw=x"), "http://cam/nest/***?channel=1&pw=***");
/// assert_eq!(redact("rtsp://cam/user=admin_password=x_channel=1"), "rtsp://cam/***");
/// assert_eq!(redact("device:alsa:hw:1,0"), "device:alsa:hw:1,0");
/// ```
pub fn redact(source: &str) -> String {
    redaction::redacted(source)
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
}
