//! The removal of a ring that its last holder left, while another process opens it.

use loom::sync::{Mutex, MutexGuard};
use loom::thread;

use super::claim::spec;
use super::{Defect, Model, saw};
use crate::buffer::{claim, release};
use crate::domain::{holders, removal};
use crate::memory::Region;
use crate::sync::{Arc, Ordering};

const OPENER: u64 = 5;

struct Ring {
    region: Region,
    lock: Mutex<()>,
}

impl Ring {
    fn any_marked(&self) -> bool {
        let header = self.region.header();
        let is_marked = header.holders.iter().any(|slot| slot.liveness.load(Ordering::Relaxed) != 0);
        is_marked || header.readers.lease.load(Ordering::Relaxed) != 0
    }

    fn lock(&self) -> MutexGuard<'_, ()> {
        self.lock.lock().unwrap()
    }

    fn remove_if_abandoned(&self) {
        let _lock = self.lock();
        if !removal::is_removed(&self.region) && removal::is_abandoned(&self.region, || self.any_marked()) {
            removal::mark_removed(&self.region);
        }
    }

    fn open(&self) -> Option<usize> {
        let place = holders::mark(&self.region, OPENER).unwrap();
        if removal::stays_open(&self.region, || Ok(self.lock())).unwrap() {
            saw("opened");
            return Some(place);
        }
        saw("too late");
        self.leave(place);
        None
    }

    /// A process without a mark takes the writer.
    fn write(&self) -> bool {
        let lease = &self.region.header().readers.lease;
        assert_eq!(claim(lease, OPENER, |_| true), Ok(()));
        let stays = removal::stays_leased(&self.region, || Ok(self.lock())).unwrap();
        if stays {
            saw("opened");
        } else {
            saw("too late");
            release(lease, OPENER);
        }
        stays
    }

    fn leave(&self, place: usize) {
        holders::leave(&self.region, Some(place), OPENER);
        if !removal::is_removed(&self.region) && !self.any_marked() {
            self.remove_if_abandoned();
        }
    }
}

fn removed_while(opener: fn(&Ring) -> bool) -> bool {
    let region = Region::anonymous(&spec(), "x", 1, 0).unwrap();
    let ring = Arc::new(Ring { region, lock: Mutex::new(()) });
    let (theirs, others) = (Arc::clone(&ring), Arc::clone(&ring));
    let opener = thread::spawn(move || opener(&theirs));
    let remover = thread::spawn(move || others.remove_if_abandoned());
    remover.join().unwrap();
    let is_open = opener.join().unwrap();
    assert_ne!(is_open, removal::is_removed(&ring.region), "open and removed, or neither");
    is_open
}

const PLANTED: &[super::Planted] =
    &[("holder (marked)", Defect::Lost), ("holder (flagged)", Defect::Lost), ("holder (pending)", Defect::Blind)];

const OPENED: Model = Model {
    run: || {
        removed_while(|ring| ring.open().is_some());
    },
    preemptions: 4,
    outcomes: &["opened", "too late"],
    planted: PLANTED,
};

#[test]
fn opener_or_remover_sees_the_other() {
    OPENED.check();
}

const LEFT: Model = Model {
    run: || {
        removed_while(|ring| {
            if let Some(place) = ring.open() {
                ring.leave(place);
            }
            false
        });
    },
    preemptions: 4,
    outcomes: &["opened", "too late"],
    planted: &[("holder (unmark)", Defect::Lost)],
};

#[test]
fn last_holder_that_leaves_removes_the_ring() {
    LEFT.check();
}

const LEASED: Model = Model {
    run: || {
        removed_while(Ring::write);
    },
    preemptions: 4,
    outcomes: &["opened", "too late"],
    planted: &[
        ("holder (leased)", Defect::Lost),
        ("holder (flagged)", Defect::Lost),
        ("holder (pending)", Defect::Blind),
    ],
};

#[test]
fn writer_without_a_mark_or_the_remover_sees_the_other() {
    LEASED.check();
}

pub(super) const ALL: &[Model] = &[OPENED, LEFT, LEASED];
