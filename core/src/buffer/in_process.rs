//! The rings of domains that this process writes, by their numbers.
//!
//! A lease is a word in shared memory, which other processes can overwrite. Two writers in one
//! process are impossible whatever stands there.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use crate::sync::process::ArcSwapOption;
use crate::sync::{PlainArc, fork};

/// The rings that one process writes. A forked child begins with none: its copy of the lock may be
/// locked for ever.
#[derive(Debug)]
struct Written {
    generation: u32,
    rings: Mutex<HashSet<u64>>,
}

static WRITTEN: ArcSwapOption<Written> = ArcSwapOption::const_empty();

/// The entry of a ring, removed when dropped.
#[derive(Debug)]
pub(crate) struct InProcess {
    written: PlainArc<Written>,
    ring: u64,
}

impl InProcess {
    /// `None` if this process writes the ring already.
    pub(crate) fn enter(ring: u64) -> Option<Self> {
        let written = of_this_process();
        let is_new = written.rings.lock().unwrap_or_else(PoisonError::into_inner).insert(ring);
        is_new.then_some(Self { written, ring })
    }
}

fn of_this_process() -> PlainArc<Written> {
    loop {
        let current = WRITTEN.load();
        match &*current {
            Some(written) if written.generation == fork::generation() => return PlainArc::clone(written),
            _ => {
                let own = Written { generation: fork::generation(), rings: Mutex::default() };
                // Another thread may have been faster: then its set is returned.
                let _ = WRITTEN.compare_and_swap(&*current, Some(PlainArc::new(own)));
            }
        }
    }
}

impl Drop for InProcess {
    fn drop(&mut self) {
        // Not in a child, for whose parent the entry was made.
        if self.written.generation == fork::generation() {
            self.written.rings.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.ring);
        }
    }
}
