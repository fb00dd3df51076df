//! The outcomes of attempts to get a buffer, and the two steps of a ring's end.

use crate::error::Error;

/// The outcome of an attempt to get a buffer, or a step of a ring's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
#[non_exhaustive]
pub enum Outcome {
    /// A ring was allocated in new memory.
    Allocated = 0,
    /// A ring was allocated in the memory of a removed one.
    Reused = 1,
    /// `get_or_allocate` found the source's ring.
    AlreadyThere = 2,
    /// `allocate` was refused, as the source has a ring.
    Refused = 3,
    /// The source has a ring with another spec.
    SpecMismatch = 4,
    /// A limit would have been exceeded: the registry's, a buffer's, or the free memory.
    OverBudget = 5,
    /// Any other error.
    Failed = 6,
    /// The source's ring was removed from the registry.
    Removed = 7,
    /// The last handle of a ring in a registry was dropped, and its memory was unmapped there.
    LastHandleEnded = 8,
}

impl Outcome {
    /// Number of outcomes.
    pub(crate) const COUNT: usize = 9;

    /// All outcomes, in the order of their numbers.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Allocated,
        Self::Reused,
        Self::AlreadyThere,
        Self::Refused,
        Self::SpecMismatch,
        Self::OverBudget,
        Self::Failed,
        Self::Removed,
        Self::LastHandleEnded,
    ];

    /// The name used in all languages, in reports and in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allocated => "allocated",
            Self::Reused => "reused",
            Self::AlreadyThere => "already there",
            Self::Refused => "refused",
            Self::SpecMismatch => "spec mismatch",
            Self::OverBudget => "over budget",
            Self::Failed => "failed",
            Self::Removed => "removed",
            Self::LastHandleEnded => "last handle ended",
        }
    }

    /// True for the outcome of an attempt to get a buffer.
    pub const fn is_attempt(self) -> bool {
        !matches!(self, Self::Removed | Self::LastHandleEnded)
    }

    /// True if a ring was allocated.
    pub const fn is_allocation(self) -> bool {
        matches!(self, Self::Allocated | Self::Reused)
    }

    pub(crate) fn from_number(number: u64) -> Option<Self> {
        Self::ALL.get(usize::try_from(number).ok()?).copied()
    }

    pub(crate) fn of_error(error: &Error) -> Self {
        match error {
            Error::AlreadyExists { .. } => Self::Refused,
            Error::SpecMismatch { .. } => Self::SpecMismatch,
            Error::OverBudget { .. } | Error::OutOfMemory { .. } | Error::OutOfSpace { .. } => Self::OverBudget,
            _ => Self::Failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_are_distinct() {
        for (number, outcome) in Outcome::ALL.into_iter().enumerate() {
            assert_eq!((outcome as usize, Outcome::from_number(number as u64)), (number, Some(outcome)));
            assert_eq!(Outcome::ALL.iter().filter(|other| other.name() == outcome.name()).count(), 1);
        }
        assert_eq!(Outcome::from_number(9), None);
    }
}
