//! Two who want to write, and a third who died writing.

use loom::thread;

use super::{Defect, Model, saw};
use crate::buffer::{claim, release};
use crate::memory::Region;
use crate::ring::{self, WriteCursor};
use crate::spec::{Length, SampleFormat, Spec};
use crate::sync::{Arc, Ordering};

/// The number of a dead process's liveness lock.
const DEAD: u64 = 7;

/// Writes a frame if the lease is to be had. A second writer at the same time, or one that does not see what the first one did,
/// gives its frame the same number.
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
    ("buffer/lease.rs", "lease.compare_exchange(expected, own, Ordering::Acquire", Defect::Relaxed),
    ("buffer/lease.rs", "lease.compare_exchange(expected, own, Ordering::Acquire", Defect::Split),
    ("buffer/lease.rs", "lease.compare_exchange(expected, own, Ordering::Acquire", Defect::Lost),
    ("buffer/lease.rs", "lease.compare_exchange(own, 0, Ordering::Release", Defect::Relaxed),
    ("buffer/lease.rs", "lease.compare_exchange(own, 0, Ordering::Release", Defect::Lost),
];

pub(super) const ALL: &[Model] =
    &[ONE_WRITES_AT_A_TIME_AND_SEES_WHAT_THE_LAST_ONE_DID, A_DEAD_ONE_IS_SUCCEEDED_BY_ONE_AT_A_TIME];

const ONE_WRITES_AT_A_TIME_AND_SEES_WHAT_THE_LAST_ONE_DID: Model = Model {
    run: || two_writers(0),
    preemptions: 4,
    outcomes: &["one after the other", "one was refused"],
    planted: PLANTED,
};

#[test]
fn one_writes_at_a_time_and_sees_what_the_last_one_did() {
    ONE_WRITES_AT_A_TIME_AND_SEES_WHAT_THE_LAST_ONE_DID.check();
}

const A_DEAD_ONE_IS_SUCCEEDED_BY_ONE_AT_A_TIME: Model = Model {
    run: || two_writers(DEAD),
    preemptions: 4,
    outcomes: &["one after the other", "one was refused"],
    planted: PLANTED,
};

#[test]
fn a_dead_one_is_succeeded_by_one_at_a_time() {
    A_DEAD_ONE_IS_SUCCEEDED_BY_ONE_AT_A_TIME.check();
}
