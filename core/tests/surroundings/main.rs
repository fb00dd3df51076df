//! Signals, rights, limits and file systems that are not as usual: an error with its reason, or no
//! difference at all.
#![allow(clippy::unwrap_used, clippy::panic)]

mod cut;
mod inside;
mod rights;
mod space;
mod strays;
mod waits;

use std::fs;
use std::path::{Path, PathBuf};

use capbuf::{Length, Registry, SampleFormat, Spec};
use inside::inside;

/// A folder of domains in shared memory, removed with the test.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::Builder::new().prefix("capbuf-tests-").tempdir_in("/dev/shm").unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn domain(&self) -> PathBuf {
        self.path().join("birds")
    }

    fn open(&self) -> Registry {
        self.try_open().unwrap()
    }

    fn try_open(&self) -> capbuf::Result<Registry> {
        Registry::builder().domains_folder(self.path()).open("birds")
    }

    /// The domain's files whose names end with `end`.
    fn files(&self, end: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.domain()).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.to_str().unwrap().ends_with(end)).collect()
    }
}

fn spec() -> Spec {
    frames(1000)
}

fn frames(frames: u64) -> Spec {
    Spec::new(Length::Frames(frames), 8000, 1, SampleFormat::S16).unwrap()
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}
