//! Labels that name sources in metrics.

use std::collections::HashSet;

use crate::source::redact;

/// Maximum length of a source's label.
const LABEL_CHARS: usize = 48;

/// Returns a short, unique name for each source: equal names are numbered, in the order of the
/// sources. It has no scheme, credentials or query, so that no label contains a URL; and no hash of
/// them, from which a password could be guessed.
pub(super) fn labels<'a>(sources: impl Iterator<Item = &'a str>) -> Vec<String> {
    let named: Vec<_> = sources.map(label).collect();
    let mut taken: HashSet<String> = HashSet::new();
    let mut unique = Vec::new();
    for name in &named {
        let numbered = (2..).map(|number: u32| format!("{name} #{number}"));
        // Another source may have the name that a number would make.
        let free = numbered.filter(|numbered| !named.contains(numbered));
        let label = [name.clone()].into_iter().chain(free).find(|label| !taken.contains(label)).unwrap_or_default();
        taken.insert(label.clone());
        unique.push(label);
    }
    unique
}

pub(super) fn label(source: &str) -> String {
    let shown = redact(source);
    let rest = shown.split_once("://").map_or(shown.as_str(), |(_, rest)| rest);
    let rest = rest.strip_prefix("***@").unwrap_or(rest);
    let path = if rest.len() < shown.len() { rest.split(['?', '#', ';']).next().unwrap_or_default() } else { rest };
    path.chars().take(LABEL_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_short_and_unique_and_no_urls() {
        let sources = ["rtsp://me:sesame@cam/1?x=1", "rtsp://you:sesame@cam/1", "device:alsa:hw:1,0", "me:sesame@host"];
        assert_eq!(labels(sources.into_iter()), ["cam/1", "cam/1 #2", "device:alsa:hw:1,0", "host"]);
        assert_eq!(label(&"x".repeat(1000)).len(), LABEL_CHARS);
    }

    #[test]
    fn numbered_label_is_that_of_no_other_source() {
        let sources = ["rtsp://a@cam/1", "rtsp://b@cam/1", "cam/1 #2", "rtsp://c@cam/1"];
        assert_eq!(labels(sources.into_iter()), ["cam/1", "cam/1 #3", "cam/1 #2", "cam/1 #4"]);
    }
}
