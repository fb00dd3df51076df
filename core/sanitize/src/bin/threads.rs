//! Writers, readers, lookups and allocations on many threads, for ThreadSanitizer.
//!
//! The standard library is not instrumented, so the ordering of its reference counts and locks is
//! invisible. Everything that threads share therefore lives until the process ends, and only
//! spawning and joining orders the rest. Fences are not modelled either: they order the copy of
//! frames, which consists of relaxed atomics (`capbuf_portable_copy`) and so is no race.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use capbuf::{CaptureBuffer, Error, GapReason, Length, ReadOptions, Registry, SampleFormat, Span, Spec, WindowOptions};

/// Each kind of work is done at least this often.
const MIN_COUNT: u64 = 300;

static DONE: AtomicBool = AtomicBool::new(false);
static READS: AtomicU64 = AtomicU64::new(0);
static WINDOWS: AtomicU64 = AtomicU64::new(0);
static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

/// Ends all threads when the thread that holds it panics.
struct DoneOnPanic;

impl Drop for DoneOnPanic {
    fn drop(&mut self) {
        if thread::panicking() {
            DONE.store(true, Ordering::Relaxed);
        }
    }
}

fn is_done() -> bool {
    DONE.load(Ordering::Relaxed)
}

fn sample(frame: u64) -> i16 {
    frame.wrapping_mul(40_503) as u16 as i16
}

fn read(buffer: &CaptureBuffer, by_frames: bool) {
    let _done = DoneOnPanic;
    let mut out = [0_i16; 2000];
    let mut windows = buffer.windows(WindowOptions::new(100, 70)).expect("windows that fit");
    while !is_done() {
        let frames = buffer.frames();
        let span = if by_frames {
            Span::Frames(frames.start..frames.end.max(frames.start + 1))
        } else {
            Span::Last(Duration::from_millis(20))
        };
        match buffer.read_into(span, &ReadOptions::new().available(), &mut out) {
            Ok(read) => {
                let frames = read.first_frame..read.first_frame + read.captured_frames;
                assert!(read.silence_frames > 0 || frames.zip(&out).all(|(frame, found)| *found == sample(frame)));
                READS.fetch_add(1, Ordering::Relaxed);
            }
            Err(Error::Evicted { .. } | Error::NotYet { .. }) => {}
            Err(other) => panic!("{other}"),
        }
        if windows.next_into(&mut out[..100], Duration::ZERO).is_ok() {
            WINDOWS.fetch_add(1, Ordering::Relaxed);
        }
        buffer.status();
    }
}

fn allocate(registry: &Registry, spec: Spec) {
    let _done = DoneOnPanic;
    for turn in 0_u64..2000 {
        let buffer = registry.get_or_allocate(&format!("source {turn}"), spec).expect("memory");
        buffer.writer().expect("no other writer").write(&[1_i16; 100]).expect("an existing buffer");
        std::mem::forget(buffer);
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        if is_done() {
            return;
        }
    }
}

/// Looks up the newest sources, and one that is not allocated yet.
fn look_up(registry: &Registry) {
    let _done = DoneOnPanic;
    while !is_done() {
        let newest = ALLOCATIONS.load(Ordering::Relaxed);
        for number in newest.saturating_sub(3)..newest + 1 {
            registry.with(&format!("source {number}"), |buffer| buffer.frames());
        }
        assert!(registry.contains("first"));
    }
}

/// Writes until each kind of work was done often enough.
fn write(buffer: &CaptureBuffer) {
    let mut writer = buffer.writer().expect("no other writer");
    let mut chunk = [0_i16; 480];
    for turn in 0_usize.. {
        let len = [480, 1, 333, 97][turn % 4];
        for (frame, found) in (writer.next_frame()..).zip(&mut chunk[..len]) {
            *found = sample(frame);
        }
        if turn % 50 == 49 {
            writer.gap_for(GapReason::PacketLoss, Duration::from_millis(1));
        }
        writer.write(&chunk[..len]).expect("an existing buffer");
        let counts = [&READS, &WINDOWS, &ALLOCATIONS];
        let is_enough = turn > 20_000 && counts.iter().all(|count| count.load(Ordering::Relaxed) > MIN_COUNT);
        if is_enough || is_done() {
            return;
        }
    }
}

fn main() {
    let registry: &'static Registry = Box::leak(Box::new(Registry::builder().commit_ahead(false).build()));
    let spec = Spec::new(Length::Frames(2000), 48_000, 1, SampleFormat::S16).expect("a valid spec");
    let first: &'static CaptureBuffer = Box::leak(Box::new(registry.allocate("first", spec).expect("memory")));
    let threads = [
        thread::spawn(|| read(first, true)),
        thread::spawn(|| read(first, false)),
        thread::spawn(move || allocate(registry, spec)),
        thread::spawn(|| look_up(registry)),
        thread::spawn(|| look_up(registry)),
    ];
    write(first);
    DONE.store(true, Ordering::Relaxed);
    threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
    let [reads, windows, allocations] = [&READS, &WINDOWS, &ALLOCATIONS].map(|count| count.load(Ordering::Relaxed));
    println!("{reads} reads, {windows} windows, {allocations} allocations beside the writer");
}
