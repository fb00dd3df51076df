//! Buffers used where they lie while they are taken out, with the memory that a model does not unmap.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use capbuf::{Length, ReadOptions, Registry, SampleFormat, Span, Spec};

const TIMES: u64 = 20_000;

#[test]
fn memory_that_is_used_in_place_is_there_until_the_use_ends() {
    let registry = Registry::builder().commit_ahead(false).build();
    let spec = Spec::new(Length::Frames(64), 8000, 1, SampleFormat::S16).unwrap();
    let (begun, ended, used) = (Barrier::new(2), AtomicBool::new(false), AtomicU64::new(0));
    let mut made = 0;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            begun.wait();
            while !ended.load(Ordering::Relaxed) {
                registry.with("x", |buffer| {
                    let mut samples = [0_i16; 64];
                    // The memory is unmapped when the buffer goes: then this is the end of the process.
                    if buffer.read_into(Span::Frames(0..64), &ReadOptions::new(), &mut samples).is_ok() {
                        assert_eq!(samples, [7; 64]);
                        used.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        begun.wait();
        // Until they met: who reads may be held up for longer than all of this takes.
        while made < TIMES || used.load(Ordering::Relaxed) == 0 {
            made += 1;
            let buffer = registry.get_or_allocate("x", spec).unwrap();
            buffer.writer().unwrap().write_at(&[7_i16; 64], 0).unwrap();
            drop(buffer);
            registry.remove("x").unwrap();
        }
        ended.store(true, Ordering::Relaxed);
    });
    assert_eq!((registry.stats().rings_allocated, registry.stats().bytes), (made, 0));
}
