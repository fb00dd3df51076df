//! The claim of a source's slot: asked for by two at once, filled, not filled, and taken out.

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

/// Runs two at the same time on one registry.
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

const SWAP: &str = "self.map.compare_and_swap(old, Arc::new(new))";

pub(super) const ALL: &[Model] = &[
    ONE_RING_IS_MADE_FOR_TWO_WHO_ASK_AT_ONCE,
    SOURCES_ASKED_FOR_AT_ONCE_ALL_STAY,
    A_FILL_THAT_FAILS_IS_TOLD_TO_WHO_WAITS_AND_LEAVES_NOTHING,
    A_FILL_THAT_PANICS_IS_TOLD_TO_WHO_WAITS_AND_LEAVES_NOTHING,
    REMOVING_WHILE_FILLING_TAKES_OUT_WHAT_WAS_FILLED,
    REMOVED_AND_ASKED_FOR_AT_ONCE_THERE_IS_ONE_THAT_IS_NOT_REMOVED,
    WHO_HAS_FOUND_A_SOURCE_FINDS_IT_AGAIN,
    WHO_IS_TOLD_THAT_A_SOURCE_IS_GONE_FINDS_IT_NO_MORE,
];

const ONE_RING_IS_MADE_FOR_TWO_WHO_ASK_AT_ONCE: Model = Model {
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
    planted: &[
        ("registry/lookup/published.rs", SWAP, Defect::Split),
        ("registry/lookup/published.rs", SWAP, Defect::Lost),
        ("registry/lookup/slot.rs", "self.state.store(FILLED", Defect::Lost),
        ("registry/claim.rs", "slot.filled.set(outcome)", Defect::Lost),
    ],
};

#[test]
fn one_ring_is_made_for_two_who_ask_at_once() {
    ONE_RING_IS_MADE_FOR_TWO_WHO_ASK_AT_ONCE.check();
}

const SOURCES_ASKED_FOR_AT_ONCE_ALL_STAY: Model = Model {
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
    planted: &[("registry/lookup/published.rs", SWAP, Defect::Split)],
};

#[test]
fn sources_asked_for_at_once_all_stay() {
    SOURCES_ASKED_FOR_AT_ONCE_ALL_STAY.check();
}

fn make(registry: &Registry, source: &Source) -> Result<CaptureBuffer> {
    registry.map_or_make(source, spec(), &AllocateOptions::new()).map(|(buffer, _)| buffer)
}

const A_FILL_THAT_FAILS_IS_TOLD_TO_WHO_WAITS_AND_LEAVES_NOTHING: Model = Model {
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
            (Err(failed), Err(told)) => {
                assert_eq!(failed, told);
                saw("told of the failure");
            }
            other => panic!("{other:?}"),
        }
        registry.get_or_allocate("x", spec()).expect("can be asked for again");
        assert_eq!(registry.stats().rings_allocated, 1);
    },
    preemptions: 2,
    outcomes: &["found what the other made", "made after the other failed", "told of the failure"],
    planted: &[
        ("registry/claim.rs", "slot.filled.set(outcome)", Defect::Lost),
        ("registry/lookup/published.rs", SWAP, Defect::Lost),
    ],
};

#[test]
fn a_fill_that_fails_is_told_to_who_waits_and_leaves_nothing() {
    A_FILL_THAT_FAILS_IS_TOLD_TO_WHO_WAITS_AND_LEAVES_NOTHING.check();
}

const A_FILL_THAT_PANICS_IS_TOLD_TO_WHO_WAITS_AND_LEAVES_NOTHING: Model = Model {
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
            (Err(Error::AllocationPanicked { .. }), Err(Error::AllocationPanicked { .. })) => saw("told of the panic"),
            other => panic!("{other:?}"),
        }
        registry.get_or_allocate("x", spec()).expect("can be asked for again");
        assert_eq!(registry.stats().rings_allocated, 1);
    },
    preemptions: 2,
    outcomes: &["found what the other made", "made after the other panicked", "told of the panic"],
    planted: &[("registry/claim.rs", "slot.filled.set(outcome)", Defect::Lost)],
};

#[test]
fn a_fill_that_panics_is_told_to_who_waits_and_leaves_nothing() {
    A_FILL_THAT_PANICS_IS_TOLD_TO_WHO_WAITS_AND_LEAVES_NOTHING.check();
}

const REMOVING_WHILE_FILLING_TAKES_OUT_WHAT_WAS_FILLED: Model = Model {
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
        ("domain/removal.rs", "flag(region).store(1", Defect::Lost),
        ("domain/removal.rs", "flag(region).load(Ordering::Acquire)", Defect::Blind),
        ("registry/lookup/published.rs", SWAP, Defect::Lost),
    ],
};

#[test]
fn removing_while_filling_takes_out_what_was_filled() {
    REMOVING_WHILE_FILLING_TAKES_OUT_WHAT_WAS_FILLED.check();
}

const REMOVED_AND_ASKED_FOR_AT_ONCE_THERE_IS_ONE_THAT_IS_NOT_REMOVED: Model = Model {
    run: || {
        let registry = registry();
        let before = registry.get_or_allocate("x", spec()).unwrap();
        let (asked, ()) = both(
            &registry,
            |registry| registry.get_or_allocate("x", spec()).unwrap(),
            |registry| registry.remove("x").unwrap(),
        );
        assert!(before.is_removed());
        let again = registry.get_or_allocate("x", spec()).unwrap();
        assert!(!again.is_removed() && !again.same_as(&before));
        if asked.same_as(&before) {
            saw("asked before it was removed");
        } else {
            assert!(asked.same_as(&again));
            saw("asked after it was removed");
        }
    },
    preemptions: 2,
    outcomes: &["asked before it was removed", "asked after it was removed"],
    planted: &[
        ("registry/lookup/slot.rs", "slot.state.compare_exchange(FILLED, TAKEN", Defect::Lost),
        ("registry/lookup/published.rs", SWAP, Defect::Lost),
    ],
};

#[test]
fn removed_and_asked_for_at_once_there_is_one_that_is_not_removed() {
    REMOVED_AND_ASKED_FOR_AT_ONCE_THERE_IS_ONE_THAT_IS_NOT_REMOVED.check();
}

const WHO_HAS_FOUND_A_SOURCE_FINDS_IT_AGAIN: Model = Model {
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
    planted: &[
        ("registry/lookup/published.rs", "self.version.load(Ordering::Acquire)", Defect::Blind),
        ("registry/lookup/published.rs", "self.version.fetch_max(old.version() + 1, Ordering::Release)", Defect::Lost),
    ],
};

#[test]
fn who_has_found_a_source_finds_it_again() {
    WHO_HAS_FOUND_A_SOURCE_FINDS_IT_AGAIN.check();
}

const WHO_IS_TOLD_THAT_A_SOURCE_IS_GONE_FINDS_IT_NO_MORE: Model = Model {
    run: || {
        let registry = registry();
        drop(registry.get_or_allocate("x", spec()).unwrap());
        let remove = |registry: &Registry| {
            saw(if registry.remove("x").is_ok() { "removed" } else { "told that it is gone" });
            assert!(!registry.contains("x"));
        };
        both(&registry, remove, remove);
    },
    preemptions: 2,
    outcomes: &["removed", "told that it is gone"],
    planted: &[(
        "registry/lookup/published.rs",
        "self.version.fetch_max(table.version(), Ordering::Release)",
        Defect::Lost,
    )],
};

#[test]
fn who_is_told_that_a_source_is_gone_finds_it_no_more() {
    WHO_IS_TOLD_THAT_A_SOURCE_IS_GONE_FINDS_IT_NO_MORE.check();
}
