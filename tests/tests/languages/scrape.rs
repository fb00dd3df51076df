//! Finds constants, variants and names in source text, and converts names between the languages'
//! spellings.

use std::collections::BTreeMap;

/// Returns the text between `from` and the next `to`, or the end.
pub(crate) fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    let begin = text.find(from).unwrap_or_else(|| panic!("{from:?} is gone")) + from.len();
    let rest = &text[begin..];
    &rest[..rest.find(to).unwrap_or(rest.len())]
}

/// Returns the rest of the first line that begins with `key`, without quotes.
pub(crate) fn value(text: &str, key: &str) -> String {
    text.lines().find_map(|line| line.strip_prefix(key)).unwrap().trim_matches('"').to_owned()
}

/// Finds the lines that are a name, `sign` and a number.
pub(crate) fn numbered(text: &str, sign: &str) -> BTreeMap<String, i64> {
    let lines = text.lines().filter_map(|line| line.trim().trim_end_matches(',').split_once(sign));
    lines.filter_map(|(name, number)| Some((name.to_owned(), number.parse().ok()?))).collect()
}

/// Lists the variants of an enum, with or without numbers.
pub(crate) fn variants(text: &str) -> Vec<String> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("    "));
    let named = lines.filter(|line| line.starts_with(char::is_uppercase));
    named.map(|line| line.trim_end_matches([',', ' ', '{']).to_owned()).collect()
}

/// Finds the header's constants `CAPBUF_<prefix><name>`, by name.
pub(crate) fn defined(header: &str, prefix: &str) -> BTreeMap<String, i64> {
    let wanted = format!("#define CAPBUF_{prefix}");
    let lines = header.lines().filter_map(|line| line.strip_prefix(&wanted));
    lines.filter_map(|line| line.split_once(' ')).filter_map(|(n, v)| Some((n.to_owned(), v.parse().ok()?))).collect()
}

/// Lists names in the order of their numbers.
pub(crate) fn by_number(constants: &BTreeMap<String, i64>) -> Vec<String> {
    let mut names: Vec<_> = constants.iter().collect();
    names.sort_by_key(|(_, number)| **number);
    names.into_iter().map(|(name, _)| name.clone()).collect()
}

/// Converts `NOT_YET` to `NotYet`.
pub(crate) fn camel(name: &str) -> String {
    let parts = name.split('_').map(|word| format!("{}{}", &word[..1], word[1..].to_lowercase()));
    parts.collect()
}

/// Converts `NotYet` to `not yet`.
pub(crate) fn words(name: &str) -> String {
    let spaced: String =
        name.chars().flat_map(|sign| [sign.is_uppercase().then_some(' '), Some(sign)]).flatten().collect();
    spaced.trim().to_lowercase()
}

/// Converts `NotYet` to `NOT_YET`.
pub(crate) fn upper(name: &str) -> String {
    words(name).replace(' ', "_").to_uppercase()
}
