//! Kinds and evidence of anomalies in the use of buffers.

use serde::Serialize;

use super::utc::utc;

/// The kind of an anomaly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
#[non_exhaustive]
pub enum AnomalyKind {
    /// `allocate` is called again and again from one call site for a source that has a buffer.
    RepeatedAllocation = 0,
    /// A source's buffer is removed and allocated again and again, and its audio is lost each time.
    Churn = 1,
    /// A buffer was removed a while ago and is still held.
    RemovedAndHeld = 2,
    /// A source's writer lives and writes nothing.
    StalledWriter = 3,
    /// A writer is slower or faster than its rate.
    WriterRate = 4,
    /// Reads of a source come too late again and again.
    LappedReader = 5,
    /// A source is requested with another spec than its ring has.
    SpecConflict = 6,
    /// The budget, or the domain's file system, is nearly used up.
    Budget = 7,
    /// One source has buffers under two names.
    SourceUnderTwoNames = 8,
    /// A source is not recorded: it could not be opened, or fails again and again.
    SourceDown = 9,
    /// The buffer of a source was removed, or its file was taken away, while it was recorded.
    LostBuffer = 10,
    /// A clock was set back: the times of a source began anew, in a new epoch.
    ClockSetBack = 11,
}

impl AnomalyKind {
    /// All kinds, in the order of their numbers.
    pub const ALL: [Self; 12] = [
        Self::RepeatedAllocation,
        Self::Churn,
        Self::RemovedAndHeld,
        Self::StalledWriter,
        Self::WriterRate,
        Self::LappedReader,
        Self::SpecConflict,
        Self::Budget,
        Self::SourceUnderTwoNames,
        Self::SourceDown,
        Self::LostBuffer,
        Self::ClockSetBack,
    ];

    /// The name used in all languages, in reports and in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RepeatedAllocation => "repeated allocation",
            Self::Churn => "churn",
            Self::RemovedAndHeld => "removed and held",
            Self::StalledWriter => "stalled writer",
            Self::WriterRate => "writer rate",
            Self::LappedReader => "lapped reader",
            Self::SpecConflict => "spec conflict",
            Self::Budget => "budget",
            Self::SourceUnderTwoNames => "source under two names",
            Self::SourceDown => "source down",
            Self::LostBuffer => "lost buffer",
            Self::ClockSetBack => "clock set back",
        }
    }

    /// Its severity.
    pub const fn severity(self) -> Severity {
        match self {
            Self::SourceUnderTwoNames | Self::RemovedAndHeld => Severity::Notice,
            Self::RepeatedAllocation
            | Self::Churn
            | Self::WriterRate
            | Self::LappedReader
            | Self::SpecConflict
            | Self::ClockSetBack => Severity::Warning,
            Self::StalledWriter | Self::Budget | Self::SourceDown | Self::LostBuffer => Severity::Severe,
        }
    }

    /// The remedy.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::RepeatedAllocation => "use get_or_allocate there, or keep the handle that the first call gave",
            Self::Churn => "keep the buffer over reconnects: get_or_allocate finds it, and the gap is on record",
            Self::RemovedAndHeld => {
                "end the handles when the buffer is removed: its memory goes back with the last one"
            }
            Self::StalledWriter => "look at the source: its device or stream gives nothing; restart it",
            Self::WriterRate => "look at the source's sample rate, and at what is lost before it is written",
            Self::LappedReader => "read sooner, or keep more seconds",
            Self::SpecConflict => "agree on one shape, or ask for the buffer's own",
            Self::Budget => {
                "remove buffers, keep fewer seconds, or make more room: by the budget, or where the domain lies"
            }
            Self::SourceUnderTwoNames => "use one name: each name has a buffer of its own",
            Self::SourceDown => "look at the source: its address, its cable, its power; opening is tried again",
            Self::LostBuffer => {
                "keep cleaners and RemoveIPC away from the domain's folder, and remove no source that is recorded"
            }
            Self::ClockSetBack => {
                "start the recorder after time-sync; audio whose times came twice is read by its frame numbers"
            }
        }
    }
}

/// The severity of an anomaly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
#[non_exhaustive]
pub enum Severity {
    /// It wastes memory or time.
    Notice = 0,
    /// It will lose audio.
    Warning = 1,
    /// It loses audio now.
    Severe = 2,
}

impl Severity {
    /// All severities, in the order of their numbers.
    pub const ALL: [Self; 3] = [Self::Notice, Self::Warning, Self::Severe];

    /// The name used in all languages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Severe => "severe",
        }
    }
}

/// An anomaly, with its evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Anomaly {
    /// Its kind.
    #[serde(serialize_with = "kind_name")]
    pub kind: AnomalyKind,
    /// Its severity.
    #[serde(serialize_with = "severity_name")]
    pub severity: Severity,
    /// The source, without credentials; `None` if it concerns no source.
    pub source: Option<String>,
    /// The observation, in words.
    pub evidence: String,
    /// The remedy.
    pub advice: &'static str,
    /// Number of observations.
    pub count: u64,
    /// First observation, in ns of UTC.
    #[serde(rename = "first_utc", serialize_with = "utc")]
    pub first_utc_ns: i64,
    /// Last observation, in ns of UTC.
    #[serde(rename = "last_utc", serialize_with = "utc")]
    pub last_utc_ns: i64,
}

fn kind_name<S: serde::Serializer>(kind: &AnomalyKind, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(kind.name())
}

fn severity_name<S: serde::Serializer>(severity: &Severity, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(severity.name())
}

impl Anomaly {
    /// The anomaly as JSON on one line, as in `docs/schema/event.json`.
    pub fn to_json(&self) -> String {
        // Serialising these fields can't fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl Anomaly {
    /// An anomaly of another process, from its JSON: `None` if it is none. Another process may have
    /// written anything.
    pub(crate) fn from_json(text: &str) -> Option<Self> {
        const LONGEST: usize = 4096;
        let json: serde_json::Value = serde_json::from_str(text).ok()?;
        let words = |field: &str| -> Option<String> {
            let shown = |char: char| if char.is_control() { '?' } else { char };
            Some(json.get(field)?.as_str()?.chars().take(LONGEST).map(shown).collect())
        };
        let utc_ns = |field: &str| {
            let moment: jiff::Timestamp = words(field)?.parse().ok()?;
            i64::try_from(moment.as_nanosecond()).ok()
        };
        let kind = AnomalyKind::ALL.into_iter().find(|kind| words("kind").as_deref() == Some(kind.name()))?;
        Some(Self {
            kind,
            severity: kind.severity(),
            source: words("source"),
            evidence: words("evidence")?,
            advice: kind.advice(),
            count: json.get("count")?.as_u64()?,
            first_utc_ns: utc_ns("first_utc")?,
            last_utc_ns: utc_ns("last_utc")?,
        })
    }
}

impl std::fmt::Display for Anomaly {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.severity.name(), self.kind.name())?;
        if let Some(source) = &self.source {
            write!(f, ": {source}")?;
        }
        write!(f, ": {}; {}", self.evidence, self.advice)
    }
}
