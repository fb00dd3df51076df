//! The clock of a stream's times.

/// The clock that gives the audio of a stream its times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Times {
    /// The sender's, while its reports hold together; that of arrival before and otherwise.
    #[default]
    Auto,
    /// That of arrival: the delay of the network is in the times.
    Arrival,
    /// The sender's alone. Nothing is written before its reports hold together; a sender without
    /// reports is an error.
    Sender,
}

impl Times {
    /// All choices.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Arrival, Self::Sender];

    /// Returns the name used in locators and configurations.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Arrival => "arrival",
            Self::Sender => "sender",
        }
    }

    /// Returns the choice of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|times| times.name().eq_ignore_ascii_case(name))
    }
}
