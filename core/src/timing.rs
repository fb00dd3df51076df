//! The accuracy of times: the clock that gave them, the delay taken off, a bound of their error.

use std::fmt;

/// The largest delay that is taken off times, in ns, either way: 60 s.
pub const MAX_LATENCY_NS: i64 = 60_000_000_000;

/// The clock that gave frames their times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(u8)]
#[non_exhaustive]
pub enum ClockSource {
    /// The capture times that a device, or the program that writes, passed with its chunks.
    #[default]
    Device = 1,
    /// The clock of the sender of a stream, as its reports say.
    Sender = 2,
    /// The times of arrival. A delay that all chunks share cannot be seen in them.
    Arrival = 3,
    /// A file played in real time: from when it began, at exactly its rate.
    File = 4,
}

impl ClockSource {
    /// All clocks, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::Device, Self::Sender, Self::Arrival, Self::File];

    /// The name used in all languages and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Sender => "sender",
            Self::Arrival => "arrival",
            Self::File => "file",
        }
    }
}

/// The accuracy of the times of some frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Timing {
    /// The clock that gave the times.
    pub clock: ClockSource,
    /// The constant delay taken off, in ns: that of a codec, a server or a converter. Whole
    /// microseconds.
    pub latency_ns: i64,
    /// A bound of the error, in ns: the true time lies at most this far away. Of times of arrival
    /// it bounds what varies, not the delay that all chunks share.
    pub uncertainty_ns: i64,
}

impl Timing {
    /// That of two spans together: the clock and latency of the first, the larger uncertainty.
    pub(crate) fn with(self, later: Self) -> Self {
        Self { uncertainty_ns: self.uncertainty_ns.max(later.uncertainty_ns), ..self }
    }
}

impl fmt::Display for ClockSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// As in `arrival, ±1.2 ms, 1.5 s taken off`.
impl fmt::Display for Timing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, ±{}", self.clock, rounded_up(self.uncertainty_ns))?;
        match self.latency_ns {
            0 => Ok(()),
            1.. => write!(f, ", {} taken off", rounded_up(self.latency_ns)),
            _ => write!(f, ", {} added", rounded_up(self.latency_ns.saturating_neg())),
        }
    }
}

/// Formats a duration, rounded up to two digits or whole ms: it may be a bound.
fn rounded_up(ns: i64) -> String {
    let up = |unit_ns: i64, per: f64| (ns as f64 / unit_ns as f64 * per).ceil() / per;
    match ns {
        1_000_000_000.. => format!("{} s", up(1_000_000_000, 1000.0)),
        10_000_000.. => format!("{} ms", up(1_000_000, 1.0)),
        1_000_000.. => format!("{} ms", up(1_000_000, 10.0)),
        _ => format!("{} ms", up(1_000_000, 100.0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timing_is_printed_in_plain_words() {
        let printed = |clock, latency_ns, uncertainty_ns| Timing { clock, latency_ns, uncertainty_ns }.to_string();
        assert_eq!(printed(ClockSource::Arrival, 1_500_000_000, 1_200_000), "arrival, ±1.2 ms, 1.5 s taken off");
        assert_eq!(printed(ClockSource::Device, 0, 41_001), "device, ±0.05 ms");
        assert_eq!(printed(ClockSource::Sender, -44_000_000, 0), "sender, ±0 ms, 44 ms added");
        assert_eq!(printed(ClockSource::File, 0, 20_000_001), "file, ±21 ms");
    }

    #[test]
    fn clocks_have_distinct_names() {
        let names = std::collections::HashSet::from(ClockSource::ALL.map(ClockSource::name));
        assert!(names.len() == ClockSource::ALL.len() && !names.contains(""));
    }
}
