//! Gaps: places where audio is missing or the clock was set, with the reason.

/// The reason of a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u32)]
#[non_exhaustive]
pub enum GapReason {
    /// Reported by the writer without another reason.
    Requested = 1,
    /// The capture times jumped by more than jitter explains.
    Detected = 2,
    /// The machine's wall clock was set; no audio is missing.
    ClockStep = 3,
    /// Another writer took over.
    WriterChanged = 4,
    /// The source was lost and came back.
    SourceLost = 5,
    /// The device overran: it delivered faster than it was read.
    Overrun = 6,
    /// Packets of a network stream did not arrive.
    PacketLoss = 7,
    /// The source was closed and opened again with another configuration.
    Reconfigured = 8,
}

impl GapReason {
    /// All reasons, in the order of their numbers.
    pub const ALL: [Self; 8] = [
        Self::Requested,
        Self::Detected,
        Self::ClockStep,
        Self::WriterChanged,
        Self::SourceLost,
        Self::Overrun,
        Self::PacketLoss,
        Self::Reconfigured,
    ];

    /// The name used in all languages and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Detected => "detected",
            Self::ClockStep => "clock step",
            Self::WriterChanged => "writer changed",
            Self::SourceLost => "source lost",
            Self::Overrun => "overrun",
            Self::PacketLoss => "packet loss",
            Self::Reconfigured => "reconfigured",
        }
    }
}

/// A place where the timeline does not continue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Gap {
    /// The first frame after the gap.
    pub first_frame: u64,
    /// End of the audio before it, in ns of UTC.
    pub start_utc_ns: i64,
    /// Missing time. Zero where a new epoch begins, or for a seamless change of writers.
    pub duration_ns: i64,
    /// Negative exactly where a new epoch begins: how far times go back, for whatever reason.
    /// Positive: how far the wall clock was set forward; the reason is [`GapReason::ClockStep`].
    /// Otherwise zero, also where the wall clock was set back but times did not go back.
    pub clock_step_ns: i64,
    /// The reason.
    pub reason: GapReason,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gap_reasons_have_distinct_names() {
        let names = std::collections::HashSet::from(GapReason::ALL.map(GapReason::name));
        assert!(names.len() == GapReason::ALL.len() && !names.contains(""));
    }
}
