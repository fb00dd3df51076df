//! Display of sources without secrets.
//!
//! A URL is taken apart, and only the parts that hold no secret are shown; the names of its
//! parameters decide nothing. A malformed URL loses more rather than less.

use super::percent::{decoded, is_escaped};
use super::url_parts::{UrlParts, begins_with_host, split_impossible_host, split_scheme};
use super::words::{begins_with_name, is_common, is_parameter, is_plain, is_random, precedes_secret};

/// The text in the place of a hidden part.
const HIDDEN: &str = "***";
/// Sources that are no URLs: an `@` in them is part of a name.
const LOCAL: [&str; 4] = ["device:", "file:", "tone:", "position:"];
/// Prefixes of URLs in other programs.
const PREFIXES: [&str; 4] = ["ffmpeg:", "concat:", "cache:", "crypto:"];
/// Parameters whose value is shown if it is a number of up to three digits.
const NUMBERED: [&str; 8] = ["audio", "ch", "channel", "profile", "stream", "subtype", "track", "unicast"];
/// A parameter that ffmpeg adds; its value is shown if it is a number.
const TIMEOUT: &str = "timeout";
/// Parameters and values that are shown.
const OPTIONS: [(&str, &[&str]); 2] = [("transport", &["tcp", "udp", "multicast", "http"]), ("tls", &["insecure"])];

/// See [`redact`](super::redact).
pub(super) fn redacted(source: &str) -> String {
    if LOCAL.iter().any(|scheme| source.starts_with(scheme)) {
        return source.to_owned();
    }
    let prefix = PREFIXES.iter().find(|prefix| source.starts_with(*prefix)).copied().unwrap_or_default();
    let mut shown = redacted_once(&source[prefix.len()..]);
    // Without its secrets, a malformed URL can look like another kind of text.
    for _ in 0..MAX_PASSES {
        let again = redacted_once(&shown);
        if again == shown {
            return format!("{prefix}{shown}");
        }
        shown = again;
    }
    format!("{prefix}{HIDDEN}")
}

/// Passes until nothing is left to hide; three are enough for all known texts.
const MAX_PASSES: usize = 8;

fn redacted_once(source: &str) -> String {
    if let Some(shown) = of_url(source) {
        return shown;
    }
    if is_escaped(source) {
        let decoded = decoded(source);
        if let Some(shown) = of_url(&decoded) {
            return shown;
        }
    }
    of_name(source)
}

/// Redacts a URL; `None` if the text is none.
fn of_url(text: &str) -> Option<String> {
    let (scheme, rest) = match split_scheme(text) {
        Some(parts) => parts,
        // Between blanks, an `@` is a word of a name.
        None if text.replace(" @ ", "").contains('@') || text.contains("://") || begins_with_host(text) => ("", text),
        None => return None,
    };
    if let Some(parts) = UrlParts::of_rest(scheme, rest) {
        return Some(of_parts(&parts));
    }
    // The `@` behind the login may be escaped.
    let decoded = decoded(rest);
    if let Some(parts) = UrlParts::of_rest(scheme, &decoded).filter(|_| is_escaped(rest)) {
        return Some(of_parts(&parts));
    }
    Some(match split_impossible_host(rest) {
        Some((host, name, rest)) => {
            let port = if host.len() > name.len() { ":***" } else { "" };
            format!("{scheme}{HIDDEN}@{name}{port}{}", of_rest(rest))
        }
        // Too short for a secret.
        None if rest.len() <= 2 || !rest.contains(char::is_alphanumeric) => text.to_owned(),
        None => format!("{scheme}{HIDDEN}"),
    })
}

fn of_parts(parts: &UrlParts) -> String {
    let login = match parts.login {
        None => "",
        Some("") => "@",
        Some(_) => "***@",
    };
    format!("{}{login}{}{}", parts.scheme, parts.host, of_rest(parts.rest))
}

/// Shows path, query and fragment.
fn of_rest(text: &str) -> String {
    let (rest, fragment) = split_at(text, '#');
    let (path, query) = split_at(rest, '?');
    // A login in a path may hold marks. The values of parameters may hold an `@` of their own.
    let may_hold_login = if query.get(1..).is_some_and(begins_with_name) { path } else { text };
    let holds_login = decoded(may_hold_login).contains('@');
    format!("{}{}{}", of_path(path, holds_login), of_parameters(query), of_parameters(fragment))
}

/// Splits before the first `mark`.
fn split_at(text: &str, mark: char) -> (&str, &str) {
    text.split_at(text.find(mark).unwrap_or(text.len()))
}

/// Shows a path up to the first part that may be a secret.
fn of_path(path: &str, mut may_be_secret: bool) -> String {
    let mut shown = String::new();
    let mut is_first = true;
    for (index, part) in path.split('/').enumerate() {
        if index > 0 {
            shown.push('/');
        }
        if part.is_empty() {
            continue;
        }
        let is_shown = is_plain(part) && !may_be_secret && if is_first { !is_random(part) } else { is_common(part) };
        if !is_shown {
            shown.push_str(HIDDEN);
            break;
        }
        shown.push_str(part);
        may_be_secret = precedes_secret(part);
        is_first = false;
    }
    shown
}

/// Shows a query or a fragment with its mark; hidden parameters in a row are one.
fn of_parameters(text: &str) -> String {
    let mut shown = String::new();
    let mut is_hidden = false;
    for (index, pair) in text.split_inclusive(['&', ';']).enumerate() {
        let (mark, pair) = pair.split_at(usize::from(index == 0));
        let (pair, end) = pair.strip_suffix(['&', ';']).map_or((pair, ""), |start| pair.split_at(start.len()));
        let parameter = of_parameter(pair);
        let repeats = is_hidden && parameter == HIDDEN;
        is_hidden = parameter == HIDDEN;
        if repeats {
            // The separator before it ends the run.
            shown.pop();
        }
        shown.extend([mark, if repeats { "" } else { &parameter }, end]);
    }
    shown
}

fn of_parameter(pair: &str) -> String {
    let Some((name, value)) = pair.split_once('=') else {
        return if pair.is_empty() { String::new() } else { HIDDEN.to_owned() };
    };
    let is_number = !value.is_empty() && value.chars().all(|digit| digit.is_ascii_digit());
    let is_harmless = is_number && (name == TIMEOUT || value.len() <= 3 && NUMBERED.contains(&name))
        || OPTIONS.iter().any(|(known, values)| *known == name && values.contains(&value));
    if is_harmless {
        pair.to_owned()
    } else if is_parameter(name) {
        format!("{name}={}", if value.is_empty() { "" } else { HIDDEN })
    } else {
        HIDDEN.to_owned()
    }
}

/// Hides what follows a `?` in a name, and the parts of a name that look like `/name=value`.
fn of_name(name: &str) -> String {
    let mut shown = String::new();
    let mut mark = None;
    for part in name.split_inclusive(['/', '?', '#', ';', '&']) {
        let (text, next) = match part.chars().last().filter(|last| "/?#;&".contains(*last)) {
            Some(last) => (&part[..part.len() - 1], Some(last)),
            None => (part, None),
        };
        let has_value = mark.is_some() && decoded(text).contains('=');
        if has_value || mark == Some('?') && !text.is_empty() {
            shown.push_str(HIDDEN);
            break;
        }
        shown.push_str(part);
        mark = next;
    }
    shown
}
