//! The lease: two writers that want it, and a third that died with it.

use loom::thread;

use super::{Defect, Model, saw};
use crate::buffer::{claim, release};
use crate::memory::Region;
use crate::ring::{self, WriteCursor};
use crate::spec::{Length, SampleFormat, Spec};
use crate::sync::{Arc, Ordering};

/// The number of a dead process's liveness lock.
const DEAD: u64 = 7;

/// Writes a frame under the lease, if it is free. A second writer at the same time, or one that
/// does not see what the first one did, reuses the frame's number.
fn write_one(region: &Region, own: u64) -> bool {
    let lease = &region.header().readers.lease;
    if let Err(held) = claim(lease, own, |held| held != DEAD) {
        assert!(held == 1 || held == 2, "held by {held}");
        return false;
    }
    WriteCursor::of(region).push(region, &own.to_ne_bytes(), 1);
    release(lease, own);
    true
}

fn two_writers(begin: u64) {
    let spec = Spec::new(Length::Frames(4), 1000, 2, SampleFormat::F32).unwrap();
    let region = Region::anonymous(&spec, "lease", 1, 0).unwrap();
    region.header().readers.lease.store(begin, Ordering::Relaxed);
    let region = Arc::new(region);
    let writers = [1, 2].map(|own| {
        let region = Arc::clone(&region);
        thread::spawn(move || write_one(&region, own))
    });
    let wrote: u64 = writers.map(|writer| u64::from(writer.join().unwrap())).iter().sum();
    assert_eq!(ring::head(&region), wrote);
    assert_eq!(claim(&region.header().readers.lease, 3, |held| held != DEAD), Ok(()), "it was given back");
    saw(if wrote == 2 { "one after the other" } else { "one was refused" });
}

const PLANTED: &[super::Planted] = &[
    ("lease (take)", Defect::Relaxed),
    ("lease (take)", Defect::Split),
    ("lease (take)", Defect::Lost),
    ("lease (give back)", Defect::Relaxed),
    ("lease (give back)", Defect::Lost),
];

pub(super) const ALL: &[Model] = &[FREE_LEASE, LEASE_OF_A_DEAD_WRITER];

const FREE_LEASE: Model = Model {
    run: || two_writers(0),
    preemptions: 4,
    outcomes: &["one after the other", "one was refused"],
    planted: PLANTED,
};

#[test]
fn one_writer_at_a_time_sees_what_the_last_one_did() {
    FREE_LEASE.check();
}

const LEASE_OF_A_DEAD_WRITER: Model = Model {
    run: || two_writers(DEAD),
    preemptions: 4,
    outcomes: &["one after the other", "one was refused"],
    planted: PLANTED,
};

#[test]
fn dead_writer_is_succeeded_by_one_at_a_time() {
    LEASE_OF_A_DEAD_WRITER.check();
}
