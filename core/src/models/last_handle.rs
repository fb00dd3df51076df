//! The last handle that ends, while somebody reads.

use loom::thread;

use super::claim::{registry, spec};
use super::{Defect, Model, saw};
use crate::{ReadOptions, Registry, Span};

fn recorded() -> Registry {
    let registry = registry();
    let buffer = registry.get_or_allocate("x", spec()).unwrap();
    buffer.writer().unwrap().write_at(&[1.0_f32, 2.0, 3.0, 4.0], 0).unwrap();
    registry
}

fn read(buffer: &crate::CaptureBuffer) {
    let mut samples = [0.0_f32; 4];
    buffer.read_into(Span::Frames(0..2), &ReadOptions::new(), &mut samples).unwrap();
    assert_eq!(samples, [1.0, 2.0, 3.0, 4.0]);
}

const PLANTED: &[super::Planted] =
    &[("sync/modelled.rs", "self.ended.fetch_add(1, Ordering::Release)", Defect::Relaxed)];

pub(super) const ALL: &[Model] =
    &[A_SOURCE_REMOVED_WHILE_IT_IS_READ_IN_PLACE_STAYS_UNTIL_THE_READ_ENDS, A_HANDLE_OUTLIVES_ITS_REGISTRY];

const A_SOURCE_REMOVED_WHILE_IT_IS_READ_IN_PLACE_STAYS_UNTIL_THE_READ_ENDS: Model = Model {
    run: || {
        let registry = recorded();
        let (theirs, others) = (registry.clone(), registry.clone());
        let reader = thread::spawn(move || {
            saw(if theirs.with("x", read).is_some() { "read" } else { "gone" });
        });
        let remover = thread::spawn(move || others.remove("x").unwrap());
        reader.join().unwrap();
        remover.join().unwrap();
        let stats = registry.stats();
        assert_eq!((stats.rings_unmapped, stats.bytes), (1, 0), "the memory went back once");
    },
    preemptions: 2,
    outcomes: &["read", "gone"],
    planted: PLANTED,
};

#[test]
fn a_source_removed_while_it_is_read_in_place_stays_until_the_read_ends() {
    A_SOURCE_REMOVED_WHILE_IT_IS_READ_IN_PLACE_STAYS_UNTIL_THE_READ_ENDS.check();
}

const A_HANDLE_OUTLIVES_ITS_REGISTRY: Model = Model {
    run: || {
        let registry = recorded();
        let buffer = registry.get("x").unwrap();
        let reader = thread::spawn(move || {
            read(&buffer);
            saw(if buffer.handles() == 1 { "the last handle" } else { "a handle" });
        });
        let owner = thread::spawn(move || drop(registry));
        reader.join().unwrap();
        owner.join().unwrap();
    },
    preemptions: 3,
    outcomes: &["the last handle", "a handle"],
    planted: PLANTED,
};

#[test]
fn a_handle_outlives_its_registry() {
    A_HANDLE_OUTLIVES_ITS_REGISTRY.check();
}
