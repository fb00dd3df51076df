//! The `SYNC` labels above the atomic operations in the source of this crate.

use std::path::{Path, PathBuf};

pub(crate) fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The files in a folder of the source, without documentation, models and tests.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("docs") && !path.ends_with("models") {
            files.extend(self::files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
            files.push(path);
        }
    }
    files
}

/// Trimmed lines of a source file, without its tests.
pub(crate) fn lines(file: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap();
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    code.lines().map(|line| line.trim().to_owned()).collect()
}

/// The label of a comment with its end: `head (publish)` of `// SYNC head (publish): why`.
pub(crate) fn label(line: &str) -> Option<&str> {
    line.strip_prefix("// SYNC ")?.split(':').next()
}

/// True if a line of code asks for an ordering.
pub(crate) fn is_ordered(line: &str) -> bool {
    ["Acquire", "Release", "AcqRel", "SeqCst"]
        .iter()
        .any(|order| line.contains(&format!("Ordering::{order}")) && !line.starts_with("//"))
}

/// The label of the operation in a line: above it or, for an expression of several lines, a few
/// lines before it.
pub(crate) fn label_of(lines: &[String], at: usize) -> Option<&str> {
    lines[at.saturating_sub(8)..at].iter().rev().find_map(|line| label(line))
}
