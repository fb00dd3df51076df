//! The rules that the frames of a source must satisfy: most failures of a source return no error.

use std::time::Duration;

use crate::source::{NOTHING_FOR, RATE_WITHIN};

/// Requirements on the frames that arrive. A source that violates one is closed and opened again.
///
/// Files are not watched: they are played once, with their silence, and not opened again.
///
/// ```
/// use std::time::Duration;
/// use capbuf_capture::Watchdog;
///
/// let watchdog = Watchdog::new().nothing_for(Duration::from_secs(5)).silence_for(Some(Duration::from_secs(300)));
/// # let _ = watchdog;
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Watchdog {
    pub(super) nothing_for: Duration,
    pub(super) rate_within: f64,
    pub(super) silence_for: Option<Duration>,
}

impl Watchdog {
    /// Allows everything.
    pub(super) const NO_RULES: Self =
        Self { nothing_for: Duration::MAX, rate_within: f64::INFINITY, silence_for: None };

    /// Requires frames at least every 15 seconds, at a rate within 5 % of the source's own. Silence
    /// is allowed.
    ///
    /// Sources have shorter timeouts of their own: a device is lost after 3 seconds without a
    /// frame, a stream after 12.
    pub fn new() -> Self {
        Self { nothing_for: NOTHING_FOR, rate_within: RATE_WITHIN, silence_for: None }
    }

    /// Sets the longest time without a frame.
    pub fn nothing_for(mut self, duration: Duration) -> Self {
        self.nothing_for = duration;
        self
    }

    /// Sets the largest deviation of the rate, as a part of the one that the source says.
    ///
    /// Another steady rate is found within ten seconds; after longer, the longer the pauses between
    /// arrivals are, as those of a playlist's pieces. Late audio that comes after all is no
    /// deviation, nor are frames that the source reports as lost. What comes unsteadily is a fault
    /// if it is off by more than 20 % in 30 seconds. [`WrongRate`](super::WrongRate) says what
    /// becomes of a source that is found.
    pub fn rate_within(mut self, part: f64) -> Self {
        self.rate_within = part;
        self
    }

    /// Sets how long all samples may be zero, which those of a microphone never are; `None` for no
    /// limit.
    pub fn silence_for(mut self, duration: Option<Duration>) -> Self {
        self.silence_for = duration;
        self
    }
}

impl Default for Watchdog {
    fn default() -> Self {
        Self::new()
    }
}
