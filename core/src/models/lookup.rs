//! A buffer used in place, while it is allocated and while it is removed.

use loom::thread;

use super::claim::{registry, spec};
use super::{Defect, Model, saw};
use crate::Registry;

pub(super) const ALL: &[Model] =
    &[USED_WHILE_REMOVED, FOUND_WITH_ITS_BUFFER, NESTED_USE_WHILE_REMOVED, HANDLE_TAKEN_WHILE_REMOVED];

/// Uses the buffer of a source on one thread while another removes it. Then its memory went back
/// once.
fn while_removed(use_it: impl Fn(&Registry) -> bool + Send + 'static) {
    let registry = registry();
    drop(registry.get_or_allocate("x", spec()).unwrap());
    let (theirs, others) = (registry.clone(), registry.clone());
    let user = thread::spawn(move || saw(if use_it(&theirs) { "used" } else { "gone" }));
    let remover = thread::spawn(move || {
        others.remove("x").unwrap();
        assert!(!others.contains("x"));
        if others.stats().bytes > 0 {
            saw("left to the helper thread");
        }
    });
    user.join().unwrap();
    remover.join().unwrap();
    // Models have no helper thread.
    registry.free_retired();
    let stats = registry.stats();
    assert_eq!((stats.rings_unmapped, stats.bytes), (1, 0), "the memory went back once");
}

const USED_WHILE_REMOVED: Model = Model {
    run: || while_removed(|registry| registry.with("x", |buffer| assert_eq!(*buffer.spec(), spec())).is_some()),
    preemptions: 2,
    outcomes: &["used", "gone", "left to the helper thread"],
    planted: &[("map (publish)", Defect::Lost)],
};

#[test]
fn buffer_used_while_it_is_removed_is_freed_once_after_the_use() {
    USED_WHILE_REMOVED.check();
}

const FOUND_WITH_ITS_BUFFER: Model = Model {
    run: || {
        let registry = registry();
        let (theirs, others) = (registry.clone(), registry.clone());
        let maker = thread::spawn(move || drop(theirs.get_or_allocate("x", spec()).unwrap()));
        let user = thread::spawn(move || {
            let found = others.with("x", |buffer| assert_eq!(*buffer.spec(), spec()));
            saw(if found.is_some() { "found" } else { "not there yet" });
        });
        maker.join().unwrap();
        user.join().unwrap();
        assert!(registry.contains("x"), "it was allocated");
    },
    preemptions: 2,
    outcomes: &["found", "not there yet"],
    planted: &[("filled (observe)", Defect::Blind), ("filled (fill)", Defect::Lost), ("map (publish)", Defect::Lost)],
};

#[test]
fn slot_that_is_found_filled_has_its_buffer() {
    FOUND_WITH_ITS_BUFFER.check();
}

const NESTED_USE_WHILE_REMOVED: Model = Model {
    run: || {
        while_removed(|registry| {
            let within = registry.with("x", |outer| {
                if registry.with("x", |inner| assert!(inner.same_as(outer))).is_none() {
                    saw("removed in between");
                }
                assert_eq!(*outer.spec(), spec());
            });
            within.is_some()
        });
    },
    preemptions: 2,
    outcomes: &["used", "gone", "removed in between"],
    planted: &[("map (publish)", Defect::Lost)],
};

#[test]
fn buffer_may_be_removed_between_two_nested_uses() {
    NESTED_USE_WHILE_REMOVED.check();
}

const HANDLE_TAKEN_WHILE_REMOVED: Model = Model {
    run: || while_removed(|registry| registry.get("x").is_some_and(|buffer| *buffer.spec() == spec())),
    preemptions: 2,
    outcomes: &["used", "gone"],
    planted: &[("map (publish)", Defect::Lost)],
};

#[test]
fn handle_is_taken_before_the_removal_or_not_at_all() {
    HANDLE_TAKEN_WHILE_REMOVED.check();
}
