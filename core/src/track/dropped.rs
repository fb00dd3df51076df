//! Counts of what a log had no room for.

/// Counts of what a log had no room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "observe", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Dropped {
    /// Sources that were displaced by newer ones.
    pub sources: u64,
    /// Attempts whose source or call site was displaced; counted by result, of no source.
    pub attempts: u64,
    /// Call sites of which only the number of attempts is known.
    pub call_sites: u64,
    /// Handles whose holder is not recorded.
    pub holders: u64,
    /// Counted attempts whose stack was displaced.
    pub stacks: u64,
}

#[derive(Clone, Copy)]
pub(super) enum Drop {
    Source = 0,
    Attempts = 1,
    Site = 2,
    Hold = 3,
    Record = 4,
}

impl Dropped {
    /// Adds the counts of another log.
    pub(crate) fn add(&mut self, other: &Self) {
        for (sum, more) in [
            (&mut self.sources, other.sources),
            (&mut self.attempts, other.attempts),
            (&mut self.call_sites, other.call_sites),
            (&mut self.holders, other.holders),
            (&mut self.stacks, other.stacks),
        ] {
            *sum = sum.saturating_add(more);
        }
    }
}
