//! The budget: two threads that reserve the same bytes, and a viewer while a ring is unmapped.

use loom::thread;

use super::{Defect, Model, saw};
use crate::memory::Budget;
use crate::sync::PlainArc;

pub(super) const ALL: &[Model] = &[RESERVED_ONCE, NEVER_MORE_UNMAPPED_THAN_MAPPED];

const RESERVED_ONCE: Model = Model {
    run: || {
        let budget = Budget::new(3);
        let reservers = [(); 2].map(|()| {
            let budget = PlainArc::clone(&budget);
            thread::spawn(move || budget.reserve(2).ok())
        });
        let charges = reservers.map(|reserver| reserver.join().unwrap());
        let reserved = charges.iter().flatten().count();
        assert_eq!((reserved, budget.stats().bytes), (1, 2));
        saw(if charges[0].is_some() { "the first" } else { "the second" });
        drop(charges);
        assert_eq!(budget.stats().bytes, 0);
    },
    preemptions: 2,
    outcomes: &["the first", "the second"],
    planted: &[("budget (reserve)", Defect::Split)],
};

#[test]
fn bytes_are_reserved_for_one_of_two() {
    RESERVED_ONCE.check();
}

const NEVER_MORE_UNMAPPED_THAN_MAPPED: Model = Model {
    run: || {
        let budget = Budget::new(2);
        let theirs = PlainArc::clone(&budget);
        let user = thread::spawn(move || {
            let mut charge = theirs.reserve(2).unwrap();
            charge.count_mapped();
            drop(charge);
        });
        let viewer = thread::spawn(move || {
            let stats = budget.stats();
            assert!(stats.rings_unmapped <= stats.rings_mapped, "{stats:?}");
            saw(if stats.rings_unmapped == 1 { "unmapped" } else { "not yet" });
        });
        user.join().unwrap();
        viewer.join().unwrap();
    },
    preemptions: 3,
    outcomes: &["unmapped", "not yet"],
    planted: &[("stats (unmap)", Defect::Relaxed), ("stats (unmapped)", Defect::Relaxed)],
};

#[test]
fn viewer_never_sees_more_rings_unmapped_than_mapped() {
    NEVER_MORE_UNMAPPED_THAN_MAPPED.check();
}
