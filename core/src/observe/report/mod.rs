//! The allocation report, as text and as JSON.

mod attempts;
mod collect;
mod filter;
mod findings;
mod frames;
mod make;
mod source;
mod text;

use serde::Serialize;

pub use attempts::Attempts;
pub use filter::ReportFilter;

use crate::domain::FoundCounts;
use crate::holder::Holder;
use crate::memory::PoolStats;
use crate::observe::canonical::Canonical;
use crate::track::{Anomaly, Dropped, Peak, utc, utc_or_none};

/// Allocations of a registry, or of all processes of its domain, at one moment.
///
/// Live buffers, their bytes and the processes that have them open are always known. Attempts, call
/// sites, handles and stacks are those recorded while tracking was enabled; without any record,
/// attempts and allocations are unknown: `None`, and null in JSON. Names are shown without
/// credentials. All lists are sorted: equal reports have equal text.
///
/// Displays as text; [`AllocationReport::to_json`] returns the same as JSON, see
/// `docs/schema/report.json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct AllocationReport {
    /// Name of the domain; `None` for a private registry.
    pub domain: Option<String>,
    /// Time of the report, in ns of UTC.
    #[serde(rename = "made_utc", serialize_with = "utc")]
    pub made_utc_ns: i64,
    /// True if the reporting registry tracks allocations.
    pub is_tracking: bool,
    /// Time of the last reset, from which on this report counts, in ns of UTC; `None` if it counts
    /// from the beginning. Only `capbuf report` counts from a reset on.
    #[serde(rename = "reset_utc", serialize_with = "utc_or_none")]
    pub reset_utc_ns: Option<i64>,
    /// Sums over all sources and processes.
    pub totals: Totals,
    /// Records that did not fit in the logs, or were overwritten.
    pub dropped: Dropped,
    /// Rings of removed buffers, kept for reuse.
    pub pool: PoolStats,
    /// Files in the domain's folder that can't be used, each with the reason.
    pub unusable_files: Vec<String>,
    /// Anomalies: those that watches of the reporting registry found; in a domain, those that
    /// watches of other processes found; and those that the logs and the buffers show by
    /// themselves. See [`Registry::watch`](crate::Registry::watch).
    pub anomalies: Vec<Anomaly>,
    /// Number of ended processes whose logs were removed: their counts are in the totals and in
    /// those of the sources, their call sites, by pid 0, and stacks are not.
    pub ended_processes: u64,
    /// Processes that track allocations, or did, oldest first.
    pub processes: Vec<ProcessReport>,
    /// Sources, by name.
    pub sources: Vec<SourceReport>,
    /// Counts of findings that are not kept any more.
    #[serde(skip)]
    pub(crate) found_before: FoundCounts,
}

/// Sums over all sources and processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct Totals {
    /// Attempts to get a buffer, with any result; `None` if none were recorded.
    pub attempts: Option<u64>,
    /// Rings allocated; `None` if none were recorded.
    pub allocations: Option<u64>,
    /// Live buffers.
    pub live_buffers: u64,
    /// Bytes mapped for live buffers.
    pub live_bytes: u64,
    /// Capacity of live buffers in bytes of audio.
    pub live_audio_bytes: u64,
    /// Removed buffers that are still held.
    pub removed_and_held: u64,
    /// Attempts by result; `None` if none were recorded.
    pub results: Option<Attempts>,
}

/// A process that tracks allocations, or did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ProcessReport {
    /// Process id.
    pub pid: u32,
    /// Name of the program.
    pub program: String,
    /// True if it is alive and has the domain open.
    pub is_alive: bool,
    /// True if it tracks now.
    pub is_tracking: bool,
    /// Start of the tracking, in ns of UTC.
    #[serde(rename = "since_utc", serialize_with = "utc")]
    pub since_utc_ns: i64,
}

/// Allocations of one source.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SourceReport {
    /// Name of the source, without credentials. Sources that differ only in credentials have
    /// separate reports.
    pub source: String,
    /// Distinguishes sources with the same redacted name: hexadecimal, the same in every report.
    pub key: String,
    /// Attempts to get its buffer, with any result; `None` if none were recorded.
    pub attempts: Option<u64>,
    /// Rings allocated for it; `None` if none were recorded.
    pub allocations: Option<u64>,
    /// 1 if it has a buffer now, else 0.
    pub live: u64,
    /// Bytes mapped for its buffer; 0 without one.
    pub bytes: u64,
    /// Capacity of its buffer in bytes of audio; 0 without one.
    pub audio_bytes: u64,
    /// Spec of its buffer, as text; `None` without one.
    pub spec: Option<String>,
    /// Id of its buffer, hexadecimal; `None` without one.
    pub buffer: Option<String>,
    /// First attempt recorded, in ns of UTC.
    #[serde(rename = "first_utc", serialize_with = "utc_or_none")]
    pub first_utc_ns: Option<i64>,
    /// Last attempt recorded, in ns of UTC.
    #[serde(rename = "last_utc", serialize_with = "utc_or_none")]
    pub last_utc_ns: Option<i64>,
    /// Attempts by result; `None` if none were recorded.
    pub results: Option<Attempts>,
    /// Attempts by call site, most frequent first.
    pub call_sites: Vec<CallSite>,
    /// Holders of its buffers, removed ones included; longest first.
    pub holders: Vec<HolderReport>,
    /// Different stacks of attempts, the newest first; without frames of this library and of
    /// runtimes.
    pub stacks: Vec<StackReport>,
    /// Progress of its buffer.
    #[serde(skip)]
    pub(crate) progress: Option<Progress>,
    /// Canonical name: equal for all names of one source.
    #[serde(skip)]
    pub(crate) canonical: Option<Canonical>,
    /// The buffer that its buffer replaces.
    #[serde(skip)]
    pub(crate) lost: Option<LostBuffer>,
    /// The beginning of the newest epoch of its buffer.
    #[serde(skip)]
    pub(crate) epoch: Option<NewEpoch>,
}

/// An epoch that began because a clock was set back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct NewEpoch {
    pub(crate) first_frame: u64,
    pub(crate) utc_ns: i64,
    /// Time from its first frame to the end of the audio before it.
    pub(crate) back_ns: i64,
}

/// A buffer that was lost while it was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LostBuffer {
    pub(crate) id: u64,
    /// The process that removed it; `None` if its file was taken away.
    pub(crate) remover: Option<Holder>,
    /// The time when it was replaced.
    pub(crate) utc_ns: i64,
}

/// Progress of a buffer: counters for the rules of a watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Progress {
    pub(crate) rate_hz: u32,
    pub(crate) frames: u64,
    pub(crate) gaps: u64,
    pub(crate) evictions: u64,
    pub(crate) has_writer: bool,
}

/// Attempts from one call site in one process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CallSite {
    /// Language of the call; `None` without a call site.
    pub language: Option<&'static str>,
    /// File, as reported by the language; empty if unknown.
    pub file: String,
    /// Line; 0 if unknown.
    pub line: u32,
    /// Function; empty if unknown.
    pub function: String,
    /// Frames that tell it apart from others with the same file, line and function, innermost
    /// first: the paths behind a function that all of them call.
    pub via: Vec<StackFrame>,
    /// Process id.
    pub pid: u32,
    /// Name of the program.
    pub program: String,
    /// Attempts from this call site.
    pub attempts: u64,
    /// Attempts by result.
    pub results: Attempts,
    /// First attempt, in ns of UTC.
    #[serde(rename = "first_utc", serialize_with = "utc")]
    pub first_utc_ns: i64,
    /// Last attempt, in ns of UTC.
    #[serde(rename = "last_utc", serialize_with = "utc")]
    pub last_utc_ns: i64,
    /// The most allocations within a minute.
    #[serde(skip)]
    pub(crate) allocated: Peak,
    /// The most refusals within a minute.
    #[serde(skip)]
    pub(crate) refused: Peak,
}

/// A holder of a buffer: a process, and the call site of its handles if known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct HolderReport {
    /// Process id.
    pub pid: u32,
    /// Name of the program.
    pub program: String,
    /// Start of the hold, in ns of UTC.
    #[serde(rename = "since_utc", serialize_with = "utc")]
    pub since_utc_ns: i64,
    /// Id of the buffer, hexadecimal.
    pub buffer: String,
    /// True if the buffer was removed.
    pub is_removed: bool,
    /// Handles from this call site, without clones; `None` if the process has the buffer open but
    /// does not track.
    pub handles: Option<u64>,
    /// Language of the call; `None` if unknown.
    pub language: Option<&'static str>,
    /// File of the call site; empty if unknown.
    pub file: String,
    /// Line; 0 if unknown.
    pub line: u32,
    /// Function; empty if unknown.
    pub function: String,
}

/// Attempts with the same result and stack; time, duration and thread are those of the newest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct StackReport {
    /// Time of the attempt, in ns of UTC.
    #[serde(rename = "utc", serialize_with = "utc")]
    pub utc_ns: i64,
    /// Result, see [`Outcome::name`](crate::Outcome::name).
    pub outcome: &'static str,
    /// Number of these attempts.
    pub count: u64,
    /// Duration in ns.
    pub duration_ns: u64,
    /// Process id.
    pub pid: u32,
    /// Thread id.
    pub thread: u32,
    /// Name of the thread; empty without one.
    pub thread_name: String,
    /// Stack, innermost frame first.
    pub frames: Vec<StackFrame>,
}

/// A frame of a stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct StackFrame {
    /// Function; if unknown, the file of the code and the offset in it.
    pub function: String,
    /// Source file; empty if unknown.
    pub file: String,
    /// Line; 0 if unknown.
    pub line: u32,
}

impl AllocationReport {
    /// Returns the report as JSON, of the schema `docs/schema/report.json`.
    pub fn to_json(&self) -> String {
        // Serialization can't fail: there are no maps and no floats.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// Returns the report of a source, by its name without credentials.
    pub fn source(&self, shown: &str) -> Option<&SourceReport> {
        self.sources.iter().find(|source| source.source == shown)
    }
}
