//! Raw characters in the login of a URL: escaped where it is clear that they belong to it.
//!
//! Programs disagree about a raw `/`, `?`, `#` or `@` in a password: some end the login there. The
//! rest, a piece of the password, would be looked up as a host.

use std::fmt::Write;

use capbuf::UrlParts;

/// The reason why a URL with several readings is refused.
const UNCLEAR: &str = "it is unclear where its password ends; in a user name or password write / as %2F, ? as %3F, \
                       # as %23, @ as %40";
/// The reason why a URL without a host is refused.
const NO_HOST: &str = "the URL names no host, or no port that is a number; in a user name or password write / as %2F, \
                       ? as %3F, # as %23, @ as %40";

/// Returns the URL as it can be sent: with raw characters of its login escaped.
///
/// # Errors
/// The reason, which quotes nothing: no reading has a plausible host, or several have.
pub(super) fn with_escaped_login(url: &str) -> Result<String, &'static str> {
    let Some(parts) = UrlParts::of(url) else {
        return Err(if url.contains('@') { UNCLEAR } else { NO_HOST });
    };
    if !parts.is_certain {
        return Err(UNCLEAR);
    }
    // More slashes stand before a path, of which a file has no host.
    if !parts.scheme.ends_with("://") || parts.scheme.ends_with(":///") {
        return Err(NO_HOST);
    }
    let login = parts.login.map(|login| escaped(login) + "@").unwrap_or_default();
    Ok([parts.scheme, &login, parts.host, parts.rest].concat())
}

/// Escapes all that a login may not contain, but no escapes.
fn escaped(login: &str) -> String {
    let mut escaped = String::with_capacity(login.len());
    for (at, byte) in login.bytes().enumerate() {
        let is_allowed = byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:".contains(&byte);
        let is_escape =
            || login.as_bytes().get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        if is_allowed || byte == b'%' && is_escape() {
            escaped.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_characters_of_a_login_are_escaped() {
        for (url, sent) in [
            ("rtsp://cam/a?b=c", "rtsp://cam/a?b=c"),
            ("rtsp://me:p%40w@cam/a", "rtsp://me:p%40w@cam/a"),
            ("RTSP://me:p/w@cam/a", "RTSP://me:p%2Fw@cam/a"),
            ("rtsp://me:p?w@cam:554", "rtsp://me:p%3Fw@cam:554"),
            ("rtsp://me:p#w@cam/a#audio=1", "rtsp://me:p%23w@cam/a#audio=1"),
            ("rtsp://me:p@w@cam/a", "rtsp://me:p%40w@cam/a"),
            ("rtsp://me:p[w]@[fd00::7]:554/a", "rtsp://me:p%5Bw%5D@[fd00::7]:554/a"),
            ("rtsp://me:100%@cam", "rtsp://me:100%25@cam"),
            ("rtsp://me:%zz%4@cam", "rtsp://me:%25zz%254@cam"),
            ("rtsp://me:p w@cam", "rtsp://me:p%20w@cam"),
            ("rtsp://me:p\"\\^`{|}<>w@cam", "rtsp://me:p%22%5C%5E%60%7B%7C%7D%3C%3Ew@cam"),
            ("rtsp://me:pü@cam", "rtsp://me:p%C3%BC@cam"),
            ("rtsp://me:p!$&'()*+,;=:w@cam", "rtsp://me:p!$&'()*+,;=:w@cam"),
            ("udp://@239.0.0.1:5004", "udp://@239.0.0.1:5004"),
            ("http://me:pw@cam.lan/a?mail=me@x.org", "http://me:pw@cam.lan/a?mail=me@x.org"),
            ("rtsp://cam.lan/user:x@/ch1", "rtsp://cam.lan/user:x@/ch1"),
        ] {
            assert_eq!(with_escaped_login(url).as_deref(), Ok(sent), "{url}");
        }
    }

    #[test]
    fn unclear_login_is_refused_with_the_cure() {
        for url in [
            "rtsp://me:12/sesame@cam/a",
            "rtsp://me:12/sesame@10.0.0.7/a",
            "rtsp://me:p@sesame/x@cam/a",
            "rtsp://me:p@sesame.x/y@cam.lan/a",
            "rtsp://me:sesame/a",
            "rtsp://me:sesame",
            "rtsp://me:sesame@",
            "rtsp://me:sesame@/a",
            "rtsp://me:sesame@cam:port/a",
            "rtsp://me:sesame@cam:99999/a",
            "rtsp://me:sesame@c am/a",
            "rtsp:///me:sesame@cam/a",
            "rtsp:me:sesame@cam/a",
            "rtsp://",
            "rtsp:///a",
            "http://?a",
        ] {
            let reason = with_escaped_login(url).expect_err(url);
            assert!(reason.contains("write / as %2F") && !reason.contains("sesame"), "{url}: {reason}");
        }
    }
}
