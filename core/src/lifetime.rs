//! The lifetime of a domain's buffer without users, and the options of an allocation.

/// The lifetime of a domain's buffer, chosen by its allocator. A private registry's buffer ends
/// with its last handle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(u32)]
#[non_exhaustive]
pub enum Lifetime {
    /// Until it, or its domain, is removed. The next process finds the audio as the last one left
    /// it.
    #[default]
    UntilRemoved = 0,
    /// While a process has it open: it ends with the last one. If its recorder is killed it stays
    /// for a grace time, see [`RegistryBuilder::grace`](crate::RegistryBuilder::grace).
    WhileOpen = 1,
}

impl Lifetime {
    /// The name used in all languages and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::UntilRemoved => "until removed",
            Self::WhileOpen => "while open",
        }
    }

    pub(crate) fn from_number(number: u32) -> Option<Self> {
        [Self::UntilRemoved, Self::WhileOpen].into_iter().find(|lifetime| *lifetime as u32 == number)
    }
}

/// Options of an allocation beside the spec.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AllocateOptions {
    pub(crate) lifetime: Lifetime,
}

impl AllocateOptions {
    /// Returns the default.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the lifetime, for a buffer that this call allocates in a domain.
    pub fn lifetime(mut self, lifetime: Lifetime) -> Self {
        self.lifetime = lifetime;
        self
    }
}
