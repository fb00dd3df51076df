//! What came of an attempt to get a buffer, and what else happens to one.

use crate::error::Error;

/// What came of an attempt to get a buffer, and what else happens to one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
#[non_exhaustive]
pub enum Outcome {
    /// A ring was made in new memory.
    Allocated = 0,
    /// A ring was made in the memory of one that was removed.
    Reused = 1,
    /// `get_or_allocate` found the ring that the source has.
    AlreadyThere = 2,
    /// `allocate` was refused, as the source has a ring.
    Refused = 3,
    /// The source has a ring of another shape.
    SpecMismatch = 4,
    /// A limit would have been passed: the registry's, a buffer's, or that of the memory there is.
    OverBudget = 5,
    /// Anything else went wrong.
    Failed = 6,
    /// The source's ring was taken out of the registry.
    Removed = 7,
    /// The last handle of a ring in a registry ended, and its memory was unmapped there.
    LastHandleEnded = 8,
}

impl Outcome {
    /// How many there are.
    pub(crate) const COUNT: usize = 9;

    /// All of them, by their numbers.
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

    /// Whether it is what came of an attempt to get a buffer.
    pub const fn is_attempt(self) -> bool {
        !matches!(self, Self::Removed | Self::LastHandleEnded)
    }

    /// Whether it made a ring.
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
    fn numbers_and_names_tell_outcomes_apart() {
        for (number, outcome) in Outcome::ALL.into_iter().enumerate() {
            assert_eq!((outcome as usize, Outcome::from_number(number as u64)), (number, Some(outcome)));
            assert_eq!(Outcome::ALL.iter().filter(|other| other.name() == outcome.name()).count(), 1);
        }
        assert_eq!(Outcome::from_number(9), None);
    }
}
