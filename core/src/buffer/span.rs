//! Which frames a read is for: named by number, by time or by age, and found on the timeline.

use std::fmt;
use std::ops::Range;
use std::time::Duration;

use crate::clock::duration_to_ns;
use crate::error::{Error, Result};
use crate::spec::Spec;

/// A span of a buffer to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Span {
    /// Frames by their numbers: exactly these, whatever the clocks did.
    Frames(Range<u64>),
    /// From one time to another, in ns of UTC; a frame belongs to the time at which it begins, to the nearest frame.
    Time(Range<i64>),
    /// The newest so much: its duration times the nominal rate, exactly, in frames and silence.
    Last(Duration),
}

impl Span {
    /// From one moment to another.
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use capbuf::Span;
    ///
    /// let now = SystemTime::now();
    /// let span = Span::between(now - Duration::from_secs(5), now);
    /// assert!(matches!(span, Span::Time(range) if range.end - range.start == 5_000_000_000));
    /// ```
    pub fn between(from: std::time::SystemTime, to: std::time::SystemTime) -> Self {
        Self::Time(utc_ns(from)..utc_ns(to))
    }

    /// Refuses what can be no span of any buffer of this shape.
    pub(crate) fn check(&self, spec: &Spec) -> Result<()> {
        let reason = match self {
            Self::Frames(range) if range.start >= range.end => "it ends where it begins or before".to_owned(),
            Self::Time(range) if range.start >= range.end => "it ends when it begins or before".to_owned(),
            Self::Last(duration) if spec.ns_to_frames(duration_to_ns(*duration)) == 0 => {
                "it is shorter than half a frame".to_owned()
            }
            Self::Last(duration) if spec.ns_to_frames(duration_to_ns(*duration)) > spec.length_frames() => {
                format!("the buffer keeps {:?}", spec.duration())
            }
            _ => return Ok(()),
        };
        Err(Error::InvalidRange { given: self.to_string(), reason })
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frames(range) => write!(f, "frames {}..{}", range.start, range.end),
            Self::Time(range) => write!(f, "time {}..{} ns UTC", range.start, range.end),
            Self::Last(duration) => write!(f, "last {duration:?}"),
        }
    }
}

fn utc_ns(time: std::time::SystemTime) -> i64 {
    match time.duration_since(std::time::UNIX_EPOCH) {
        Ok(since) => duration_to_ns(since),
        Err(before) => -duration_to_ns(before.duration()),
    }
}

/// What a partial read could not give, in frames at the nominal rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Missing {
    /// At the beginning: overwritten, or from before the buffer's first frame.
    pub evicted_frames: u64,
    /// At the end: not recorded yet.
    pub not_yet_frames: u64,
}

impl Missing {
    /// Tells whether nothing is missing.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}
