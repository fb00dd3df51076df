//! Attempts to get a buffer, counted by result.

use serde::Serialize;

use crate::track::Outcome;

/// Attempts to get a buffer, counted by result; and two counts of other events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct Attempts {
    /// Rings allocated in new memory.
    pub allocated: u64,
    /// Rings allocated in the memory of removed ones.
    pub reused: u64,
    /// Calls of `get_or_allocate` that found the existing ring.
    pub already_there: u64,
    /// Calls of `allocate` that failed because the source has a ring.
    pub refused: u64,
    /// Attempts that failed because the ring of the source has another spec.
    pub spec_mismatch: u64,
    /// Attempts that failed because of a limit.
    pub over_budget: u64,
    /// Attempts that failed for another reason.
    pub failed: u64,
    /// Rings removed. Not an attempt.
    pub removed: u64,
    /// Rings whose last handle in a registry was dropped. Not an attempt.
    pub last_handle_ended: u64,
}

impl Attempts {
    /// Returns the count of `outcome`.
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
            // Saturating: another process may have written any number.
            *place = place.saturating_add(counts[outcome as usize]);
        }
    }

    pub(super) fn sum(&mut self, other: &Self) {
        let counts = Outcome::ALL.map(|outcome| other.of(outcome));
        self.add(&counts);
    }

    /// Returns the number of attempts, with any result.
    pub fn attempts(&self) -> u64 {
        let attempts = Outcome::ALL.into_iter().filter(|outcome| outcome.is_attempt());
        attempts.fold(0, |sum, outcome| sum.saturating_add(self.of(outcome)))
    }

    /// Returns the number of rings allocated.
    pub fn allocations(&self) -> u64 {
        self.allocated.saturating_add(self.reused)
    }
}
