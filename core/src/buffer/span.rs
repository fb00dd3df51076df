//! The frames of a read: by number, by time, or the newest.

use std::fmt;
use std::ops::Range;
use std::time::Duration;

use crate::clock::duration_to_ns;
use crate::error::{Error, Result};
use crate::spec::Spec;

/// Frames to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Span {
    /// Frames by number: exactly these, whatever the clocks did.
    Frames(Range<u64>),
    /// From one time to another, in ns of UTC. A frame belongs to the time at which it begins,
    /// rounded to the nearest frame. Where a clock was set back, a time is that of the newest epoch
    /// (see [`docs::time`](crate::docs::time)).
    Time(Range<i64>),
    /// The newest frames and silence of this duration at the nominal rate.
    Last(Duration),
}

impl Span {
    /// The span from one moment to another.
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

    /// Refuses a span that is invalid for every buffer of this spec.
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

/// The missing part of a partial read, in frames at the nominal rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Missing {
    /// At the beginning: evicted, or before the buffer's first frame.
    pub evicted_frames: u64,
    /// At the end: not recorded yet.
    pub not_yet_frames: u64,
}

impl Missing {
    /// True if nothing is missing.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}
