//! The page `docs::ordering` explains exactly the `SYNC` labels in the code.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The crate's source files, without its documentation, its models and the atomics' facade.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && !["docs", "models"].contains(&name.as_str()) {
            files.extend(sources(&path));
        } else if name.ends_with(".rs") && !["modelled.rs", "tests.rs"].contains(&name.as_str()) {
            files.push(path);
        }
    }
    files
}

/// Trimmed lines of a source file, without its tests.
fn lines(file: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap();
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    code.lines().map(|line| line.trim().to_owned()).collect()
}

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The label of a comment, without its end: `head` of `// SYNC head (publish): why`.
fn label(line: &str) -> Option<&str> {
    line.strip_prefix("// SYNC ")?.split([':', '(']).next().map(str::trim_end)
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
    for file in sources(&src()) {
        for (line, number) in lines(&file).iter().zip(1..) {
            if let Some(label) = label(line) {
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
    for file in sources(&src()) {
        let lines = lines(&file);
        for (index, line) in lines.iter().enumerate() {
            let is_ordered = ["Acquire", "Release", "AcqRel", "SeqCst"]
                .iter()
                .any(|order| line.contains(&format!("Ordering::{order}")) && !line.starts_with("//"));
            if !is_ordered {
                continue;
            }
            seen += 1;
            // The label stands above the line or, for a multi-line expression, a few lines before
            // it.
            let before = &lines[index.saturating_sub(8)..index];
            let labelled = before.iter().rev().find_map(|line| label(line));
            assert!(labelled.is_some_and(|label| label != "none"), "{}:{}: {line}", file.display(), index + 1);
        }
    }
    assert!(seen > 20, "{seen} ordered operations found");
}
