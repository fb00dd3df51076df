//! Memory of removed buffers is reused, within bounds, and old contents are never visible.
#![allow(missing_docs, clippy::unwrap_used)]

mod bounds;
mod old_contents;
#[path = "../support/mod.rs"]
mod support;

use capbuf::{Registry, RegistryBuilder, Span, Spec};
use support::mono;

fn pooled() -> RegistryBuilder {
    Registry::builder().pool_bytes(64 << 20).commit_ahead(false)
}

fn one_second() -> Spec {
    mono(1.0, 8000)
}

#[test]
fn domain_keeps_no_memory_of_a_removed_buffer() {
    let folder = tempfile::tempdir().unwrap();
    let registry = pooled().domains_folder(folder.path()).open("birds").unwrap();
    registry.allocate("x", one_second()).unwrap().writer().unwrap().write(&[7_i16; 8000]).unwrap();
    registry.remove("x").unwrap();
    assert_eq!(registry.pool_stats(), capbuf::PoolStats::default());
    let files = std::fs::read_dir(folder.path().join("birds")).unwrap();
    // The switches of the domain stay.
    let others = files.map(Result::unwrap).filter(|file| file.file_name() != ".switches");
    let bytes: u64 = others.map(|file| file.metadata().unwrap().len()).sum();
    assert!(bytes < 1000, "{bytes} bytes are left");
}

#[test]
fn concurrent_reuse_gives_each_ring_to_one_source() {
    let registries = [pooled().build(), pooled().build()];
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
