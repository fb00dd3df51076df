//! Allocated once, found at once, gone with the last handle; and nothing left behind when it can't be had.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod common;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::Duration;

use capbuf::{CaptureBuffer, Clock, Error, Length, ReadOptions, Registry, SampleFormat, Span, Spec, SystemClock};
use common::{mono, ms, signal};

#[test]
fn sixty_four_threads_racing_for_each_of_two_hundred_sources_make_two_hundred_rings() {
    let registry = Registry::builder().commit_ahead(false).build();
    let spec = mono(60.0, 48_000);
    let start = Barrier::new(64);
    let handles: Vec<Vec<_>> = thread::scope(|scope| {
        let race = || {
            (0..200)
                .map(|number| {
                    start.wait();
                    registry.get_or_allocate(&format!("rtsp://camera/{number}"), spec).unwrap()
                })
                .collect()
        };
        let threads: Vec<_> = (0..64).map(|_| scope.spawn(race)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(registry.stats().rings_mapped, 200, "counted at the mapping");
    for thread in &handles {
        assert!(thread.iter().zip(&handles[0]).all(|(one, other)| one.same_as(other)));
    }
    assert_eq!(registry.buffers().len(), 200);
    let bytes = registry.stats().bytes as f64;
    assert!(bytes < 200.0 * 5_760_000.0 * 1.02, "{bytes} bytes for 200 rings");
    drop((handles, registry.buffers()));
    for number in 0..200 {
        registry.remove(&format!("rtsp://camera/{number}")).unwrap();
    }
    assert_eq!((registry.stats().rings_unmapped, registry.stats().bytes), (200, 0));
}

#[test]
fn threads_that_allocate_remove_and_find_one_source_always_get_a_whole_buffer() {
    let registry = Registry::builder().commit_ahead(false).build();
    let spec = mono(0.1, 8000);
    thread::scope(|scope| {
        for thread in 0..8 {
            let registry = &registry;
            scope.spawn(move || {
                for round in 0..500 {
                    match (thread + round) % 4 {
                        0 => match registry.remove("x") {
                            Ok(()) | Err(Error::NotFound { .. }) => {}
                            Err(other) => panic!("{other}"),
                        },
                        1 => assert!(registry.with("x", |buffer| *buffer.spec() == spec).unwrap_or(true)),
                        _ => assert_eq!(*registry.get_or_allocate("x", spec).unwrap().spec(), spec),
                    }
                }
            });
        }
    });
    let _ = registry.remove("x");
    let stats = registry.stats();
    assert_eq!((stats.bytes, stats.rings_mapped), (0, stats.rings_unmapped));
}

#[test]
fn the_same_source_with_another_spec_is_a_mismatch_that_names_both() {
    let registry = Registry::private();
    let buffer = registry.get_or_allocate("rtsp://me:secret@host/a", mono(60.0, 48_000)).unwrap();
    buffer.writer().unwrap().write(&signal(0..480)).unwrap();
    let others = [
        mono(30.0, 48_000),
        mono(60.0, 44_100),
        Spec::new(Length::Seconds(60.0), 48_000, 2, SampleFormat::S16).unwrap(),
        Spec::new(Length::Seconds(60.0), 48_000, 1, SampleFormat::F32).unwrap(),
    ];
    for other in others {
        let error = registry.get_or_allocate("rtsp://me:secret@host/a", other).unwrap_err();
        assert!(
            matches!(error, Error::SpecMismatch { existing, requested, .. } if existing == mono(60.0, 48_000) && requested == other)
        );
        let text = error.to_string();
        assert!(
            text.contains(&other.to_string()) && text.contains("60 s (2880000 frames) of 48000 Hz 1 x s16"),
            "{text}"
        );
        assert!(!text.contains("secret"), "{text}");
    }
    assert_eq!(registry.stats().rings_mapped, 1);
    assert_eq!(buffer.read(Span::Frames(0..480)).unwrap().frames(), 480);
}

#[test]
fn allocating_strictly_twice_is_an_error_and_looking_up_finds_the_first() {
    let registry = Registry::private();
    assert!(!registry.contains("tone:1") && registry.get("tone:1").is_none() && registry.buffers().is_empty());
    let first = registry.allocate("tone:1", mono(1.0, 8000)).unwrap();
    let error = registry.allocate("tone:1", mono(1.0, 8000)).unwrap_err();
    assert!(matches!(error, Error::AlreadyExists { existing, .. } if existing == *first.spec()));
    assert!(registry.contains("tone:1") && registry.get("tone:1").unwrap().same_as(&first));
    registry.remove("tone:1").unwrap();
    assert!(matches!(registry.remove("tone:1"), Err(Error::NotFound { .. })));
    let second = registry.allocate("tone:1", mono(1.0, 8000)).unwrap();
    assert!(!second.same_as(&first) && first.is_removed() && !second.is_removed());
}

#[test]
fn buffers_are_listed_by_the_order_of_their_names() {
    let registry = Registry::private();
    for name in ["b", "a", "c"] {
        registry.get_or_allocate(name, mono(0.1, 8000)).unwrap();
    }
    let names: Vec<_> = registry.buffers().iter().map(|buffer| buffer.source().to_string()).collect();
    assert_eq!(names, ["a", "b", "c"]);
}

#[test]
fn a_budget_that_is_used_up_fails_for_everyone_and_leaves_no_entry() {
    let registry = Registry::builder().budget_bytes(1_000_000).commit_ahead(false).build();
    registry.get_or_allocate("small", mono(1.0, 8000)).unwrap();
    let used = registry.stats().bytes;
    let start = Barrier::new(16);
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                start.wait();
                let error = registry.get_or_allocate("large", mono(60.0, 48_000)).unwrap_err();
                assert!(
                    matches!(error, Error::OverBudget { requested_bytes, used_bytes, limit_bytes: 1_000_000, .. }
                        if requested_bytes > 5_760_000 && used_bytes == used),
                    "{error}"
                );
            });
        }
    });
    assert!(!registry.contains("large") && registry.buffers().len() == 1);
    assert_eq!((registry.stats().rings_mapped, registry.stats().bytes), (1, used));
    registry.get_or_allocate("large", mono(10.0, 8000)).unwrap();
}

#[test]
fn one_buffer_may_not_be_larger_than_allowed_and_not_larger_than_memory() {
    let limited = Registry::builder().max_buffer_bytes(100_000).build();
    assert_eq!(limited.max_buffer_bytes(), 100_000);
    let made = Registry::private();
    made.get_or_allocate("x", mono(1.0, 1000)).unwrap();
    for (short_by, is_made) in [(0, true), (1, false)] {
        let limited = Registry::builder().max_buffer_bytes(made.stats().bytes - short_by).build();
        assert_eq!(limited.get_or_allocate("x", mono(1.0, 1000)).is_ok(), is_made, "{short_by} bytes short");
    }
    let error = limited.get_or_allocate("x", mono(60.0, 48_000)).unwrap_err();
    assert!(error.to_string().contains("one buffer allows 100000 bytes"), "{error}");
    let boundless = Registry::builder().max_buffer_bytes(u64::MAX).budget_bytes(u64::MAX).build();
    let huge = Spec::new(Length::Frames(1 << 40), 768_000, 64, SampleFormat::F32).unwrap();
    let error = boundless.get_or_allocate("x", huge).unwrap_err();
    assert!(matches!(error, Error::OutOfMemory { requested_bytes, .. } if requested_bytes > 1 << 48), "{error}");
    assert!(!boundless.contains("x"));
    assert_eq!((boundless.stats().rings_mapped, boundless.stats().bytes), (0, 0));
}

#[test]
fn sources_that_are_no_names_are_refused_before_anything_is_made() {
    let registry = Registry::private();
    for bad in ["", "line\nbreak", "nul\0", &"long".repeat(300)] {
        assert!(matches!(registry.get_or_allocate(bad, mono(1.0, 8000)), Err(Error::InvalidSource { .. })));
        assert!(!registry.contains(bad) && registry.get(bad).is_none());
        assert!(matches!(registry.remove(bad), Err(Error::NotFound { .. })));
    }
    assert_eq!(registry.stats().rings_mapped, 0);
}

#[test]
fn removing_under_a_reader_leaves_its_handle_valid_and_gives_memory_back_with_the_last() {
    let registry = Registry::builder().commit_ahead(false).build();
    let buffer = registry.get_or_allocate("x", mono(1.0, 8000)).unwrap();
    let mut writer = buffer.writer().unwrap();
    writer.write(&signal(0..8000)).unwrap();
    let mut windows = buffer.windows(capbuf::WindowOptions::new(4000, 4000)).unwrap();
    registry.remove("x").unwrap();
    assert!(matches!(writer.write(&[1_i16]), Err(Error::Removed { .. })));
    assert!(matches!(buffer.writer(), Err(Error::Removed { .. })));
    assert_eq!(common::shorts(&buffer.read(Span::Frames(0..8000)).unwrap()), signal(0..8000));
    let mut samples = vec![0_i16; 4000];
    assert_eq!(windows.next_into(&mut samples, ms(0)).unwrap().first_frame, 0);
    assert_eq!(windows.next_into(&mut samples, ms(0)).unwrap().first_frame, 4000);
    let waited = windows.next_into(&mut samples, ms(60_000));
    assert!(matches!(waited, Err(Error::Removed { .. })), "{waited:?}");
    assert_eq!(registry.stats().rings_unmapped, 0);
    drop((writer, windows));
    assert_eq!(registry.stats().rings_unmapped, 0, "the last handle still reads");
    drop(buffer);
    assert_eq!((registry.stats().rings_unmapped, registry.stats().bytes), (1, 0));
}

/// A clock on which, as soon as somebody sleeps, a source is removed.
#[derive(Debug, Default)]
struct RemovesWhileSlept {
    registry: Mutex<Option<Registry>>,
    sleeps: AtomicU32,
}

impl Clock for RemovesWhileSlept {
    fn utc_ns(&self) -> i64 {
        SystemClock.utc_ns()
    }

    fn monotonic_ns(&self) -> i64 {
        SystemClock.monotonic_ns()
    }

    fn sleep(&self, duration: Duration) {
        let sleeps = self.sleeps.fetch_add(1, Ordering::Relaxed);
        assert!(sleeps < 100, "it waits on for a buffer that was removed");
        if let Some(registry) = self.registry.lock().unwrap().take() {
            registry.remove("x").unwrap();
        }
        SystemClock.sleep(duration);
    }
}

#[test]
fn who_waits_for_frames_of_a_buffer_that_is_removed_meanwhile_is_told_so() {
    type Wait = fn(&CaptureBuffer) -> Result<(), Error>;
    let by_read: Wait = |buffer| {
        let options = ReadOptions::new().wait(Duration::from_secs(3600));
        buffer.read_with(Span::Frames(0..10), &options).map(drop)
    };
    let by_windows: Wait = |buffer| {
        let mut windows = buffer.windows(capbuf::WindowOptions::new(10, 10))?;
        windows.next_into(&mut [0_i16; 10], Duration::from_secs(3600)).map(drop)
    };
    for wait in [by_read, by_windows] {
        let clock = Arc::new(RemovesWhileSlept::default());
        let registry = Registry::builder().clock(clock.clone()).commit_ahead(false).build();
        let buffer = registry.get_or_allocate("x", mono(1.0, 8000)).unwrap();
        *clock.registry.lock().unwrap() = Some(registry);
        let told = wait(&buffer);
        assert!(matches!(told, Err(Error::Removed { .. })), "{told:?}");
    }
}

#[test]
fn there_is_one_writer_at_a_time() {
    let registry = Registry::private();
    let buffer = registry.get_or_allocate("rtsp://me:secret@host", mono(1.0, 8000)).unwrap();
    let first = buffer.writer().unwrap();
    let busy = buffer.writer().unwrap_err();
    assert!(matches!(busy, Error::WriterBusy { .. }) && !busy.to_string().contains("secret"), "{busy}");
    assert!(buffer.status().has_writer);
    drop(first);
    assert!(!buffer.status().has_writer);
    buffer.writer().unwrap();
}
