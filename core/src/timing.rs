//! The accuracy of times: the clock that gave them, the delay taken off, a bound of their error.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_have_distinct_names() {
        let names = std::collections::HashSet::from(ClockSource::ALL.map(ClockSource::name));
        assert!(names.len() == ClockSource::ALL.len() && !names.contains(""));
    }
}
