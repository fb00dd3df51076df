//! Threads allocate, write, read, remove and drop handles in phases. After each phase, while all
//! threads wait, contents, reference counts and mapped bytes are checked: in one registry, and in
//! four registries of a domain.
#![allow(unreachable_pub, clippy::unwrap_used, clippy::panic)]

mod checks;
mod storm;
#[path = "../support/mod.rs"]
mod support;
mod work;

use std::path::Path;
use std::sync::atomic::AtomicU64;

use capbuf::{CaptureBuffer, Length, Registry, SampleFormat, Spec, Writer};

use checks::Checks;
use storm::{THREADS, storm};

const SOURCES: usize = 12;
/// Frames of each buffer.
const LENGTH: u64 = 2000;
/// Writes of each source in a round, and the frames of each write.
const WRITES: u64 = 40;
const CHUNK: u64 = 333;

#[derive(Clone, Copy)]
enum Phase {
    Allocate,
    Write,
    Remove,
    DropHandles,
    AllocateAgain,
    RemoveAll,
}

const PHASES: [Phase; 6] =
    [Phase::Allocate, Phase::Write, Phase::Remove, Phase::DropHandles, Phase::AllocateAgain, Phase::RemoveAll];

/// Handles of one thread.
#[derive(Default)]
struct Handles {
    buffers: Vec<Option<CaptureBuffer>>,
    writers: Vec<Writer>,
    /// Sources that this thread allocated, or removed, in the last phase.
    won: Vec<usize>,
}

fn rounds() -> usize {
    if std::env::var_os("CAPBUF_LONG").is_some() { 2000 } else { 60 }
}

fn spec() -> Spec {
    Spec::new(Length::Frames(LENGTH), 48_000, 1, SampleFormat::S16).unwrap()
}

fn source(number: usize) -> String {
    format!("storm {number}")
}

/// Every second source is removed while it has readers and a writer.
fn is_removed(source: usize) -> bool {
    source.is_multiple_of(2)
}

/// Runs the storm. Thread `n` uses registry `n % registries.len()`; `ring_files` counts a domain's
/// files.
fn run(registries: &[Registry], ring_files: impl Fn() -> Option<usize>) {
    let reads = AtomicU64::new(0);
    let mut checks = Checks::new(registries, ring_files);
    let work = |phase: usize, thread: usize, handles: &mut Handles| {
        work::run(PHASES[phase % PHASES.len()], thread, &registries[thread % registries.len()], handles, &reads);
    };
    let mut checked = 0;
    storm(rounds() * PHASES.len(), work, |phase, handles| {
        checks.check(PHASES[phase % PHASES.len()], handles, &reads);
        checked += 1;
    });
    assert_eq!(checked, rounds() * PHASES.len());
}

#[test]
fn storm_in_one_registry_keeps_contents_counts_and_bytes() {
    run(&[Registry::builder().commit_ahead(false).build()], || None);
}

#[test]
fn storm_in_four_registries_of_a_domain_keeps_contents_counts_and_bytes() {
    let shared_memory = Path::new("/dev/shm");
    let folder = if shared_memory.is_dir() { tempfile::tempdir_in(shared_memory) } else { tempfile::tempdir() };
    let folder = folder.unwrap();
    let open = || Registry::builder().commit_ahead(false).domains_folder(folder.path()).open("storm").unwrap();
    let registries = [(); 4].map(|()| open());
    assert!(THREADS.is_multiple_of(registries.len()));
    let ring_files = || {
        let names = std::fs::read_dir(folder.path().join("storm")).unwrap().map(|entry| entry.unwrap().path());
        Some(names.filter(|path| path.extension().is_some_and(|end| end == "ring")).count())
    };
    run(&registries, ring_files);
}
