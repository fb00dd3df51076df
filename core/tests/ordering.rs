//! The page `docs::ordering` explains exactly the `SYNC` labels in the code.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::PathBuf;

use sync_labels::{is_ordered, label, label_of, lines, src};

#[path = "support/sync_labels.rs"]
mod sync_labels;

/// The crate's source files, without the atomics' facade.
fn sources() -> Vec<PathBuf> {
    let files = sync_labels::files(&src());
    files.into_iter().filter(|file| !file.ends_with("modelled.rs")).collect()
}

/// A label without its end: `head` of `head (publish)`.
fn without_end(label: &str) -> &str {
    label.split('(').next().unwrap_or_default().trim_end()
}

#[test]
fn every_label_is_explained_and_has_two_ends() {
    let page = std::fs::read_to_string(src().join("docs/ordering.rs")).unwrap();
    let explained: Vec<_> = page
        .lines()
        .filter_map(|line| line.strip_prefix("//! # `SYNC ")?.strip_suffix('`'))
        .map(str::to_owned)
        .collect();
    let mut ends = BTreeMap::<String, Vec<String>>::new();
    for file in sources() {
        for (line, number) in lines(&file).iter().zip(1..) {
            if let Some(label) = label(line).map(without_end) {
                ends.entry(label.to_owned()).or_default().push(format!("{}:{number}", file.display()));
            }
        }
    }
    ends.remove("none").expect("some operations need no ordering");
    for (label, places) in &ends {
        assert!(explained.contains(label), "`SYNC {label}` is not on the page: {places:?}");
        assert!(places.len() >= 2, "`SYNC {label}` has only one end: {places:?}");
    }
    for label in &explained {
        assert!(ends.contains_key(label), "`SYNC {label}` is on the page but not in the code");
    }
}

#[test]
fn every_ordered_operation_has_a_label() {
    let mut seen = 0;
    for file in sources() {
        let lines = lines(&file);
        for (index, line) in lines.iter().enumerate() {
            if !is_ordered(line) {
                continue;
            }
            seen += 1;
            let labelled = label_of(&lines, index);
            assert!(
                labelled.is_some_and(|label| without_end(label) != "none"),
                "{}:{}: {line}",
                file.display(),
                index + 1
            );
        }
    }
    assert!(seen > 20, "{seen} ordered operations found");
}
