//! The parts of a URL, also of one with raw characters in its password.

use std::net::Ipv6Addr;

use super::words::begins_with_name;

/// Schemes that are recognized without `//` behind them.
const NETWORK: [&str; 24] = [
    "rtsp", "rtsps", "rtspu", "rtspt", "rtmp", "rtmps", "http", "https", "ftp", "ftps", "sftp", "udp", "rtp", "srtp",
    "srt", "tcp", "tls", "mms", "mmsh", "ws", "wss", "icecast", "icy", "hls",
];
/// The longest scheme, in bytes.
const MAX_SCHEME: usize = 20;

/// Splits a scheme, its colon and all slashes from the start of a URL.
pub(super) fn split_scheme(text: &str) -> Option<(&str, &str)> {
    let (name, rest) = text.split_once(':')?;
    let is_name = name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.len() <= MAX_SCHEME
        && name.chars().all(|sign| sign.is_ascii_alphanumeric() || "+-.".contains(sign));
    let is_known = NETWORK.iter().any(|known| name.eq_ignore_ascii_case(known));
    if !is_name || !(is_known || rest.starts_with("//")) {
        return None;
    }
    let rest = rest.trim_start_matches(['/', '\\']);
    Some(text.split_at(text.len() - rest.len()))
}

/// The parts of a URL. Internal: used by the capture crate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UrlParts<'a> {
    /// The scheme with its colon and slashes; empty without one.
    pub scheme: &'a str,
    /// User and password, without the `@`.
    pub login: Option<&'a str>,
    /// Host and port.
    pub host: &'a str,
    /// All that follows, with its first `/`, `?` or `#`.
    pub rest: &'a str,
    /// False if the login could also end elsewhere.
    pub is_certain: bool,
}

impl<'a> UrlParts<'a> {
    /// Splits a URL; `None` if it names no host, or if any of several hosts may be meant.
    ///
    /// A raw `/`, `?`, `#` or `@` in a password leaves several readings. A reading counts if a
    /// plausible host with a numeric port follows the login.
    pub fn of(url: &'a str) -> Option<Self> {
        let (scheme, rest) = split_scheme(url)?;
        Self::of_rest(scheme, rest)
    }

    /// Splits what follows the scheme.
    pub(super) fn of_rest(scheme: &'a str, text: &'a str) -> Option<Self> {
        let readings = readings(text);
        let (chosen, is_certain) = choose(text, &readings)?;
        let login = chosen.login_end.map(|end| &text[..end]);
        let (host, rest) = (&text[chosen.host_start()..chosen.host_end], &text[chosen.host_end..]);
        Some(Self { scheme, login, host, rest, is_certain })
    }
}

/// One way to read a URL.
#[derive(Debug, Clone, Copy)]
struct Reading {
    /// The position of the `@` behind the login.
    login_end: Option<usize>,
    host_end: usize,
    /// The host is more than a word: an address, a name with a dot, or bracketed.
    is_distinct: bool,
    has_port: bool,
}

impl Reading {
    fn host_start(&self) -> usize {
        self.login_end.map_or(0, |at| at + 1)
    }
}

/// Returns all readings, from the shortest login to the longest.
fn readings(text: &str) -> Vec<Reading> {
    let ats = text.match_indices('@').map(|(at, _)| Some(at));
    let mut found = Vec::new();
    for login_end in std::iter::once(None).chain(ats) {
        let start = login_end.map_or(0, |at| at + 1);
        let host_end = text[start..].find(['/', '?', '#', '@']).map_or(text.len(), |at| start + at);
        // An `@` behind it would make it a part of the login.
        if text[host_end..].starts_with('@') {
            continue;
        }
        if let Some((is_distinct, has_port)) = judge_host(&text[start..host_end]) {
            found.push(Reading { login_end, host_end, is_distinct, has_port });
        }
    }
    found
}

/// Chooses the reading that is meant; the flag is false if another one is possible.
fn choose(text: &str, readings: &[Reading]) -> Option<(Reading, bool)> {
    let (first, others) = readings.split_first()?;
    let Some((last, between)) = others.split_last() else {
        // It may also be an impossible host with a query.
        let login = &text[..first.login_end.unwrap_or_default()];
        let authority = login.split(['/', '?', '#']).next().unwrap_or_default();
        let has_query = login.split_once('?').is_some_and(|(_, query)| begins_with_name(query));
        let is_user = authority.split_once(':').is_some_and(|(user, _)| !user.contains('.'));
        return (!has_query || is_user && first.is_distinct).then_some((*first, true));
    };
    let second_at = others[0].login_end.unwrap_or(text.len());
    let before_second = &text[first.host_end..second_at];
    let is_nested = before_second.contains("://");
    // A word before a raw `?` may be a part of a login.
    let is_host = first.is_distinct || before_second.starts_with('/');
    let is_in_query = is_host && before_second.split_once('?').is_some_and(|(_, query)| begins_with_name(query));
    // In a login without a colon a raw slash is rare; an `@` in a path is not.
    let is_other_distinct = others.iter().any(|reading| reading.is_distinct);
    let has_no_login = first.login_end.is_none() && (first.is_distinct || !first.has_port && !is_other_distinct);
    if is_nested || is_in_query || has_no_login {
        return Some((*first, true));
    }
    let may_hold_password = first.login_end.is_some() || first.has_port;
    let is_last_distinct = last.is_distinct && !first.is_distinct && !between.iter().any(|reading| reading.is_distinct);
    (may_hold_password && is_last_distinct).then_some((*last, false))
}

/// Returns an impossible host, its name, and what follows it, in a text without readings.
pub(super) fn split_impossible_host(text: &str) -> Option<(&str, &str, &str)> {
    let (login, rest) = text.split_once('@').filter(|(_, rest)| !rest.contains('@'))?;
    let (host, rest) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let (name, _) = host.split_once(':').unwrap_or((host, ""));
    let may_show = |sign: char| !sign.is_whitespace() && !"%=&;,+\\".contains(sign);
    let is_login = !login.contains(['/', '?', '#']);
    (is_login && !name.is_empty() && name.chars().all(may_show)).then_some((host, name, rest))
}

/// Returns whether a host is more than a word, and whether a port follows; `None` if it is none.
fn judge_host(text: &str) -> Option<(bool, bool)> {
    if let Some(bracketed) = text.strip_prefix('[') {
        let (address, port) = bracketed.split_once(']')?;
        // A zone may follow the address.
        let (address, zone) = address.split_once('%').unwrap_or((address, ""));
        address.parse::<Ipv6Addr>().ok().filter(|_| zone.chars().all(|sign| sign.is_ascii_alphanumeric()))?;
        return match port.strip_prefix(':') {
            Some(port) => is_port(port).then_some((true, true)),
            None => port.is_empty().then_some((true, false)),
        };
    }
    let (name, port) = text.split_once(':').map_or((text, None), |(name, port)| (name, Some(port)));
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.chars().all(|sign| sign.is_alphanumeric() || "-_".contains(sign))
    };
    let labels = name.strip_suffix('.').unwrap_or(name);
    if labels.len() > 253 || !labels.split('.').all(is_label) || !port.is_none_or(is_port) {
        return None;
    }
    Some((labels.contains('.') || labels.eq_ignore_ascii_case("localhost"), port.is_some()))
}

fn is_port(text: &str) -> bool {
    text.chars().all(|digit| digit.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

/// Returns whether a text without a scheme begins like a URL: an address or a name with a dot, and
/// a path or a port.
pub(super) fn begins_with_host(text: &str) -> bool {
    let end = text.find(['/', '?', '#']).unwrap_or(text.len());
    judge_host(&text[..end]).is_some_and(|(is_distinct, has_port)| is_distinct && (has_port || end < text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> Option<(Option<&str>, &str, &str, bool)> {
        UrlParts::of(url).map(|parts| (parts.login, parts.host, parts.rest, parts.is_certain))
    }

    #[test]
    fn valid_urls_are_split() {
        for (url, parts) in [
            ("rtsp://cam", (None, "cam", "", true)),
            ("rtsp://cam:554/a?b#c", (None, "cam:554", "/a?b#c", true)),
            ("RTSP://me:pw@[fd00::7]:554/a", (Some("me:pw"), "[fd00::7]:554", "/a", true)),
            ("http://[fe80::1%25eth0]/", (None, "[fe80::1%25eth0]", "/", true)),
            ("udp://@239.0.0.1:5004", (Some(""), "239.0.0.1:5004", "", true)),
            ("http://me:pw@cam/a?mail=me@x.org", (Some("me:pw"), "cam", "/a?mail=me@x.org", true)),
            ("http://cam/a?mail=me@x", (None, "cam", "/a?mail=me@x", true)),
            ("http://me:pw@cam/rtsp://you:pw@nest/a", (Some("me:pw"), "cam", "/rtsp://you:pw@nest/a", true)),
        ] {
            assert_eq!(read(url), Some(parts), "{url}");
        }
    }

    #[test]
    fn raw_characters_belong_to_the_login_if_no_host_precedes_them() {
        for (url, login, host) in [
            ("rtsp://me:p/w@cam/a", "me:p/w", "cam"),
            ("rtsp://me:p#w@cam/a", "me:p#w", "cam"),
            ("rtsp://me:p?w@cam:554", "me:p?w", "cam:554"),
            ("rtsp://me:p@w@cam", "me:p@w", "cam"),
            ("rtsp://me:[p%w d@10.0.0.7", "me:[p%w d", "10.0.0.7"),
            ("rtsp://me:70000/w@cam", "me:70000/w", "cam"),
            ("rtsp://me:/w@cam", "me:/w", "cam"),
            ("rtsp://me:p/w@cam.lan/a?x=a@b", "me:p/w", "cam.lan"),
        ] {
            let parts = read(url).unwrap_or_else(|| panic!("{url}"));
            assert_eq!((parts.0, parts.1, parts.3), (Some(login), host, true), "{url}");
        }
    }

    #[test]
    fn unclear_end_of_a_login_is_reported() {
        assert_eq!(read("rtsp://me:12/w@10.0.0.7/a"), Some((Some("me:12/w"), "10.0.0.7", "/a", false)));
        for url in
            ["rtsp://me:12/w@cam/a", "rtsp://me:p@w/x@cam/a", "rtsp://me:p@w.x/y@cam.lan", "rtsp://me:pw", "rtsp://"]
        {
            assert_eq!(read(url), None, "{url}");
        }
    }
}
