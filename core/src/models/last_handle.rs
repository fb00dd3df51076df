//! The last handle, dropped while another thread reads.

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

const PLANTED: &[super::Planted] = &[("arc (drop)", Defect::Relaxed)];

pub(super) const ALL: &[Model] = &[READ_IN_PLACE_WHILE_REMOVED, HANDLE_OUTLIVES_REGISTRY];

const READ_IN_PLACE_WHILE_REMOVED: Model = Model {
    run: || {
        let registry = recorded();
        let (theirs, others) = (registry.clone(), registry.clone());
        let reader = thread::spawn(move || {
            saw(if theirs.with("x", read).is_some() { "read" } else { "gone" });
        });
        let remover = thread::spawn(move || others.remove("x").unwrap());
        reader.join().unwrap();
        remover.join().unwrap();
        registry.free_retired();
        let stats = registry.stats();
        assert_eq!((stats.rings_unmapped, stats.bytes), (1, 0), "the memory went back once");
    },
    preemptions: 2,
    outcomes: &["read", "gone"],
    planted: PLANTED,
};

#[test]
fn buffer_read_in_place_stays_until_the_read_ends() {
    READ_IN_PLACE_WHILE_REMOVED.check();
}

const HANDLE_OUTLIVES_REGISTRY: Model = Model {
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
fn handle_outlives_its_registry() {
    HANDLE_OUTLIVES_REGISTRY.check();
}
