//! How long a buffer of a domain stays when nobody uses it.

/// How long a buffer of a domain stays: its allocator's choice. A buffer of a private registry goes with its last handle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(u32)]
#[non_exhaustive]
pub enum Lifetime {
    /// Until it is removed, or its domain is. The next process finds the audio where the last one left it.
    #[default]
    UntilRemoved = 0,
    /// While a process has it open: it goes with the last one. If that was killed, the next process to open the domain sweeps it.
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

/// How a buffer is to be allocated, beyond its shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AllocateOptions {
    pub(crate) lifetime: Lifetime,
}

impl AllocateOptions {
    /// The default.
    pub fn new() -> Self {
        Self::default()
    }

    /// How long the buffer stays, if this call makes it and its registry is of a domain.
    pub fn lifetime(mut self, lifetime: Lifetime) -> Self {
        self.lifetime = lifetime;
        self
    }
}
