//! A ring whose last holder has left, judged while another one opens it.

use loom::sync::{Mutex, MutexGuard};
use loom::thread;

use super::claim::spec;
use super::{Defect, Model, saw};
use crate::domain::{holders, verdict};
use crate::memory::Region;
use crate::sync::{Arc, Ordering};

const OPENER: u64 = 5;

struct Ring {
    region: Region,
    claim: Mutex<()>,
}

impl Ring {
    fn any_marked(&self) -> bool {
        self.region.header().holders.iter().any(|slot| slot.presence.load(Ordering::Relaxed) != 0)
    }

    fn claim(&self) -> MutexGuard<'_, ()> {
        self.claim.lock().unwrap()
    }

    fn judge(&self) {
        let _claim = self.claim();
        if !verdict::is_removed(&self.region) && verdict::is_abandoned(&self.region, || self.any_marked()) {
            verdict::remove(&self.region);
        }
    }

    fn open(&self) -> Option<usize> {
        let place = holders::mark(&self.region, OPENER).unwrap();
        if verdict::stays_open(&self.region, || Ok(self.claim())).unwrap() {
            saw("opened");
            return Some(place);
        }
        saw("too late");
        self.leave(place);
        None
    }

    fn leave(&self, place: usize) {
        holders::leave(&self.region, place, OPENER);
        if !verdict::is_removed(&self.region) && !self.any_marked() {
            self.judge();
        }
    }
}

fn judged_while(opener: fn(&Ring) -> bool) -> bool {
    let region = Region::anonymous(&spec(), "x", 1, 0).unwrap();
    let ring = Arc::new(Ring { region, claim: Mutex::new(()) });
    let (theirs, others) = (Arc::clone(&ring), Arc::clone(&ring));
    let opener = thread::spawn(move || opener(&theirs));
    let judge = thread::spawn(move || others.judge());
    judge.join().unwrap();
    let is_open = opener.join().unwrap();
    assert_ne!(is_open, verdict::is_removed(&ring.region), "open and removed, or neither");
    is_open
}

const PLANTED: &[super::Planted] = &[
    ("domain/holders.rs", "fence(Ordering::SeqCst)", Defect::Lost),
    ("domain/verdict.rs", "fence(Ordering::SeqCst)", Defect::Lost),
    ("domain/verdict.rs", "flag(region).load(Ordering::Relaxed) == JUDGED", Defect::Blind),
];

const OPENED: Model = Model {
    run: || {
        judged_while(|ring| ring.open().is_some());
    },
    preemptions: 4,
    outcomes: &["opened", "too late"],
    planted: PLANTED,
};

#[test]
fn one_of_who_opens_and_who_judges_sees_the_other() {
    OPENED.check();
}

const LEFT: Model = Model {
    run: || {
        judged_while(|ring| {
            if let Some(place) = ring.open() {
                ring.leave(place);
            }
            false
        });
    },
    preemptions: 4,
    outcomes: &["opened", "too late"],
    planted: &[("domain/holders.rs", "compare_exchange(presence, 0", Defect::Lost)],
};

#[test]
fn who_leaves_last_leaves_nothing_behind() {
    LEFT.check();
}

pub(super) const ALL: &[Model] = &[OPENED, LEFT];
