//! Looks for changes of the configuration file.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Inode, size, and times of modification and of change: differ if the file was written, replaced,
/// or made readable.
type Identity = (u64, u64, i64, i64, i64, i64);

/// A file, and its identity when it was last read.
pub(super) struct FileWatch {
    file: PathBuf,
    /// `None` if it was missing.
    read: Option<Identity>,
    /// Another identity at the last look.
    changed: Option<Option<Identity>>,
}

impl FileWatch {
    /// Starts to watch a file that is read now.
    pub(super) fn new(file: &Path) -> Self {
        Self { file: file.to_owned(), read: identity(file), changed: None }
    }

    /// Returns whether the file was changed or removed since it was last read, and two looks found
    /// it the same: a file that is being written or replaced is left alone.
    pub(super) fn has_changed(&mut self) -> bool {
        let now = identity(&self.file);
        let last = self.changed.take();
        if now == self.read {
            return false;
        }
        if last != Some(now) {
            self.changed = Some(now);
            return false;
        }
        self.read = now;
        true
    }

    /// Notes that the file is read now.
    pub(super) fn accept(&mut self) {
        (self.read, self.changed) = (identity(&self.file), None);
    }
}

fn identity(file: &Path) -> Option<Identity> {
    let of = |metadata: Metadata| {
        let (modified, changed) =
            ((metadata.mtime(), metadata.mtime_nsec()), (metadata.ctime(), metadata.ctime_nsec()));
        (metadata.ino(), metadata.len(), modified.0, modified.1, changed.0, changed.1)
    };
    file.metadata().ok().map(of)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn change_is_reported_once_and_when_two_looks_agree() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x.toml");
        fs::write(&path, "a").expect("a file");
        let mut watch = FileWatch::new(&path);
        assert!(!watch.has_changed());
        fs::write(&path, "ab").expect("a file");
        assert!(!watch.has_changed());
        fs::write(&path, "abc").expect("a file");
        assert_eq!([(); 4].map(|()| watch.has_changed()), [false, true, false, false]);
        // A missing file is a change, too; the same file is none.
        fs::rename(&path, folder.path().join("y.toml")).expect("it is there");
        assert!(!watch.has_changed());
        fs::write(&path, "abcd").expect("a file");
        assert_eq!([(); 3].map(|()| watch.has_changed()), [false, true, false]);
        fs::remove_file(&path).expect("it is there");
        assert_eq!([(); 3].map(|()| watch.has_changed()), [false, true, false]);
    }
}
