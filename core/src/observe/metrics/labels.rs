//! Labels that name sources in metrics.

use std::collections::HashMap;

use crate::source::redact;
use crate::track::key_of;

/// Maximum length of a source's label.
const LABEL_CHARS: usize = 48;

/// Returns a short, unique name for each source. It has no scheme, credentials or query, so that no
/// label contains a URL.
pub(super) fn labels<'a>(sources: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut named = Vec::new();
    let mut count: HashMap<String, usize> = HashMap::new();
    for source in sources {
        let name = label(source);
        *count.entry(name.clone()).or_default() += 1;
        named.push((name, source));
    }
    let unique = |(name, source): (String, &str)| match count[&name] {
        1 => name,
        _ => format!("{name} #{:08x}", key_of(source) >> 32),
    };
    named.into_iter().map(unique).collect()
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
        let labels = labels(sources.into_iter());
        assert!(labels[0].starts_with("cam/1 #") && labels[1].starts_with("cam/1 #") && labels[0] != labels[1]);
        assert_eq!(labels[2..], ["device:alsa:hw:1,0", "host"]);
        assert_eq!(label(&"x".repeat(1000)).len(), LABEL_CHARS);
    }
}
