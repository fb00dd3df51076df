//! `Registry::with` racing with removals, on real mappings: a use after the unmapping would crash.
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use capbuf::{Length, ReadOptions, Registry, SampleFormat, Span, Spec};
use support::{PanicBarrier, StopOnDrop};

const ROUNDS: u64 = 20_000;

#[test]
fn buffer_stays_mapped_while_with_runs() {
    let registry = Registry::builder().commit_ahead(false).build();
    let spec = Spec::new(Length::Frames(64), 8000, 1, SampleFormat::S16).unwrap();
    let (start, done, reads) = (PanicBarrier::new(2), AtomicBool::new(false), AtomicU64::new(0));
    let mut allocated = 0;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let _stop = StopOnDrop(&done);
            start.join().wait();
            while !done.load(Ordering::Relaxed) {
                registry.with("x", |buffer| {
                    let mut samples = [0_i16; 64];
                    if buffer.read_into(Span::Frames(0..64), &ReadOptions::new(), &mut samples).is_ok() {
                        assert_eq!(samples, [7; 64]);
                        reads.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        let _stop = StopOnDrop(&done);
        start.join().wait();
        // Until the reader has met a buffer: it may be descheduled for longer than all rounds take.
        while !done.load(Ordering::Relaxed) && (allocated < ROUNDS || reads.load(Ordering::Relaxed) == 0) {
            allocated += 1;
            let buffer = registry.get_or_allocate("x", spec).unwrap();
            buffer.writer().unwrap().write_at(&[7_i16; 64], 0).unwrap();
            drop(buffer);
            registry.remove("x").unwrap();
        }
    });
    assert_eq!((registry.stats().rings_allocated, registry.stats().bytes), (allocated, 0));
}
