//! A source's slot: published by one of two callers, filled or failed, and removed.

use std::panic::resume_unwind;

use loom::thread;

use super::{Defect, Model, saw};
use crate::registry::Registry;
use crate::source::Source;
use crate::spec::{Length, SampleFormat, Spec};
use crate::sync::PlainArc;
use crate::{AllocateOptions, CaptureBuffer, Error, ManualClock, Result};

pub(super) fn spec() -> Spec {
    Spec::new(Length::Frames(2), 1000, 2, SampleFormat::F32).unwrap()
}

pub(super) fn registry() -> Registry {
    let clock = PlainArc::new(ManualClock::new(0));
    Registry::builder().budget_bytes(1 << 20).commit_ahead(false).clock(clock).build()
}

/// Runs two threads on one registry.
fn both<A: 'static, B: 'static>(
    registry: &Registry,
    one: impl FnOnce(&Registry) -> A + 'static,
    other: impl FnOnce(&Registry) -> B + 'static,
) -> (A, B) {
    let (theirs, others) = (registry.clone(), registry.clone());
    let one = thread::spawn(move || one(&theirs));
    let other = thread::spawn(move || other(&others));
    (one.join().unwrap(), other.join().unwrap())
}

pub(super) const ALL: &[Model] = &[
    RACING_ALLOCATIONS,
    TWO_SOURCES_AT_ONCE,
    FAILED_FILL,
    PANICKED_FILL,
    REMOVED_WHILE_FILLED,
    REMOVED_WHILE_REQUESTED,
    FOUND_AGAIN,
    GONE_FOR_GOOD,
];

const RACING_ALLOCATIONS: Model = Model {
    run: || {
        let registry = registry();
        let ask = |registry: &Registry| registry.allocate("x", spec());
        match both(&registry, ask, ask) {
            (Ok(buffer), Err(Error::AlreadyExists { .. })) | (Err(Error::AlreadyExists { .. }), Ok(buffer)) => {
                assert!(buffer.same_as(&registry.get("x").unwrap()));
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(registry.stats().rings_allocated, 1);
    },
    preemptions: 2,
    outcomes: &[],
    planted: &[("map (publish)", Defect::Split), ("map (publish)", Defect::Lost), ("filled (fill)", Defect::Lost)],
};

#[test]
fn racing_allocations_make_one_ring() {
    RACING_ALLOCATIONS.check();
}

const TWO_SOURCES_AT_ONCE: Model = Model {
    run: || {
        let registry = registry();
        let (x, y) = both(
            &registry,
            |registry| registry.get_or_allocate("x", spec()).unwrap(),
            |registry| registry.get_or_allocate("y", spec()).unwrap(),
        );
        assert!(registry.get("x").unwrap().same_as(&x) && registry.get("y").unwrap().same_as(&y));
    },
    preemptions: 2,
    outcomes: &[],
    planted: &[("map (publish)", Defect::Split), ("map (publish)", Defect::Lost), ("filled (fill)", Defect::Lost)],
};

#[test]
fn racing_allocations_of_two_sources_keep_both() {
    TWO_SOURCES_AT_ONCE.check();
}

fn make(registry: &Registry, source: &Source) -> Result<CaptureBuffer> {
    registry.map_or_make(source, spec(), &AllocateOptions::new()).map(|(buffer, _)| buffer)
}

const FAILED_FILL: Model = Model {
    run: || {
        let registry = registry();
        let no_memory = || Error::OutOfMemory { requested_bytes: 1, reason: "planted".to_owned() };
        let (failed, made) = both(
            &registry,
            move |registry| registry.claim("x", 1, |_| Err(no_memory())),
            |registry| registry.claim("x", 1, |source| make(registry, source)),
        );
        match (failed, made) {
            (Ok(buffer), Ok(made)) => {
                assert!(buffer.same_as(&made));
                saw("found what the other made");
            }
            (Err(_), Ok(_)) => saw("made after the other failed"),
            (Err(failed), Err(received)) => {
                assert_eq!(failed, received);
                saw("received the failure");
            }
            other => panic!("{other:?}"),
        }
        registry.get_or_allocate("x", spec()).expect("can be asked for again");
        assert_eq!(registry.stats().rings_allocated, 1);
    },
    preemptions: 2,
    outcomes: &["found what the other made", "made after the other failed", "received the failure"],
    planted: &[("filled (fill)", Defect::Lost), ("map (publish)", Defect::Lost)],
};

#[test]
fn failed_fill_reaches_waiting_callers_and_leaves_no_slot() {
    FAILED_FILL.check();
}

const PANICKED_FILL: Model = Model {
    run: || {
        let registry = registry();
        let (panicked, made) = both(
            &registry,
            |registry| registry.claim("x", 1, |_| resume_unwind(Box::new("planted"))),
            |registry| registry.claim("x", 1, |source| make(registry, source)),
        );
        match (panicked, made) {
            (Ok(_), Ok(_)) => saw("found what the other made"),
            (Err(Error::AllocationPanicked { .. }), Ok(_)) => saw("made after the other panicked"),
            (Err(Error::AllocationPanicked { .. }), Err(Error::AllocationPanicked { .. })) => saw("received the panic"),
            other => panic!("{other:?}"),
        }
        registry.get_or_allocate("x", spec()).expect("can be asked for again");
        assert_eq!(registry.stats().rings_allocated, 1);
    },
    preemptions: 2,
    outcomes: &["found what the other made", "made after the other panicked", "received the panic"],
    planted: &[("filled (fill)", Defect::Lost), ("map (publish)", Defect::Lost)],
};

#[test]
fn panicked_fill_reaches_waiting_callers_and_leaves_no_slot() {
    PANICKED_FILL.check();
}

const REMOVED_WHILE_FILLED: Model = Model {
    run: || {
        let registry = registry();
        let (buffer, removed) = both(
            &registry,
            |registry| registry.get_or_allocate("x", spec()).unwrap(),
            |registry| {
                let removed = registry.remove("x").is_ok();
                assert!(!removed || !registry.contains("x"), "found after it was removed");
                removed
            },
        );
        assert_eq!((buffer.is_removed(), registry.contains("x")), (removed, !removed));
        saw(if removed { "removed" } else { "not there yet" });
        let _ = registry.remove("x");
        drop(buffer);
        assert_eq!(registry.stats().bytes, 0);
    },
    preemptions: 2,
    outcomes: &["removed", "not there yet"],
    planted: &[
        ("removed (publish)", Defect::Lost),
        ("removed (observe)", Defect::Blind),
        ("map (publish)", Defect::Lost),
    ],
};

#[test]
fn removal_during_a_fill_removes_the_buffer() {
    REMOVED_WHILE_FILLED.check();
}

const REMOVED_WHILE_REQUESTED: Model = Model {
    run: || {
        let registry = registry();
        let before = registry.get_or_allocate("x", spec()).unwrap();
        let (requested, ()) = both(
            &registry,
            |registry| registry.get_or_allocate("x", spec()).unwrap(),
            |registry| registry.remove("x").unwrap(),
        );
        assert!(before.is_removed());
        let again = registry.get_or_allocate("x", spec()).unwrap();
        assert!(!again.is_removed() && !again.same_as(&before));
        if requested.same_as(&before) {
            saw("requested before the removal");
        } else {
            assert!(requested.same_as(&again));
            saw("requested after the removal");
        }
    },
    preemptions: 2,
    outcomes: &["requested before the removal", "requested after the removal"],
    planted: &[("map (publish)", Defect::Lost), ("removed (publish)", Defect::Lost)],
};

#[test]
fn buffer_requested_after_a_removal_is_a_new_one() {
    REMOVED_WHILE_REQUESTED.check();
}

const FOUND_AGAIN: Model = Model {
    run: || {
        let registry = registry();
        let make = |registry: &Registry| {
            saw(if registry.contains("x") { "there before" } else { "not there before" });
            drop(registry.get_or_allocate("x", spec()).unwrap());
            assert!(registry.contains("x"));
        };
        both(&registry, make, make);
    },
    preemptions: 2,
    outcomes: &["there before", "not there before"],
    planted: &[("map (publish)", Defect::Split), ("filled (observe)", Defect::Blind)],
};

#[test]
fn source_that_was_found_is_found_again() {
    FOUND_AGAIN.check();
}

const GONE_FOR_GOOD: Model = Model {
    run: || {
        let registry = registry();
        drop(registry.get_or_allocate("x", spec()).unwrap());
        let remove = |registry: &Registry| {
            let is_removed = registry.remove("x").is_ok();
            saw(if is_removed { "removed" } else { "reported gone" });
            assert!(!registry.contains("x"));
            is_removed
        };
        let (one, other) = both(&registry, remove, remove);
        assert_ne!(one, other, "one of the two removed it");
    },
    preemptions: 2,
    outcomes: &["removed", "reported gone"],
    planted: &[("map (publish)", Defect::Lost), ("map (publish)", Defect::Split)],
};

#[test]
fn source_that_is_reported_gone_is_not_found_again() {
    GONE_FOR_GOOD.check();
}
