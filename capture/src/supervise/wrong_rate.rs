//! The fate of a source whose frames come at another rate than it says.

use std::fmt;
use std::str::FromStr;

/// The fate of a source whose frames come faster or slower than it says.
///
/// ```
/// use capbuf_capture::{CaptureOptions, WrongRate};
///
/// let options = CaptureOptions::new().wrong_rate(WrongRate::Correct);
/// assert_eq!("correct".parse(), Ok(WrongRate::Correct));
/// # let _ = options;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum WrongRate {
    /// It is closed, and opened again after the delays of a source that fails.
    #[default]
    Refuse,
    /// It is opened again, and its frames are taken to come at the measured rate from then on: the
    /// nearest standard rate if that is within 1 %; twice, half, four times or a fourth of the
    /// declared one if that is within 3 %. They are resampled to the rate of the buffer.
    Correct,
}

impl WrongRate {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Refuse, Self::Correct];

    /// Returns the name used in all languages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Correct => "correct",
        }
    }
}

impl fmt::Display for WrongRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for WrongRate {
    type Err = capbuf::Error;

    /// # Errors
    /// [`capbuf::Error::InvalidArgument`] with the string and the names.
    fn from_str(given: &str) -> capbuf::Result<Self> {
        Self::ALL.into_iter().find(|known| known.name() == given).ok_or_else(|| capbuf::Error::InvalidArgument {
            what: "wrong_rate",
            given: format!("{given:?}"),
            allowed: "refuse, correct".to_owned(),
        })
    }
}
