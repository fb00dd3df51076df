//! The secrets of a URL in a text of ffmpeg, which quotes the URL whole and in pieces.

use capbuf::{UrlParts, percent_decoded};

/// The text in the place of a secret.
const HIDDEN: &str = "***";
/// Shorter parts are no secrets, and would be found everywhere.
const MIN_CHARS: usize = 3;
/// Passwords of at least this length are also hidden within words.
const MIN_WITHIN_WORDS: usize = 5;
/// Escapes of escapes are decoded this often.
const DEPTH: usize = 3;

/// Returns the line without the parts of `url` that [`capbuf::redact`] hides, raw or decoded, and
/// without the secrets of other URLs.
pub(super) fn hide(line: &str, url: &str) -> String {
    let mut line = line.replace(url, HIDDEN);
    for (secret, is_password) in secrets(url) {
        let is_within_words = is_password && secret.chars().count() >= MIN_WITHIN_WORDS;
        line = if is_within_words { line.replace(&secret, HIDDEN) } else { without_words(&line, &secret) };
    }
    line.split(' ').map(of_word).collect::<Vec<_>>().join(" ")
}

/// Redacts a word of a line, between its quotes and punctuation.
fn of_word(word: &str) -> String {
    let start = word.len() - word.trim_start_matches(['"', '\'', '`', '(', '[', '<']).len();
    let (start, word) = word.split_at(start);
    let (word, end) = word.split_at(word.trim_end_matches(['"', '\'', '`', ')', ']', '>', ':', ',', ';', '.']).len());
    // A lone `@` precedes a memory address.
    let word = if word == "@" { word.to_owned() } else { capbuf::redact(word) };
    format!("{start}{word}{end}")
}

/// Replaces a text where no letter or digit is next to it.
fn without_words(line: &str, text: &str) -> String {
    let mut shown = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find(text) {
        let (before, after) = (&rest[..at], &rest[at + text.len()..]);
        let is_word = !before.ends_with(char::is_alphanumeric) && !after.starts_with(char::is_alphanumeric);
        shown.push_str(before);
        shown.push_str(if is_word { HIDDEN } else { text });
        rest = after;
    }
    shown + rest
}

/// Returns the hidden parts of a URL, the longest first, and whether each is of the login.
fn secrets(url: &str) -> Vec<(String, bool)> {
    let Some(parts) = UrlParts::of(url) else { return vec![(url.to_owned(), true)] };
    let mut found = Vec::new();
    let mut add = |text: &str, is_password: bool| {
        let mut text = text.to_owned();
        for _ in 0..=DEPTH {
            let decoded = percent_decoded(&text);
            found.push((std::mem::replace(&mut text, decoded), is_password));
        }
    };
    if let Some(login) = parts.login {
        add(login, true);
        if let Some((user, password)) = login.split_once(':') {
            add(user, false);
            add(password, true);
        }
    }
    let (path, parameters) = parts.rest.split_at(parts.rest.find(['?', '#']).unwrap_or(parts.rest.len()));
    add(parts.rest, true);
    add(path, true);
    path.split('/').for_each(|part| add(part, false));
    add(parameters, true);
    for pair in parameters.split(['?', '#', '&', ';']) {
        add(pair, false);
        if let Some((_, value)) = pair.split_once('=') {
            add(value, false);
        }
    }
    let shown = capbuf::redact(url);
    found.retain(|(text, _)| text.chars().count() >= MIN_CHARS && !shown.contains(text.as_str()));
    found.sort_by_key(|(text, is_password)| (std::cmp::Reverse(text.len()), !is_password));
    found.dedup_by(|one, other| one.0 == other.0);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str =
        "rtsp://doorman:open%2Fsesame@cam.lan:554/nest/sesame/1?channel=1&pw=k3y&sig=sesame%2540x#audio=1";

    #[test]
    fn pieces_of_a_url_are_hidden_and_the_rest_of_the_line_stays() {
        for (line, shown) in [
            (
                "Failed to resolve hostname cam.lan: Name or service not known",
                "Failed to resolve hostname cam.lan: Name or service not known",
            ),
            ("user doorman, password open/sesame refused", "user ***, password *** refused"),
            ("login doorman:open%2Fsesame is wrong", "login *** is wrong"),
            ("PLAY /nest/sesame/1 failed: 404 Not Found", "PLAY *** failed: 404 Not Found"),
            ("no file sesame in /nest", "no file *** in /nest"),
            ("parameters pw=k3y, sig=sesame@x and channel=1", "parameters ***, *** and channel=1"),
            ("key k3y and sesame%40x", "key *** and ***"),
            ("xk3yx stays, xopen/sesamex does not", "xk3yx stays, x***x does not"),
            ("[http @ 0x563bc89e7580] Stream ends", "[http @ 0x563bc89e7580] Stream ends"),
            ("opening 'http://other/y?token=sesame2': 403", "opening 'http://other/y?token=***': 403"),
            (
                "Connection to tcp://cam.lan:554?timeout=5000000 failed",
                "Connection to tcp://cam.lan:554?timeout=5000000 failed",
            ),
        ] {
            assert_eq!(hide(line, URL), shown);
        }
        assert_eq!(hide(&format!("{URL}: no"), URL), "***: no");
    }

    #[test]
    fn short_login_destroys_no_word() {
        assert_eq!(
            hide("Connection to media refused: me:1", "rtsp://me:1@cam/live"),
            "Connection to media refused: ***"
        );
    }
}
