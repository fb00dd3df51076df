//! Writers, readers, lookups, allocating and removing from many threads, for ThreadSanitizer.
//!
//! The standard library is not instrumented, so what its reference counts and locks order is not seen: everything that threads
//! share here lives for ever (nothing is removed, nothing is dropped before they end), and only spawning and joining orders the rest. Fences are not modelled either; they order the copy of
//! frames, which is relaxed atomics throughout (`capbuf_portable_copy`), so it can't be taken for a race.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use capbuf::{Error, GapReason, Length, ReadOptions, Registry, SampleFormat, Spec, Span, WindowOptions};

fn sample(frame: u64) -> i16 {
    frame.wrapping_mul(40_503) as u16 as i16
}

fn main() {
    let registry: &'static Registry = Box::leak(Box::new(Registry::builder().commit_ahead(false).build()));
    let spec = Spec::new(Length::Frames(2000), 48_000, 1, SampleFormat::S16).expect("a shape");
    let first = Box::leak(Box::new(registry.allocate("first", spec).expect("room")));
    let first: &'static capbuf::CaptureBuffer = first;
    let done: &'static AtomicBool = Box::leak(Box::default());
    let counts: &'static [AtomicU64; 3] = Box::leak(Box::default());
    let mut threads = Vec::new();
    for number in 0..2 {
        threads.push(thread::spawn(move || {
            let mut out = [0_i16; 2000];
            let mut windows = first.windows(WindowOptions::new(100, 70)).expect("they fit");
            while !done.load(Ordering::Relaxed) {
                let frames = first.frames();
                let span = if number == 0 {
                    Span::Frames(frames.start..frames.end.max(frames.start + 1))
                } else {
                    Span::Last(Duration::from_millis(20))
                };
                match first.read_into(span, &ReadOptions::new().available(), &mut out) {
                    Ok(read) => {
                        let frames = read.first_frame..read.first_frame + read.captured_frames;
                        assert!(read.silence_frames > 0 || frames.zip(&out).all(|(frame, found)| *found == sample(frame)));
                        counts[0].fetch_add(1, Ordering::Relaxed);
                    }
                    Err(Error::Evicted { .. } | Error::NotYet { .. }) => {}
                    Err(other) => panic!("{other}"),
                }
                if windows.next_into(&mut out[..100], Duration::ZERO).is_ok() {
                    counts[1].fetch_add(1, Ordering::Relaxed);
                }
                first.status();
            }
        }));
    }
    // One thread allocates, the others look its sources up. What it makes stays: see above.
    threads.push(thread::spawn(move || {
        for turn in 0_u64..2000 {
            let buffer = registry.get_or_allocate(&format!("source {turn}"), spec).expect("room");
            buffer.writer().expect("the only one").write(&[1_i16; 100]).expect("it is there");
            std::mem::forget(buffer);
            counts[2].fetch_add(1, Ordering::Relaxed);
            if done.load(Ordering::Relaxed) {
                return;
            }
        }
    }));
    for _ in 0..2 {
        threads.push(thread::spawn(move || {
            while !done.load(Ordering::Relaxed) {
                let newest = counts[2].load(Ordering::Relaxed);
                for number in newest.saturating_sub(3)..newest + 1 {
                    registry.with(&format!("source {number}"), |buffer| buffer.frames());
                }
                assert!(registry.contains("first"));
            }
        }));
    }
    let mut writer = first.writer().expect("the only one");
    let mut chunk = [0_i16; 480];
    for turn in 0_usize.. {
        let len = [480, 1, 333, 97][turn % 4];
        for (frame, sample_of_it) in (writer.next_frame()..).zip(&mut chunk[..len]) {
            *sample_of_it = sample(frame);
        }
        if turn % 50 == 49 {
            writer.gap_for(GapReason::PacketLoss, Duration::from_millis(1));
        }
        writer.write(&chunk[..len]).expect("it is there");
        if turn > 20_000 && counts.iter().all(|count| count.load(Ordering::Relaxed) > 300) {
            break;
        }
    }
    done.store(true, Ordering::Relaxed);
    threads.into_iter().for_each(|thread| thread.join().expect("no failure"));
    let [reads, windows, lookups] = counts.each_ref().map(|count| count.load(Ordering::Relaxed));
    println!("{reads} reads, {windows} windows, {lookups} buffers allocated beside the writer");
}
