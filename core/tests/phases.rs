//! Storms in phases: many threads allocate, write, read, remove and let go at once; after each phase, while they all wait,
//! contents, reference counts and mapped bytes are what they must be. In one registry, and in a domain with several.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Barrier, Mutex};
use std::thread;

use capbuf::{CaptureBuffer, Error, Length, ReadOptions, Registry, SampleFormat, Span, Spec, Writer};
use common::{sample, signal};

const THREADS: usize = 8;
const SOURCES: usize = 12;
const LENGTH: u64 = 2000;

fn rounds() -> usize {
    if std::env::var_os("CAPBUF_LONG").is_some() { 2000 } else { 60 }
}

fn spec() -> Spec {
    Spec::new(Length::Frames(LENGTH), 48_000, 1, SampleFormat::S16).unwrap()
}

fn source(number: usize) -> String {
    format!("storm {number}")
}

/// What one thread holds.
#[derive(Default)]
struct Hands {
    buffers: Vec<Option<CaptureBuffer>>,
    writers: Vec<Writer>,
    /// Sources that this thread made, or removed, in the last phase.
    won: Vec<usize>,
}

/// Runs a phase on all threads at once, again and again, and a check after each while they all wait. After a failure in either
/// nothing more is done, and it is told when all have come to their end.
fn storm(phases: usize, work: impl Fn(usize, usize, &mut Hands) + Sync, mut check: impl FnMut(usize, &mut [Hands])) {
    let hands: Vec<_> = (0..THREADS).map(|_| Mutex::new(Hands::default())).collect();
    let (barrier, failures) = (Barrier::new(THREADS + 1), Mutex::new(Vec::new()));
    let unless_failed = |run: &mut dyn FnMut()| {
        if failures.lock().unwrap().is_empty()
            && let Err(failure) = catch_unwind(AssertUnwindSafe(run))
        {
            failures.lock().unwrap().push(failure);
        }
    };
    thread::scope(|scope| {
        for (number, hands) in hands.iter().enumerate() {
            let (barrier, work) = (&barrier, &work);
            let unless_failed = &unless_failed;
            scope.spawn(move || {
                for phase in 0..phases {
                    barrier.wait();
                    let mut own = std::mem::take(&mut *hands.lock().unwrap());
                    unless_failed(&mut || work(phase, number, &mut own));
                    *hands.lock().unwrap() = own;
                    barrier.wait();
                }
            });
        }
        for phase in 0..phases {
            barrier.wait();
            barrier.wait();
            let mut all: Vec<Hands> = hands.iter().map(|hands| std::mem::take(&mut *hands.lock().unwrap())).collect();
            unless_failed(&mut || check(phase, &mut all));
            hands.iter().zip(all).for_each(|(hands, now)| *hands.lock().unwrap() = now);
        }
    });
    if let Some(failure) = failures.into_inner().unwrap().pop() {
        resume_unwind(failure);
    }
}

const ALLOCATE: usize = 0;
const WRITE: usize = 1;
const REMOVE: usize = 2;
const LET_GO: usize = 3;
const ALLOCATE_AGAIN: usize = 4;
const PHASES: usize = 6;

/// Every second source is removed under its readers and writers.
fn is_removed(source: usize) -> bool {
    source.is_multiple_of(2)
}

fn check_content(buffer: &CaptureBuffer, source: usize) -> u64 {
    let std::ops::Range { start, end } = buffer.frames();
    if start == end {
        return 0;
    }
    let from = end.saturating_sub(100).max(start);
    let mut out = [0_i16; 100];
    match buffer.read_into(Span::Frames(from..end), &ReadOptions::new(), &mut out) {
        Ok(extracted) => {
            let read = &out[..extracted.frames as usize];
            for (frame, found) in (extracted.first_frame..).zip(read) {
                assert_eq!(*found, sample(frame + source as u64), "frame {frame} of source {source}");
            }
            extracted.frames
        }
        Err(Error::Evicted { .. }) => 0,
        Err(other) => panic!("{other}"),
    }
}

/// What the threads do in each phase, each through the registry that it was given.
fn work(phase: usize, thread: usize, registry: &Registry, hands: &mut Hands, reads: &AtomicU64) {
    let own_order = |step: usize| (step * 5 + thread * 7) % SOURCES;
    hands.won.clear();
    match phase {
        ALLOCATE | ALLOCATE_AGAIN => {
            hands.buffers.resize(SOURCES, None);
            for number in (0..SOURCES).map(own_order) {
                let buffer = match registry.allocate(&source(number), spec()) {
                    Ok(buffer) => {
                        hands.won.push(number);
                        buffer
                    }
                    Err(Error::AlreadyExists { .. }) => registry.get_or_allocate(&source(number), spec()).unwrap(),
                    Err(other) => panic!("{other}"),
                };
                let held = hands.buffers[number].get_or_insert_with(|| buffer.clone());
                assert!(held.same_as(&buffer), "the one buffer of its source");
                assert!(registry.with(&source(number), |found| found.same_as(held)).unwrap());
            }
        }
        WRITE => {
            for number in (0..SOURCES).map(own_order) {
                let buffer = hands.buffers[number].as_ref().unwrap();
                match buffer.writer() {
                    Ok(writer) => hands.writers.push(writer),
                    Err(Error::WriterBusy { .. }) => {}
                    Err(other) => panic!("{other}"),
                }
            }
            for _ in 0..40 {
                for writer in &mut hands.writers {
                    let number: u64 = writer.buffer().source().as_str()[6..].parse().unwrap();
                    let next = writer.next_frame() + number;
                    writer.write(&signal(next..next + 333)).unwrap();
                }
                for number in (0..SOURCES).map(own_order) {
                    let read = registry.with(&source(number), |buffer| check_content(buffer, number)).unwrap();
                    reads.fetch_add(read, Ordering::Relaxed);
                }
            }
        }
        REMOVE => {
            for number in (0..SOURCES).map(own_order) {
                if is_removed(number) {
                    match registry.remove(&source(number)) {
                        Ok(()) => hands.won.push(number),
                        Err(Error::NotFound { .. }) => {}
                        Err(other) => panic!("{other}"),
                    }
                    assert!(!registry.contains(&source(number)) && registry.get(&source(number)).is_none());
                }
                for writer in &mut hands.writers {
                    let number: u64 = writer.buffer().source().as_str()[6..].parse().unwrap();
                    let next = writer.next_frame() + number;
                    match writer.write(&signal(next..next + 10)) {
                        Ok(()) => {}
                        Err(Error::Removed { .. }) => assert!(is_removed(number as usize)),
                        Err(other) => panic!("{other}"),
                    }
                }
                check_content(hands.buffers[number].as_ref().unwrap(), number);
            }
        }
        LET_GO => {
            hands.writers.clear();
            for number in (0..SOURCES).filter(|number| is_removed(*number)) {
                assert!(hands.buffers[number].as_ref().unwrap().is_removed());
                hands.buffers[number] = None;
                assert!(registry.get(&source(number)).is_none());
            }
        }
        _ => {
            hands.buffers.clear();
            for number in (0..SOURCES).map(own_order) {
                match registry.remove(&source(number)) {
                    Ok(()) => hands.won.push(number),
                    Err(Error::NotFound { .. }) => {}
                    Err(other) => panic!("{other}"),
                }
            }
        }
    }
}

/// How many rings each registry has mapped, and all together have made.
struct Books {
    ring_bytes: u64,
}

impl Books {
    fn check(&self, registries: &[Registry], made: u64, mapped: u64) {
        let stats: Vec<_> = registries.iter().map(Registry::stats).collect();
        assert_eq!(stats.iter().map(|stats| stats.bytes).sum::<u64>(), made * self.ring_bytes, "bytes of the rings");
        for stats in stats {
            assert_eq!(stats.rings_mapped - stats.rings_unmapped, mapped, "rings mapped");
        }
    }
}

fn every_source_won_once(hands: &[Hands], sources: impl Fn(usize) -> bool) {
    let mut won: Vec<_> = hands.iter().flat_map(|hands| hands.won.iter().copied()).collect();
    won.sort_unstable();
    assert_eq!(won, (0..SOURCES).filter(|number| sources(*number)).collect::<Vec<_>>(), "by exactly one each");
}

/// The storm: thread `n` goes through registry `n` modulo their number.
fn through(registries: &[Registry], files: impl Fn() -> Option<usize>) {
    let of_thread = |thread: usize| &registries[thread % registries.len()];
    let one = Registry::builder().commit_ahead(false).build();
    let probe = one.allocate("probe", spec()).unwrap();
    let books = Books { ring_bytes: one.stats().bytes };
    drop((one, probe));
    let reads = AtomicU64::new(0);
    let (mut ids, mut checked) = (vec![0; SOURCES], 0);
    let work = |phase: usize, thread: usize, hands: &mut Hands| {
        work(phase % PHASES, thread, of_thread(thread), hands, &reads);
    };
    storm(rounds() * PHASES, work, |phase, hands| {
        checked += 1;
        let removed = (0..SOURCES).filter(|number| is_removed(*number)).count();
        let threads_each = THREADS / registries.len();
        // Handles of one registry on one buffer: those of its threads, and its own while the buffer is in it.
        let handles = |hands: &[Hands], own: usize, sources: &dyn Fn(usize) -> bool| {
            for number in (0..SOURCES).filter(|number| sources(*number)) {
                for hands in hands {
                    assert_eq!(
                        hands.buffers[number].as_ref().unwrap().handles(),
                        threads_each + own,
                        "source {number}"
                    );
                }
            }
        };
        match phase % PHASES {
            ALLOCATE => {
                every_source_won_once(hands, |_| true);
                for (number, id) in ids.iter_mut().enumerate() {
                    *id = hands[0].buffers[number].as_ref().unwrap().id();
                    assert!(hands.iter().all(|hands| hands.buffers[number].as_ref().unwrap().id() == *id));
                }
                handles(hands, 1, &|_| true);
                books.check(registries, SOURCES as u64, SOURCES as u64);
                assert!(files().is_none_or(|files| files == SOURCES));
            }
            WRITE => {
                assert_eq!(hands.iter().map(|hands| hands.writers.len()).sum::<usize>(), SOURCES, "a writer each");
                for (number, buffer) in hands[0].buffers.iter().enumerate() {
                    let buffer = buffer.as_ref().unwrap();
                    assert_eq!(buffer.frames(), 40 * 333 - LENGTH..40 * 333);
                    let all = buffer.read(Span::Frames(buffer.frames())).unwrap();
                    let first = all.first_frame() + number as u64;
                    assert_eq!(all.samples().get::<i16>().unwrap(), signal(first..first + LENGTH));
                }
                assert!(reads.swap(0, Ordering::Relaxed) > 0, "something was read meanwhile");
                books.check(registries, SOURCES as u64, SOURCES as u64);
            }
            REMOVE => {
                every_source_won_once(hands, is_removed);
                for registry in registries {
                    for number in 0..SOURCES {
                        assert_eq!(registry.contains(&source(number)), !is_removed(number));
                    }
                }
                books.check(registries, SOURCES as u64, SOURCES as u64);
                assert!(files().is_none_or(|files| files == SOURCES - removed));
            }
            LET_GO => {
                handles(hands, 1, &|number| !is_removed(number));
                let left = (SOURCES - removed) as u64;
                books.check(registries, left, left);
            }
            ALLOCATE_AGAIN => {
                every_source_won_once(hands, is_removed);
                for (number, id) in ids.iter().enumerate() {
                    let same = hands[0].buffers[number].as_ref().unwrap().id() == *id;
                    assert_eq!(same, !is_removed(number), "source {number}");
                }
                handles(hands, 1, &|_| true);
                books.check(registries, SOURCES as u64, SOURCES as u64);
            }
            _ => {
                every_source_won_once(hands, |_| true);
                // In a domain each registry lets go when it looks the next time.
                let found = |registry: &Registry| (0..SOURCES).any(|number| registry.contains(&source(number)));
                assert!(!registries.iter().any(found));
                books.check(registries, 0, 0);
                assert!(files().is_none_or(|files| files == 0));
            }
        }
    });
    assert_eq!(checked, rounds() * PHASES);
}

#[test]
fn a_storm_of_threads_in_one_registry_leaves_right_contents_counts_and_bytes_after_each_phase() {
    through(&[Registry::builder().commit_ahead(false).build()], || None);
}

#[test]
fn a_storm_of_threads_in_four_registries_of_a_domain_leaves_right_contents_counts_and_bytes_after_each_phase() {
    let shared_memory = std::path::Path::new("/dev/shm");
    let folder = if shared_memory.is_dir() { tempfile::tempdir_in(shared_memory) } else { tempfile::tempdir() };
    let folder = folder.unwrap();
    let open = || Registry::builder().commit_ahead(false).domains_folder(folder.path()).open("storm").unwrap();
    let registries = [(); 4].map(|()| open());
    let rings = || {
        let names = std::fs::read_dir(folder.path().join("storm")).unwrap().map(|entry| entry.unwrap().path());
        Some(names.filter(|path| path.extension().is_some_and(|end| end == "ring")).count())
    };
    through(&registries, rings);
}

#[test]
fn a_failing_phase_ends_the_storm_instead_of_hanging() {
    let fails = |phase: usize, thread: usize, _: &mut Hands| assert!((phase, thread) != (1, 3), "planted");
    assert!(catch_unwind(|| storm(3, fails, |_, _| {})).is_err());
    let check_fails = |phase: usize, _: &mut [Hands]| assert!(phase != 1, "planted");
    assert!(catch_unwind(|| storm(3, |_, _, _| {}, check_fails)).is_err());
}
