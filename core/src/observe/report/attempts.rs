//! Attempts to get a buffer, counted by what came of them.

use serde::Serialize;

use crate::track::Outcome;

/// How often what came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct Attempts {
    /// A ring was made in new memory.
    pub allocated: u64,
    /// A ring was made in the memory of one that was removed.
    pub reused: u64,
    /// `get_or_allocate` found the ring that the source has.
    pub already_there: u64,
    /// `allocate` was refused, as the source has a ring.
    pub refused: u64,
    /// The source has a ring of another shape.
    pub spec_mismatch: u64,
    /// A limit would have been passed.
    pub over_budget: u64,
    /// Anything else went wrong.
    pub failed: u64,
    /// Not an attempt: the source's ring was taken out.
    pub removed: u64,
    /// Not an attempt: the last handle of a ring in a registry ended.
    pub last_handle_ended: u64,
}

impl Attempts {
    /// The number of an outcome.
    pub fn of(&self, outcome: Outcome) -> u64 {
        let mut copy = *self;
        *copy.place(outcome)
    }

    fn place(&mut self, outcome: Outcome) -> &mut u64 {
        match outcome {
            Outcome::Allocated => &mut self.allocated,
            Outcome::Reused => &mut self.reused,
            Outcome::AlreadyThere => &mut self.already_there,
            Outcome::Refused => &mut self.refused,
            Outcome::SpecMismatch => &mut self.spec_mismatch,
            Outcome::OverBudget => &mut self.over_budget,
            Outcome::Failed => &mut self.failed,
            Outcome::Removed => &mut self.removed,
            Outcome::LastHandleEnded => &mut self.last_handle_ended,
        }
    }

    pub(super) fn add(&mut self, counts: &[u64; Outcome::COUNT]) {
        for outcome in Outcome::ALL {
            let place = self.place(outcome);
            // Another process may have written any number.
            *place = place.saturating_add(counts[outcome as usize]);
        }
    }

    pub(super) fn sum(&mut self, other: &Self) {
        let counts = Outcome::ALL.map(|outcome| other.of(outcome));
        self.add(&counts);
    }

    /// How many attempts there were.
    pub fn attempts(&self) -> u64 {
        let attempts = Outcome::ALL.into_iter().filter(|outcome| outcome.is_attempt());
        attempts.fold(0, |sum, outcome| sum.saturating_add(self.of(outcome)))
    }

    /// How many rings were made.
    pub fn allocations(&self) -> u64 {
        self.allocated.saturating_add(self.reused)
    }
}
