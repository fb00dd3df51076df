//! Checks after each phase.

use std::sync::atomic::{AtomicU64, Ordering};

use capbuf::{CaptureBuffer, Registry, Span};

use crate::support::{shorts, signal, wait_until};
use crate::{CHUNK, Handles, LENGTH, Phase, SOURCES, THREADS, WRITES, is_removed, source, spec};

pub struct Checks<'a, F> {
    registries: &'a [Registry],
    ring_files: F,
    ring_bytes: u64,
    /// Identity of each source's buffer, as allocated in the first phase of the round.
    ids: [u64; SOURCES],
}

impl<'a, F: Fn() -> Option<usize>> Checks<'a, F> {
    pub fn new(registries: &'a [Registry], ring_files: F) -> Self {
        let registry = Registry::builder().commit_ahead(false).build();
        let _probe = registry.allocate("probe", spec()).unwrap();
        Self { registries, ring_files, ring_bytes: registry.stats().bytes, ids: [0; SOURCES] }
    }

    pub fn check(&mut self, phase: Phase, handles: &[Handles], reads: &AtomicU64) {
        let remaining = (0..SOURCES).filter(|number| !is_removed(*number)).count();
        match phase {
            Phase::Allocate => {
                each_won_once(handles, |_| true);
                for (number, id) in self.ids.iter_mut().enumerate() {
                    *id = held(&handles[0], number).id();
                    assert!(handles.iter().all(|handles| held(handles, number).id() == *id), "source {number}");
                }
                self.check_counts(handles, |_| true);
                self.check_rings(SOURCES);
                self.check_files(SOURCES);
            }
            Phase::Write => {
                let writers: usize = handles.iter().map(|handles| handles.writers.len()).sum();
                assert_eq!(writers, SOURCES, "one writer per source");
                for number in 0..SOURCES {
                    let buffer = held(&handles[0], number);
                    assert_eq!(buffer.frames(), WRITES * CHUNK - LENGTH..WRITES * CHUNK);
                    let all = buffer.read(Span::Frames(buffer.frames())).unwrap();
                    let first = all.first_frame() + number as u64;
                    assert_eq!(shorts(&all), signal(first..first + LENGTH));
                }
                assert!(reads.swap(0, Ordering::Relaxed) > 0, "no read met a written frame");
                self.check_rings(SOURCES);
            }
            Phase::Remove => {
                each_won_once(handles, is_removed);
                for registry in self.registries {
                    for number in 0..SOURCES {
                        assert_eq!(registry.contains(&source(number)), !is_removed(number));
                    }
                }
                self.check_rings(SOURCES);
                self.check_files(remaining);
            }
            Phase::DropHandles => {
                self.check_counts(handles, |number| !is_removed(number));
                self.check_rings(remaining);
            }
            Phase::AllocateAgain => {
                each_won_once(handles, is_removed);
                for (number, id) in self.ids.iter().enumerate() {
                    let is_same = held(&handles[0], number).id() == *id;
                    assert_eq!(is_same, !is_removed(number), "source {number}");
                }
                self.check_counts(handles, |_| true);
                self.check_rings(SOURCES);
            }
            Phase::RemoveAll => {
                each_won_once(handles, |_| true);
                // In a domain a lookup drops the registry's own handle of a removed buffer.
                let finds_any = |registry: &Registry| (0..SOURCES).any(|number| registry.contains(&source(number)));
                assert!(!self.registries.iter().any(finds_any));
                self.check_rings(0);
                self.check_files(0);
            }
        }
    }

    /// Reference counts: a handle for each thread of a registry, and one of the registry itself.
    fn check_counts(&self, handles: &[Handles], sources: impl Fn(usize) -> bool) {
        let expected = THREADS / self.registries.len() + 1;
        for number in (0..SOURCES).filter(|number| sources(*number)) {
            for handles in handles {
                assert_eq!(held(handles, number).handles(), expected, "source {number}");
            }
        }
    }

    /// Each registry maps `rings`; all registries together own the bytes of as many. A helper
    /// thread frees the rings that a lookup still used when they were removed.
    fn check_rings(&self, rings: usize) {
        let mapped = |registry: &Registry| registry.stats().rings_mapped - registry.stats().rings_unmapped;
        wait_until("removed rings to be freed", || {
            self.registries.iter().all(|registry| mapped(registry) == rings as u64)
        });
        let stats: Vec<_> = self.registries.iter().map(Registry::stats).collect();
        assert_eq!(stats.iter().map(|stats| stats.bytes).sum::<u64>(), rings as u64 * self.ring_bytes);
        for stats in stats {
            assert_eq!(stats.rings_mapped - stats.rings_unmapped, rings as u64);
        }
    }

    fn check_files(&self, files: usize) {
        assert!((self.ring_files)().is_none_or(|found| found == files));
    }
}

fn held(handles: &Handles, number: usize) -> &CaptureBuffer {
    handles.buffers[number].as_ref().unwrap()
}

/// Exactly one thread allocated, or removed, each of the sources.
fn each_won_once(handles: &[Handles], sources: impl Fn(usize) -> bool) {
    let mut won: Vec<_> = handles.iter().flat_map(|handles| handles.won.iter().copied()).collect();
    won.sort_unstable();
    assert_eq!(won, (0..SOURCES).filter(|number| sources(*number)).collect::<Vec<_>>());
}
