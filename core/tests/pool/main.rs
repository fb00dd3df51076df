//! Memory of removed buffers is reused, within bounds, and old contents are never visible.
#![allow(missing_docs, clippy::unwrap_used)]

mod bounds;
mod old_contents;
#[path = "../support/mod.rs"]
mod support;

use std::path::Path;
use std::process::{Child, Command};

use capbuf::{Registry, RegistryBuilder, Span, Spec};
use support::mono;

fn pooled() -> RegistryBuilder {
    Registry::builder().pool_bytes(64 << 20).commit_ahead(false)
}

fn one_second() -> Spec {
    mono(1.0, 8000)
}

/// A process that holds a file open without a handle of the library, as a forked child holds its
/// parent's mapping.
struct Holder(Child);

impl Holder {
    fn of(file: &Path) -> Self {
        let file = std::fs::File::options().read(true).write(true).open(file).unwrap();
        Self(Command::new("sleep").arg("1000").stdin(file).spawn().unwrap())
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn file_held_by_another_process_is_not_reused() {
    let folder = tempfile::tempdir().unwrap();
    let registry = pooled().domains_folder(folder.path()).open("birds").unwrap();
    let old = registry.allocate("old", one_second()).unwrap();
    let files = std::fs::read_dir(folder.path().join("birds")).unwrap().map(|entry| entry.unwrap().path());
    let ring = files.into_iter().find(|path| path.extension().is_some_and(|end| end == "ring")).unwrap();
    let holder = Holder::of(&ring);
    registry.remove("old").unwrap();
    drop(old);
    let hits_after_allocation = || {
        drop(registry.allocate("new", one_second()).unwrap());
        registry.remove("new").unwrap();
        registry.pool_stats().hits
    };
    assert_eq!(hits_after_allocation(), 0);
    drop(holder);
    registry.trim_pool().unwrap();
    hits_after_allocation();
    assert_eq!(hits_after_allocation(), 1);
}

#[test]
fn concurrent_reuse_gives_each_ring_to_one_source() {
    let folder = tempfile::tempdir().unwrap();
    let open = || pooled().domains_folder(folder.path()).open("birds").unwrap();
    let registries = [pooled().build(), open(), open()];
    std::thread::scope(|scope| {
        for (number, registry) in registries.iter().enumerate() {
            for thread in 0..3_i16 {
                scope.spawn(move || {
                    let source = format!("source {number} {thread}");
                    let tag = number as i16 * 100 + thread + 1;
                    for _ in 0..100 {
                        let buffer = registry.allocate(&source, one_second()).unwrap();
                        assert!(buffer.frames().is_empty());
                        assert_eq!(buffer.source().as_str(), source);
                        buffer.writer().unwrap().write(&[tag; 4000]).unwrap();
                        registry.remove(&source).unwrap();
                        let segment = buffer.read(Span::Frames(0..4000)).unwrap();
                        assert!(segment.samples().get::<i16>().unwrap().iter().all(|sample| *sample == tag));
                    }
                });
            }
        }
    });
    assert!(registries.iter().map(|registry| registry.pool_stats().hits).sum::<u64>() > 0);
}
