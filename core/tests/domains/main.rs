//! Several registries on one domain, as several processes have them. Tests with real processes are
//! in another crate.
#![allow(clippy::unwrap_used, clippy::panic)]

#[cfg(feature = "observe")]
mod hidden_secrets;
mod lifetimes;
mod safety;
mod sharing;
#[path = "../support/mod.rs"]
mod support;
mod taken_away;

use std::fs;
use std::path::{Path, PathBuf};

use capbuf::{CaptureBuffer, Registry, RegistryBuilder, Span, Spec};
use support::mono;

/// A folder of domains, removed with the test.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn builder(&self) -> RegistryBuilder {
        Registry::builder().domains_folder(self.path())
    }

    fn open(&self) -> Registry {
        self.builder().open("birds").unwrap()
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Names of the files of domain `birds`, sorted, without the hidden key.
    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path().join("birds")).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.retain(|name| !name.starts_with('.'));
        names.sort();
        names
    }

    fn rings(&self) -> Vec<PathBuf> {
        let rings = self.files().into_iter().filter(|name| name.ends_with(".ring"));
        rings.map(|name| self.path().join("birds").join(name)).collect()
    }
}

fn spec() -> Spec {
    mono(1.0, 8000)
}

/// All samples that a buffer holds.
fn samples(buffer: &CaptureBuffer) -> Vec<i16> {
    let segment = buffer.read(Span::Frames(buffer.frames())).unwrap();
    segment.samples().get::<i16>().unwrap().to_vec()
}
