//! A buffer used where it lies in its slot, while it is put there and while it is taken out.

use loom::thread;

use super::claim::{registry, spec};
use super::{Defect, Model, saw};
use crate::Registry;

pub(super) const ALL: &[Model] = &[
    WHAT_IS_TAKEN_STAYS_FOR_WHO_USES_IT_AND_GOES_WITH_HIM,
    WHO_FINDS_A_SLOT_FILLED_SEES_WITH_WHAT,
    A_USE_WITHIN_A_USE_COUNTS_A_HANDLE,
    A_HANDLE_IS_COUNTED_BEFORE_OR_NOT_AT_ALL,
    WHO_COMES_LATE_LEAVES_NOTHING_LINGERING,
];

/// Runs two at the same time on a registry that has a buffer, of which the second takes it out; then nothing of it is left.
fn while_removed(use_it: impl Fn(&Registry) -> bool + Send + 'static) {
    let registry = registry();
    drop(registry.get_or_allocate("x", spec()).unwrap());
    let (theirs, others) = (registry.clone(), registry.clone());
    let user = thread::spawn(move || saw(if use_it(&theirs) { "used" } else { "gone" }));
    let remover = thread::spawn(move || {
        others.remove("x").unwrap();
        if others.stats().bytes > 0 {
            saw("left to who uses it");
        }
    });
    user.join().unwrap();
    remover.join().unwrap();
    let stats = registry.stats();
    assert_eq!((stats.rings_unmapped, stats.bytes), (1, 0), "the memory went back once");
}

const ANNOUNCED: &str = "own.used[word].store(slot.address()";
const ENDED: &str = "own.used[word].store(0, Ordering::Release)";
const SEEN: &str = "used.load(Ordering::Acquire) == slot.address()";

const WHAT_IS_TAKEN_STAYS_FOR_WHO_USES_IT_AND_GOES_WITH_HIM: Model = Model {
    run: || while_removed(|registry| registry.with("x", |buffer| assert_eq!(*buffer.spec(), spec())).is_some()),
    preemptions: 2,
    outcomes: &["used", "gone", "left to who uses it"],
    planted: &[
        ("registry/lookup/slot.rs", ANNOUNCED, Defect::Lost),
        ("registry/lookup/slot.rs", "self.fence.light()", Defect::Lost),
        ("registry/lookup/slot.rs", "self.fence.heavy()", Defect::Lost),
        ("registry/lookup/slot.rs", "slot.state.compare_exchange(FILLED, TAKEN", Defect::Lost),
        ("registry/lookup/slot.rs", ENDED, Defect::Relaxed),
        ("registry/lookup/slot.rs", ENDED, Defect::Lost),
        ("registry/lookup/slot.rs", SEEN, Defect::Relaxed),
        ("registry/lookup/slot.rs", SEEN, Defect::Blind),
        ("registry/lookup/slot.rs", "user.asked.swap(1", Defect::Lost),
        ("registry/lookup/slot.rs", "own.asked.load(", Defect::Blind),
    ],
};

#[test]
fn what_is_taken_stays_for_who_uses_it_and_goes_with_him() {
    WHAT_IS_TAKEN_STAYS_FOR_WHO_USES_IT_AND_GOES_WITH_HIM.check();
}

const WHO_FINDS_A_SLOT_FILLED_SEES_WITH_WHAT: Model = Model {
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
    },
    preemptions: 2,
    outcomes: &["found", "not there yet"],
    planted: &[
        ("registry/lookup/slot.rs", "self.state.store(FILLED, Ordering::Release)", Defect::Relaxed),
        ("registry/lookup/slot.rs", "slot.state.load(Ordering::Acquire) == FILLED", Defect::Relaxed),
    ],
};

#[test]
fn who_finds_a_slot_filled_sees_with_what() {
    WHO_FINDS_A_SLOT_FILLED_SEES_WITH_WHAT.check();
}

const A_USE_WITHIN_A_USE_COUNTS_A_HANDLE: Model = Model {
    run: || {
        while_removed(|registry| {
            let within = registry.with("x", |outer| {
                if registry.with("x", |inner| assert!(inner.same_as(outer))).is_none() {
                    saw("taken in between");
                }
                assert_eq!(*outer.spec(), spec());
            });
            within.is_some()
        });
    },
    preemptions: 2,
    outcomes: &["used", "gone", "taken in between"],
    planted: &[("registry/lookup/slot.rs", "own.used[IN_PLACE].load(", Defect::Blind)],
};

#[test]
fn a_use_within_a_use_counts_a_handle() {
    A_USE_WITHIN_A_USE_COUNTS_A_HANDLE.check();
}

const A_HANDLE_IS_COUNTED_BEFORE_OR_NOT_AT_ALL: Model = Model {
    run: || while_removed(|registry| registry.get("x").is_some_and(|buffer| *buffer.spec() == spec())),
    preemptions: 2,
    outcomes: &["used", "gone"],
    planted: &[
        ("registry/lookup/slot.rs", ANNOUNCED, Defect::Lost),
        ("registry/lookup/slot.rs", ENDED, Defect::Relaxed),
    ],
};

#[test]
fn a_handle_is_counted_before_or_not_at_all() {
    A_HANDLE_IS_COUNTED_BEFORE_OR_NOT_AT_ALL.check();
}

const WHO_COMES_LATE_LEAVES_NOTHING_LINGERING: Model = Model {
    run: || {
        let registry = registry();
        drop(registry.get_or_allocate("x", spec()).unwrap());
        let users: Vec<_> = (0..2)
            .map(|_| {
                let theirs = registry.clone();
                thread::spawn(move || saw(if theirs.with("x", |_| ()).is_some() { "used" } else { "gone" }))
            })
            .collect();
        registry.remove("x").unwrap();
        users.into_iter().for_each(|user| user.join().unwrap());
        assert_eq!(registry.stats().bytes, 0);
    },
    preemptions: 3,
    outcomes: &["used", "gone"],
    planted: &[
        ("registry/lookup/slot.rs", "user.asked.swap(1", Defect::Lost),
        ("registry/lookup/slot.rs", "fence(Ordering::Acquire)", Defect::Relaxed),
    ],
};

#[test]
fn who_comes_late_leaves_nothing_lingering() {
    WHO_COMES_LATE_LEAVES_NOTHING_LINGERING.check();
}
