//! The source files of this crate, for tests that compare them.

use std::fs;
use std::path::{Path, PathBuf};

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every source file: its path below `src` without extension, such as `boundary/guard`, and its
/// text.
pub(crate) fn sources() -> Vec<(String, String)> {
    let src = root().join("src");
    let mut files: Vec<_> = rust_files(&src).into_iter().map(|path| (name(&src, &path), read(&path))).collect();
    files.sort();
    files
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    files.into_iter().chain(folders.iter().flat_map(|folder| rust_files(folder))).collect()
}

fn name(src: &Path, file: &Path) -> String {
    file.strip_prefix(src).unwrap().with_extension("").display().to_string()
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap()
}
