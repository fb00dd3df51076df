//! A writer at full speed and readers that are lapped all the time: every frame is the one asked for, or refused.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod common;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use capbuf::{Error, GapReason, ReadOptions, Registry, Span, WindowOptions};
use common::{START_NS, mono, ms, sample, signal};

fn check(samples: &[i16], first: u64) {
    for (number, found) in (first..).zip(samples) {
        assert_eq!(*found, sample(number), "frame {number}, {} after the first of the read", number - first);
    }
}

/// Ends the storm when a thread of it fails, which would otherwise be waited for for ever.
struct EndsWhenDropped<'a>(&'a AtomicBool);

impl Drop for EndsWhenDropped<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_minute_of_signal_through_a_tenth_of_a_second_with_eight_readers() {
    let registry = Registry::private();
    let buffer = registry.get_or_allocate("storm", mono(0.1, 48_000)).unwrap();
    let (done, good, refused, windows_seen) =
        (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    thread::scope(|scope| {
        for reader in 0..8_u64 {
            let (buffer, done, good, refused, windows_seen) = (&buffer, &done, &good, &refused, &windows_seen);
            scope.spawn(move || {
                let _ends = EndsWhenDropped(done);
                let mut out = vec![0_i16; 4800];
                let mut windows = buffer.windows(WindowOptions::new(1000, 700)).unwrap();
                let mut round = reader;
                while !done.load(Ordering::Relaxed) {
                    round = round.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    let std::ops::Range { start: oldest, end: newest } = buffer.frames();
                    let span = newest - oldest;
                    let outcome = match reader % 4 {
                        // The oldest frames, where the writer is.
                        0 => buffer.read_into(
                            Span::Frames(oldest..oldest + (span / 2).max(1)),
                            &ReadOptions::new(),
                            &mut out,
                        ),
                        1 => buffer.read_into(Span::Last(ms(100)), &ReadOptions::new().available(), &mut out),
                        2 => {
                            let from = oldest + (round >> 33) % span.max(1);
                            buffer.read_into(Span::Frames(from..newest.max(from + 1)), &ReadOptions::new(), &mut out)
                        }
                        _ => match windows.next_into(&mut out[..1000], ms(0)) {
                            Ok(window) => {
                                check(&out[..1000], window.first_frame);
                                windows_seen.fetch_add(1, Ordering::Relaxed);
                                continue;
                            }
                            Err(Error::TimedOut { .. } | Error::Evicted { .. }) => continue,
                            Err(other) => panic!("{other}"),
                        },
                    };
                    match outcome {
                        Ok(extracted) => {
                            assert_eq!(extracted.silence_frames, 0);
                            check(&out[..extracted.frames as usize], extracted.first_frame);
                            good.fetch_add(1, Ordering::Relaxed);
                        }
                        Err(Error::Evicted { .. } | Error::NotYet { .. }) => {
                            refused.fetch_add(1, Ordering::Relaxed);
                        }
                        Err(other) => panic!("{other}"),
                    }
                }
            });
        }
        let mut writer = buffer.writer().unwrap();
        let chunks = [480, 1, 64, 255, 960, 33, 4800, 5100, 7];
        let mut turn = 0;
        // A minute of signal at least, and until both outcomes were met often enough to mean something.
        let _ends = EndsWhenDropped(&done);
        while !done.load(Ordering::Relaxed)
            && (writer.next_frame() < 60 * 48_000
                || good.load(Ordering::Relaxed) < 100_000
                || refused.load(Ordering::Relaxed) < 5000
                || windows_seen.load(Ordering::Relaxed) < 5000)
        {
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
    println!(
        "{} good reads, {} refused, {} windows",
        good.load(Ordering::Relaxed),
        refused.load(Ordering::Relaxed),
        windows_seen.load(Ordering::Relaxed)
    );
}

#[test]
fn gaps_at_full_speed_never_show_an_empty_or_a_reversed_buffer() {
    let registry = Registry::private();
    let buffer = registry.get_or_allocate("storm", mono(1.0, 8000)).unwrap();
    let mut writer = buffer.writer().unwrap();
    writer.write_at(&[0_i16], START_NS).unwrap();
    let (done, looks) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                let _ends = EndsWhenDropped(&done);
                while !done.load(Ordering::Relaxed) {
                    let frames = buffer.frames();
                    assert!(0 < frames.end && frames.start <= frames.end, "{frames:?}");
                    let newest = Span::Frames(frames.end - 1..frames.end);
                    match buffer.read_with(newest, &ReadOptions::new().available()) {
                        Ok(segment) => assert!(segment.frames() <= 1),
                        // Lapped at every try, which is no error of the reader.
                        Err(error) => assert!(matches!(error, Error::Evicted { .. }), "{error}"),
                    }
                    looks.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let _ends = EndsWhenDropped(&done);
        let mut number = 1_i64;
        while !done.load(Ordering::Relaxed) && (looks.load(Ordering::Relaxed) < 500_000 || number < 1_000_000) {
            writer.gap(GapReason::PacketLoss);
            writer.write_at(&[number as i16], START_NS + number * 125_000).unwrap();
            number += 1;
        }
    });
}

#[test]
fn what_is_read_while_a_gap_is_being_recorded_has_its_full_length() {
    let registry = Registry::private();
    let buffer = registry.get_or_allocate("storm", mono(10.0, 48_000)).unwrap();
    let mut writer = buffer.writer().unwrap();
    writer.write_at(&vec![0_i16; 480_000], START_NS).unwrap();
    let (done, reads) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let _ends = EndsWhenDropped(&done);
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
        let _ends = EndsWhenDropped(&done);
        let (chunk, mut utc_ns) = (vec![0_i16; 48_000], START_NS + 10_000_000_000);
        while !done.load(Ordering::Relaxed) && reads.load(Ordering::Relaxed) < 20_000 {
            writer.gap_for(GapReason::PacketLoss, ms(100));
            writer.write_at(&chunk, utc_ns + 100_000_000).unwrap();
            utc_ns += 1_100_000_000;
            thread::yield_now();
        }
    });
}
