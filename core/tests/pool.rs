//! The memory of removed buffers is used again, and nothing of what was in it is ever seen.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::path::Path;
use std::time::Duration;

use capbuf::{CaptureBuffer, Error, ReadOptions, Registry, RegistryBuilder, Span, Spec, WindowOptions};
use common::{mono, wait_until};

const MARK: i16 = 0x5a5a;

fn private() -> RegistryBuilder {
    Registry::builder().pool_bytes(64 << 20).commit_ahead(false)
}

fn second() -> Spec {
    mono(1.0, 8000)
}

/// Fills the ring and its slack with the mark, several times over, with gaps whose times say something, too.
fn fill(buffer: &CaptureBuffer) {
    let mut writer = buffer.writer().unwrap();
    for round in 0..8_i64 {
        writer.write_at(&[MARK; 8000], round * 3_000_000_000).unwrap();
    }
}

/// Looks for the mark in every way there is to read. The buffer has had 100 frames of silence written to it.
fn assert_nothing_old(buffer: &CaptureBuffer) {
    assert_eq!((buffer.frames(), buffer.status().gaps), (0..100, 0));
    let is_old = |samples: &[i16]| samples.iter().any(|sample| *sample != 0);
    let spans = [
        Span::Frames(0..8000),
        Span::Frames(0..50_000),
        Span::Frames(40_000..48_000),
        Span::Time(0..24_000_000_000),
        Span::Last(Duration::from_secs(1)),
        Span::Last(Duration::from_millis(5)),
    ];
    for span in spans {
        for options in
            [ReadOptions::new(), ReadOptions::new().available(), ReadOptions::new().available().silence(false)]
        {
            if let Ok(segment) = buffer.read_with(span.clone(), &options) {
                assert!(!is_old(segment.samples().get::<i16>().unwrap()), "{span:?}");
                assert!(segment.frames() <= 100 || segment.silence_frames() + 100 >= segment.frames(), "{span:?}");
            }
            let mut out = vec![0_i16; 200_000];
            if buffer.read_into(span.clone(), &options, &mut out).is_ok() {
                assert!(!is_old(&out), "{span:?}");
            }
        }
    }
    let mut windows = buffer.windows(WindowOptions::new(50, 50)).unwrap();
    let mut out = [0_i16; 50];
    while windows.next_into(&mut out, Duration::ZERO).is_ok() {
        assert!(!is_old(&out));
    }
    assert_eq!(buffer.status().level.unwrap().peak, 0.0);
}

/// Looks for the mark in all memory of this process that is mapped from such a file, or, without one, from none.
fn marks_in_memory(file: Option<&Path>) -> usize {
    use std::os::unix::fs::FileExt as _;
    let memory = std::fs::File::open("/proc/self/mem").unwrap();
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let mut marks = 0;
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let path = line.split_ascii_whitespace().nth(5);
        let is_meant = match file {
            Some(file) => path.is_some_and(|path| Path::new(path).starts_with(file)),
            None => path.is_none(),
        };
        let (start, end) = line.split_ascii_whitespace().next().unwrap().split_once('-').unwrap();
        let [start, end] = [start, end].map(|number| u64::from_str_radix(number, 16).unwrap());
        let mut bytes = vec![0; (end - start) as usize];
        if is_meant && memory.read_exact_at(&mut bytes, start).is_ok() {
            // Whole pages of it: a stack or a heap may hold some.
            let is_page_of_marks = |page: &[u8]| page.iter().all(|byte| *byte == MARK as u8);
            marks += bytes.chunks_exact(4096).filter(|page| is_page_of_marks(page)).count();
            bytes.fill(0);
        }
    }
    marks
}

#[test]
fn a_reused_ring_shows_nothing_old_in_a_private_registry() {
    let registry = private().build();
    let buffer = registry.allocate("old", second()).unwrap();
    fill(&buffer);
    assert!(marks_in_memory(None) > 2, "the test would find it");
    registry.remove("old").unwrap();
    assert_eq!(registry.pool_stats().rings, 0, "it is held");
    assert_eq!(buffer.read(Span::Last(Duration::from_millis(10))).unwrap().samples().get::<i16>().unwrap()[0], MARK);
    drop(buffer);
    wait_until("the memory is overwritten", || registry.pool_stats().rings == 1 && marks_in_memory(None) == 0);
    let mapped = registry.stats().rings_allocated;
    wait_until("it is there to be taken", || {
        let buffer = registry.get_or_allocate("new", second()).unwrap();
        let is_reused = registry.pool_stats().hits == 1;
        if is_reused {
            assert_eq!(registry.stats().rings_allocated, mapped, "no ring is mapped anew");
            buffer.writer().unwrap().write(&[0_i16; 100]).unwrap();
            assert_nothing_old(&buffer);
            assert_eq!(marks_in_memory(None), 0);
        } else {
            registry.remove("new").unwrap();
        }
        is_reused
    });
    let metrics = registry.metrics_text();
    assert!(metrics.contains("capbuf_pool_hits_total 1.0"), "{metrics}");
    assert!(registry.metrics_text().contains("capbuf_allocation_attempts_total{result=\"reused\"} 1.0"));
}

#[test]
fn a_reused_file_shows_nothing_old_in_any_registry_of_a_domain() {
    let folder = tempfile::tempdir().unwrap();
    let open = || private().domains_folder(folder.path()).open("birds").unwrap();
    let (one, other) = (open(), open());
    let old = one.allocate("old", second()).unwrap();
    fill(&old);
    one.remove("old").unwrap();
    let stats = other.pool_stats();
    assert_eq!((stats.rings, stats.bytes > 16_000), (1, true));
    // It is still held: it is not used, and stays readable.
    let not_it = other.allocate("new", second()).unwrap();
    assert_eq!((other.pool_stats().hits, other.pool_stats().rings), (0, 1));
    assert_eq!(old.read(Span::Last(Duration::from_millis(10))).unwrap().samples().get::<i16>().unwrap()[0], MARK);
    other.remove("new").unwrap();
    drop((old, not_it));
    let new = other.allocate("new", second()).unwrap();
    assert_eq!((other.pool_stats().hits, other.pool_stats().rings), (1, 1));
    assert_eq!(new.status().evictions, 0);
    new.writer().unwrap().write(&[0_i16; 100]).unwrap();
    assert_nothing_old(&new);
    let same = one.get("new").unwrap();
    assert!(same.same_as(&new));
    assert_nothing_old(&same);
    assert_eq!(marks_in_memory(Some(folder.path())), 0);
    drop((new, same));
    for registry in [&one, &other] {
        registry.remove("new").ok();
    }
    other.trim_pool().unwrap();
    assert_eq!(one.pool_stats().rings, 0);
}

#[test]
fn what_a_forked_child_has_mapped_is_not_used_again() {
    let folder = tempfile::tempdir().unwrap();
    let registry = private().domains_folder(folder.path()).open("birds").unwrap();
    let old = registry.allocate("old", second()).unwrap();
    fill(&old);
    let ring = std::fs::read_dir(folder.path().join("birds")).unwrap().map(|entry| entry.unwrap().path());
    let ring = ring.into_iter().find(|path| path.extension().is_some_and(|end| end == "ring")).unwrap();
    // A program that has the file open and no mark in it: as a child that inherited its parent's mapping.
    let mut child = std::process::Command::new("sleep")
        .arg("1000")
        .stdin(std::fs::File::options().read(true).write(true).open(ring).unwrap())
        .spawn()
        .unwrap();
    registry.remove("old").unwrap();
    drop(old);
    let take = || {
        let buffer = registry.allocate("new", second()).unwrap();
        drop(buffer);
        registry.remove("new").unwrap();
        registry.pool_stats().hits
    };
    assert_eq!(take(), 0, "it is held");
    child.kill().unwrap();
    child.wait().unwrap();
    registry.trim_pool().unwrap();
    take();
    assert_eq!(take(), 1, "nobody has it");
}

#[test]
fn a_pool_is_bounded_in_bytes_and_age() {
    let (_, clock) = common::manual();
    let ring = { private().build().allocate("x", second()).unwrap().status().bytes };
    let registry = Registry::builder().pool_bytes(2 * ring).clock(clock.clone()).commit_ahead(false).build();
    let buffers: Vec<_> = (0..5).map(|number| registry.allocate(&number.to_string(), second()).unwrap()).collect();
    (0..5).for_each(|number| registry.remove(&number.to_string()).unwrap());
    drop(buffers);
    assert_eq!((registry.pool_stats().rings, registry.pool_stats().bytes), (2, 2 * ring));
    assert_eq!(registry.stats().bytes, 2 * ring);
    clock.advance(Duration::from_secs(700));
    wait_until("both are too old", || {
        let _ = registry.allocate("large", mono(2.0, 8000)).map(|_| registry.remove("large"));
        registry.pool_stats().trimmed >= 2
    });
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::builder().pool_bytes(2 * ring).domains_folder(folder.path()).open("birds").unwrap();
    for number in 0..5 {
        registry.allocate(&number.to_string(), second()).unwrap();
    }
    (0..5).for_each(|number| registry.remove(&number.to_string()).unwrap());
    let stats = registry.pool_stats();
    assert_eq!((stats.rings, stats.bytes, stats.kept, stats.trimmed), (2, 2 * ring, 5, 3));
    registry.trim_pool().unwrap();
    assert_eq!(registry.pool_stats().rings, 0);
}

#[test]
fn a_pool_gives_way_to_the_budget() {
    let ring = { private().build().allocate("x", second()).unwrap().status().bytes };
    let registry = private().budget_bytes(2 * ring).build();
    for number in 0..2 {
        registry.allocate(&number.to_string(), second()).unwrap();
    }
    (0..2).for_each(|number| registry.remove(&number.to_string()).unwrap());
    assert_eq!(registry.stats().bytes, 2 * ring, "what is kept counts");
    // Of another size: nothing fits, and both have to go.
    wait_until("the pool gives way", || match registry.allocate("other", mono(1.5, 8000)) {
        Ok(_) => true,
        Err(Error::OverBudget { .. }) => false,
        Err(error) => panic!("{error}"),
    });
    assert_eq!(registry.pool_stats().rings, 0);
}

#[test]
fn without_a_pool_nothing_is_kept() {
    let registry = Registry::private();
    registry.allocate("x", second()).unwrap();
    registry.remove("x").unwrap();
    wait_until("the memory goes back", || registry.stats().bytes == 0);
    assert_eq!(registry.pool_stats(), capbuf::PoolStats::default());
}

#[test]
fn removed_and_made_again_by_many_at_once_each_ring_is_one_sources() {
    let folder = tempfile::tempdir().unwrap();
    let open = || private().domains_folder(folder.path()).open("birds").unwrap();
    let registries = [private().build(), open(), open()];
    std::thread::scope(|scope| {
        for (number, registry) in registries.iter().enumerate() {
            for thread in 0..3_i16 {
                scope.spawn(move || {
                    let source = format!("source {number} {thread}");
                    let tag = number as i16 * 100 + thread + 1;
                    for _ in 0..100 {
                        let buffer = registry.allocate(&source, second()).unwrap();
                        assert!(buffer.frames().is_empty() && buffer.source().as_str() == source);
                        buffer.writer().unwrap().write(&[tag; 4000]).unwrap();
                        registry.remove(&source).unwrap();
                        let segment = buffer.read(Span::Frames(0..4000)).unwrap();
                        assert!(segment.samples().get::<i16>().unwrap().iter().all(|sample| *sample == tag));
                    }
                });
            }
        }
    });
    assert!(registries.iter().map(|registry| registry.pool_stats().hits).sum::<u64>() > 0);
}
