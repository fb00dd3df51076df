//! The repository's files as text, and the differences found between them.

use std::fmt::Debug;
use std::fs;
use std::path::Path;

/// A difference planted into one file: the text `from` reads as `to`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Planted {
    pub(crate) file: &'static str,
    pub(crate) from: &'static str,
    pub(crate) to: &'static str,
}

/// Reads the files that a comparison names, with at most one planted difference.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    planted: Option<Planted>,
    differences: Vec<String>,
}

impl Tree {
    pub(crate) fn with(planted: Planted) -> Self {
        Self { planted: Some(planted), ..Self::default() }
    }

    /// The text of a file, or of all Rust files in a folder: moving code within it changes nothing.
    pub(crate) fn text(&self, file: &str) -> String {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
        if path.is_dir() {
            let entries = fs::read_dir(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
            let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
            let files = names.filter(|name| name.ends_with(".rs")).map(|name| self.text(&format!("{file}/{name}")));
            return files.collect();
        }
        let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{file}: {error}"));
        match self.planted {
            Some(planted) if planted.file == file => {
                assert!(text.contains(planted.from), "{file} lacks {:?}: plant another difference", planted.from);
                text.replace(planted.from, planted.to)
            }
            _ => text,
        }
    }

    /// Records a difference where two values are not equal.
    pub(crate) fn same<T: PartialEq + Debug>(&mut self, subject: &str, one: &T, other: &T) {
        if one != other {
            self.differences.push(format!("{subject}: {one:?}, but {other:?}"));
        }
    }

    /// Records a difference where a file lacks a text.
    pub(crate) fn says(&mut self, file: &str, wanted: &str) {
        if !self.text(file).contains(wanted) {
            self.differences.push(format!("{file} does not say {wanted:?}"));
        }
    }

    pub(crate) fn differs(&mut self, difference: String) {
        self.differences.push(difference);
    }

    /// Makes every comparison and returns the differences.
    pub(crate) fn compare(mut self) -> Vec<String> {
        self.compare_errors();
        self.compare_formats();
        self.compare_gap_reasons();
        self.compare_clocks();
        self.compare_lifetimes();
        self.compare_states();
        self.compare_wrong_rates();
        self.compare_latencies();
        self.compare_changes();
        self.compare_versions();
        self.compare_methods();
        self.differences
    }
}
