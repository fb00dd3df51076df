//! Gaps: places where audio is missing or the clock was set, and why.

/// Why a timeline does not go on where it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u32)]
#[non_exhaustive]
pub enum GapReason {
    /// The writer said so without giving a reason.
    Requested = 1,
    /// The capture times jumped by more than jitter explains.
    Detected = 2,
    /// The machine's wall clock was set; no audio is missing.
    ClockStep = 3,
    /// Another writer took the buffer over.
    WriterChanged = 4,
    /// The source was lost and came back.
    SourceLost = 5,
    /// The device delivered faster than it was read.
    Overrun = 6,
    /// Packets of a network stream did not arrive.
    PacketLoss = 7,
    /// What is recorded was configured anew: its source was closed, and opened again.
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

/// A place where the timeline does not go on where it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Gap {
    /// The first frame after the gap.
    pub first_frame: u64,
    /// Where the audio before it ends, in ns of UTC.
    pub start_utc_ns: i64,
    /// How much time is missing. Zero where none is: a backward step of the clock, a seamless change of writers.
    pub duration_ns: i64,
    /// How far the wall clock was set, forward or back; zero for all reasons but [`GapReason::ClockStep`].
    pub clock_step_ns: i64,
    /// Why.
    pub reason: GapReason,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_of_a_gap_has_a_name_of_its_own() {
        let names = std::collections::HashSet::from(GapReason::ALL.map(GapReason::name));
        assert!(names.len() == GapReason::ALL.len() && !names.contains(""));
    }
}
