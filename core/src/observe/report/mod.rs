//! Everything that is known of allocations at one moment, as text and as JSON.

mod attempts;
mod collect;
mod make;
mod source;
mod text;

use serde::Serialize;

pub use attempts::Attempts;

use crate::memory::PoolStats;
use crate::track::{Anomaly, Dropped, utc, utc_or_none};

/// Everything that is known of the allocations of a registry, or of all processes of its domain, at one moment.
///
/// Attempts, allocations and live buffers are three numbers. Live buffers, their bytes and the processes that have them open are
/// always known; attempts, call sites, handles and stacks as far as they were recorded while tracking was enabled. No name is shown with
/// its credentials. Everything is in an order of its own: the same report is told the same way twice.
///
/// Displayed as text; [`AllocationReport::to_json`] tells the same as JSON, `docs/schema/report.json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct AllocationReport {
    /// The domain; `None` for a private registry.
    pub domain: Option<String>,
    /// When it was made, in ns of UTC.
    #[serde(rename = "made_utc", serialize_with = "utc")]
    pub made_utc_ns: i64,
    /// Whether the registry that was asked tracks allocations.
    pub is_tracking: bool,
    /// Sums over everything.
    pub totals: Totals,
    /// What found no place in the logs.
    pub dropped: Dropped,
    /// What is kept of removed buffers' memory.
    pub pool: PoolStats,
    /// What watches of the registry that was asked found wrong, see [`Registry::watch`](crate::Registry::watch); the oldest first.
    pub anomalies: Vec<Anomaly>,
    /// The processes that track, or did, the oldest first.
    pub processes: Vec<ProcessReport>,
    /// The sources, by name.
    pub sources: Vec<SourceReport>,
}

/// Sums over all sources and processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct Totals {
    /// Attempts to get a buffer, whatever came of them.
    pub attempts: u64,
    /// Rings that were made.
    pub allocations: u64,
    /// Buffers that there are.
    pub live_buffers: u64,
    /// The bytes mapped for them.
    pub live_bytes: u64,
    /// The bytes of audio that they keep.
    pub live_audio_bytes: u64,
    /// Buffers that were removed and that somebody still holds.
    pub removed_and_held: u64,
    /// Attempts by what came of them.
    pub results: Attempts,
}

/// A process that tracks, or did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ProcessReport {
    /// Its number.
    pub pid: u32,
    /// The name of its program.
    pub program: String,
    /// Whether it lives, and has the domain open.
    pub is_alive: bool,
    /// Whether it tracks now.
    pub is_tracking: bool,
    /// Since when, in ns of UTC.
    #[serde(rename = "since_utc", serialize_with = "utc")]
    pub since_utc_ns: i64,
}

/// What is known of one source.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SourceReport {
    /// Its name, without credentials. Sources that differ in nothing else have reports of their own.
    pub source: String,
    /// Tells it from others that are shown by the same name: hexadecimal, and the same in every report.
    pub key: String,
    /// Attempts to get its buffer, whatever came of them.
    pub attempts: u64,
    /// Rings that were made for it.
    pub allocations: u64,
    /// Whether it has a buffer now: 1, or 0.
    pub live: u64,
    /// The bytes mapped for its buffer; 0 without one.
    pub bytes: u64,
    /// The bytes of audio that its buffer keeps; 0 without one.
    pub audio_bytes: u64,
    /// The shape of its buffer, as text; `None` without one.
    pub spec: Option<String>,
    /// The number of its buffer, hexadecimal; `None` without one.
    pub buffer: Option<String>,
    /// The first attempt on record, in ns of UTC.
    #[serde(rename = "first_utc", serialize_with = "utc_or_none")]
    pub first_utc_ns: Option<i64>,
    /// The last one.
    #[serde(rename = "last_utc", serialize_with = "utc_or_none")]
    pub last_utc_ns: Option<i64>,
    /// Attempts by what came of them.
    pub results: Attempts,
    /// Attempts by where they came from, most first.
    pub call_sites: Vec<CallSite>,
    /// Who holds its buffers, also those that were removed; the longest first.
    pub holders: Vec<HolderReport>,
    /// The newest attempts with their stacks, the newest first.
    pub stacks: Vec<StackReport>,
    /// How far its buffer is.
    #[serde(skip)]
    pub(crate) progress: Option<Progress>,
    /// What sources that are one have in common.
    #[serde(skip)]
    pub(crate) canonical: Option<String>,
}

/// How far a buffer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Progress {
    pub(crate) rate_hz: u32,
    pub(crate) frames: u64,
    pub(crate) gaps: u64,
    pub(crate) evictions: u64,
    pub(crate) has_writer: bool,
}

/// Attempts that came from one place in one process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CallSite {
    /// The language, `None` where nobody called.
    pub language: Option<&'static str>,
    /// The file, as its language tells it; empty where it isn't known.
    pub file: String,
    /// The line; 0 where it isn't known.
    pub line: u32,
    /// The function; empty where it isn't known.
    pub function: String,
    /// The process.
    pub pid: u32,
    /// The name of its program.
    pub program: String,
    /// Attempts from there.
    pub attempts: u64,
    /// Attempts by what came of them.
    pub results: Attempts,
    /// The first, in ns of UTC.
    #[serde(rename = "first_utc", serialize_with = "utc")]
    pub first_utc_ns: i64,
    /// The last one.
    #[serde(rename = "last_utc", serialize_with = "utc")]
    pub last_utc_ns: i64,
}

/// Who holds a buffer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct HolderReport {
    /// The process.
    pub pid: u32,
    /// The name of its program.
    pub program: String,
    /// Since when, in ns of UTC.
    #[serde(rename = "since_utc", serialize_with = "utc")]
    pub since_utc_ns: i64,
    /// The number of the buffer, hexadecimal.
    pub buffer: String,
    /// Whether that buffer was removed.
    pub is_removed: bool,
    /// How many handles it took from there, clones not counted; `None` if the process doesn't track, and only that it has the buffer open is known.
    pub handles: Option<u64>,
    /// The language it took them in, where it tracks.
    pub language: Option<&'static str>,
    /// Where it took them: the file; empty if that isn't known.
    pub file: String,
    /// The line; 0 if that isn't known.
    pub line: u32,
    /// The function; empty if that isn't known.
    pub function: String,
}

/// One attempt, with its stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct StackReport {
    /// When, in ns of UTC.
    #[serde(rename = "utc", serialize_with = "utc")]
    pub utc_ns: i64,
    /// What came of it.
    pub outcome: &'static str,
    /// How long it took, in ns.
    pub duration_ns: u64,
    /// The process.
    pub pid: u32,
    /// The number of the thread.
    pub thread: u32,
    /// The name of the thread; empty if it has none.
    pub thread_name: String,
    /// The stack, the innermost frame first.
    pub frames: Vec<StackFrame>,
}

/// A frame of a stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct StackFrame {
    /// The function, or, where that isn't known, the file of the code and a place in it.
    pub function: String,
    /// The source file; empty where it isn't known.
    pub file: String,
    /// The line; 0 where it isn't known.
    pub line: u32,
}

impl AllocationReport {
    /// The report as JSON, as `docs/schema/report.json` says.
    pub fn to_json(&self) -> String {
        // Nothing in it can fail to be told: no maps, no floats.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// What is known of a source, by its name without credentials.
    pub fn source(&self, shown: &str) -> Option<&SourceReport> {
        self.sources.iter().find(|source| source.source == shown)
    }
}
