//! A writer at full speed and readers that it laps: every frame returned is the one requested, or
//! the read is refused.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod support;

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use capbuf::{CaptureBuffer, Error, GapReason, ReadOptions, Registry, Span, WindowOptions};
use support::{START_NS, StopOnDrop, mono, ms, sample, signal};

fn check(samples: &[i16], first: u64) {
    for (number, found) in (first..).zip(samples) {
        assert_eq!(*found, sample(number), "frame {number}, {} after the first of the read", number - first);
    }
}

#[derive(Default)]
struct Counts {
    good: AtomicU64,
    refused: AtomicU64,
    windows: AtomicU64,
}

impl Counts {
    /// Each outcome was met often enough to mean something.
    fn are_enough(&self) -> bool {
        self.good.load(Ordering::Relaxed) >= 100_000
            && self.refused.load(Ordering::Relaxed) >= 5000
            && self.windows.load(Ordering::Relaxed) >= 5000
    }
}

/// Reads in the way of reader `reader`, until `done`.
fn read_until(done: &AtomicBool, reader: u64, buffer: &CaptureBuffer, counts: &Counts) {
    let mut out = vec![0_i16; 4800];
    let mut windows = buffer.windows(WindowOptions::new(1000, 700)).unwrap();
    let mut random = reader;
    while !done.load(Ordering::Relaxed) {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let Range { start: oldest, end: newest } = buffer.frames();
        let len = newest - oldest;
        let outcome = match reader % 4 {
            // The oldest frames, which the writer overwrites next.
            0 => buffer.read_into(Span::Frames(oldest..oldest + (len / 2).max(1)), &ReadOptions::new(), &mut out),
            1 => buffer.read_into(Span::Last(ms(100)), &ReadOptions::new().available(), &mut out),
            2 => {
                let from = oldest + (random >> 33) % len.max(1);
                buffer.read_into(Span::Frames(from..newest.max(from + 1)), &ReadOptions::new(), &mut out)
            }
            _ => match windows.next_into(&mut out[..1000], ms(0)) {
                Ok(window) => {
                    check(&out[..1000], window.first_frame);
                    counts.windows.fetch_add(1, Ordering::Relaxed);
                    continue;
                }
                // No new window yet: the writer needs the processor.
                Err(Error::TimedOut { .. }) => {
                    thread::yield_now();
                    continue;
                }
                Err(Error::Evicted { .. }) => continue,
                Err(other) => panic!("{other}"),
            },
        };
        match outcome {
            Ok(extracted) => {
                assert_eq!(extracted.silence_frames, 0);
                check(&out[..extracted.frames as usize], extracted.first_frame);
                counts.good.fetch_add(1, Ordering::Relaxed);
            }
            Err(Error::Evicted { .. } | Error::NotYet { .. }) => {
                counts.refused.fetch_add(1, Ordering::Relaxed);
            }
            Err(other) => panic!("{other}"),
        }
    }
}

#[test]
fn eight_lapped_readers_see_only_requested_frames() {
    let registry = Registry::private();
    let buffer = registry.get_or_allocate("storm", mono(0.1, 48_000)).unwrap();
    let (done, counts) = (AtomicBool::new(false), Counts::default());
    thread::scope(|scope| {
        for reader in 0..8_u64 {
            let (buffer, done, counts) = (&buffer, &done, &counts);
            scope.spawn(move || {
                let _stop = StopOnDrop(done);
                read_until(done, reader, buffer, counts);
            });
        }
        let mut writer = buffer.writer().unwrap();
        let chunks = [480, 1, 64, 255, 960, 33, 4800, 5100, 7];
        let mut turn = 0;
        // At least a minute of signal.
        let _stop = StopOnDrop(&done);
        while !done.load(Ordering::Relaxed) && (writer.next_frame() < 60 * 48_000 || !counts.are_enough()) {
            let next = writer.next_frame();
            let chunk = chunks[turn % chunks.len()];
            if turn % 1000 == 999 {
                writer.gap(GapReason::Requested);
            }
            turn += 1;
            writer.write_at(&signal(next..next + chunk), START_NS + (next as f64 / 48e-6) as i64).unwrap();
            if turn % 64 == 0 {
                thread::yield_now();
            }
        }
    });
    let Counts { good, refused, windows } = counts;
    println!("{} good reads, {} refused, {} windows", good.into_inner(), refused.into_inner(), windows.into_inner());
}

#[test]
fn gaps_at_full_speed_never_show_an_empty_or_reversed_range() {
    let registry = Registry::private();
    let buffer = registry.get_or_allocate("storm", mono(1.0, 8000)).unwrap();
    let mut writer = buffer.writer().unwrap();
    writer.write_at(&[0_i16], START_NS).unwrap();
    let (done, looks) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                let _stop = StopOnDrop(&done);
                while !done.load(Ordering::Relaxed) {
                    let frames = buffer.frames();
                    assert!(0 < frames.end && frames.start <= frames.end, "{frames:?}");
                    let newest = Span::Frames(frames.end - 1..frames.end);
                    match buffer.read_with(newest, &ReadOptions::new().available()) {
                        Ok(segment) => assert!(segment.frames() <= 1),
                        // The writer lapped every attempt.
                        Err(error) => assert!(matches!(error, Error::Evicted { .. }), "{error}"),
                    }
                    looks.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let _stop = StopOnDrop(&done);
        let mut number = 1_i64;
        while !done.load(Ordering::Relaxed) && (looks.load(Ordering::Relaxed) < 500_000 || number < 1_000_000) {
            writer.gap(GapReason::PacketLoss);
            writer.write_at(&[number as i16], START_NS + number * 125_000).unwrap();
            number += 1;
        }
    });
}

#[test]
fn read_racing_with_a_gap_has_its_full_length() {
    let registry = Registry::private();
    let buffer = registry.get_or_allocate("storm", mono(10.0, 48_000)).unwrap();
    let mut writer = buffer.writer().unwrap();
    writer.write_at(&vec![0_i16; 480_000], START_NS).unwrap();
    let (done, reads) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let _stop = StopOnDrop(&done);
                let mut out = vec![0_i16; 9600];
                while !done.load(Ordering::Relaxed) {
                    match buffer.read_into(Span::Last(ms(200)), &ReadOptions::new(), &mut out) {
                        Ok(extracted) => assert_eq!(extracted.frames, 9600),
                        Err(error) => assert!(matches!(error, Error::Evicted { .. }), "{error}"),
                    }
                    reads.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let _stop = StopOnDrop(&done);
        let (chunk, mut utc_ns) = (vec![0_i16; 48_000], START_NS + 10_000_000_000);
        while !done.load(Ordering::Relaxed) && reads.load(Ordering::Relaxed) < 20_000 {
            writer.gap_for(GapReason::PacketLoss, ms(100));
            writer.write_at(&chunk, utc_ns + 100_000_000).unwrap();
            utc_ns += 1_100_000_000;
            thread::yield_now();
        }
    });
}
