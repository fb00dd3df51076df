//! Writes, reads into the caller's memory, windows and lookups allocate nothing.
#![allow(clippy::unwrap_used)]

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use capbuf::{GapReason, ReadOptions, Registry, Span, WindowOptions};
use support::{START_NS, mono, ms, signal};

/// The system's allocator, counting the calls of each thread.
struct Counting;

thread_local! {
    static CALLS: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    let _ = CALLS.try_with(|calls| calls.set(calls.get() + 1));
}

// SAFETY: every call is forwarded unchanged to `System`; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller upholds the same contract for `System`.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        count();
        // SAFETY: the caller upholds the same contract for `System`.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Calls of the allocator by this thread during `work`.
fn allocator_calls(work: impl FnOnce()) -> u64 {
    let before = CALLS.with(Cell::get);
    work();
    CALLS.with(Cell::get) - before
}

#[test]
fn writes_reads_and_lookups_allocate_nothing() {
    let registry = Registry::private();
    let buffer = registry.get_or_allocate("x", mono(2.0, 48_000)).unwrap();
    let mut writer = buffer.writer().unwrap();
    let mut windows = buffer.windows(WindowOptions::new(4800, 2400)).unwrap();
    let chunk = signal(0..480);
    let bytes = [1_u8; 4095];
    let mut shorts = vec![0_i16; 200_000];
    let mut floats = vec![0_f32; 200_000];
    // The first lookup of a thread may allocate.
    assert!(registry.contains("x"));

    let counted = allocator_calls(|| drop(std::hint::black_box(vec![1])));
    assert_eq!(counted, 2, "the counter itself");
    let written = allocator_calls(|| {
        for number in 0..5000_i64 {
            match number % 7 {
                0 => writer.write_bytes(&bytes).unwrap(),
                1 => writer.write(&chunk).unwrap(),
                2 => writer.gap(GapReason::Requested),
                3 => writer.gap_for(GapReason::PacketLoss, ms(20)),
                _ => writer.write_at(&chunk, START_NS + number * 10_000_000).unwrap(),
            }
        }
        writer.write(&shorts).unwrap();
    });
    assert_eq!(written, 0, "write");
    let end_ns = buffer.status().newest_utc_ns.unwrap();
    let read = allocator_calls(|| {
        for _ in 0..100 {
            buffer.read_into(Span::Last(ms(2000)), &ReadOptions::new(), &mut shorts).unwrap();
            buffer.read_into(Span::Time(end_ns - 1_000_000_000..end_ns), &ReadOptions::new(), &mut floats).unwrap();
            let late = ReadOptions::new().available();
            buffer.read_into(Span::Time(end_ns - 5_000_000..end_ns + 5_000_000), &late, &mut floats).unwrap();
            windows.next_into(&mut floats, ms(0)).ok();
            assert!(buffer.read_into(Span::Frames(0..10), &ReadOptions::new(), &mut shorts).is_err());
        }
    });
    assert_eq!(read, 0, "read_into and windows");
    let found = allocator_calls(|| {
        for _ in 0..1000 {
            assert!(registry.contains("x"));
            assert!(!registry.contains("y"));
            assert!(registry.with("x", |buffer| buffer.frames().end > 0).unwrap());
            drop(registry.get("x").unwrap());
        }
    });
    assert_eq!(found, 0, "lookups");
    registry.remove("x").unwrap();
    let refused = allocator_calls(|| {
        assert!(writer.write(&chunk).is_err());
        assert!(writer.write_bytes(&bytes).is_err());
    });
    assert_eq!(refused, 0, "writes to a removed buffer");
}
