//! Wing `observe`: reports, metrics and watches of a registry or of a whole domain.
//!
//! Reads what the other wings count and record; nothing in them depends on it. Not real-time safe:
//! it allocates, reads files and resolves stacks.
//!
//! May use: `buffer`, `domain`, `ground`, `memory`, `registry`, `sync`, `time`, `track`.
//!
//! Used by: users of the crate only.
//!
//! | question | file |
//! |---|---|
//! | Which methods of `Registry` observe it? | `registry` |
//! | What is an allocation report made of? | `report` |
//! | Which metrics are there, and how are they encoded? | `metrics` |
//! | What is found wrong, by which rules, on which thread? | `watch` |
//! | When do two names mean one source? | `canonical` |
//! | How is tracking switched in all processes of a domain? | `switching` |
//! | What is printed without a call, at the end or at a signal? | `printed`, with `hooks` |

mod canonical;
mod hooks;
mod metrics;
mod printed;
mod registry;
mod report;
mod switching;
mod watch;

pub use metrics::MAX_METRIC_SOURCES;
pub use report::{
    AllocationReport, Attempts, CallSite, HolderReport, ProcessReport, ReportFilter, SourceReport, StackFrame,
    StackReport, Totals,
};
pub use switching::TrackingSwitches;
pub use watch::{Detector, Watch, WatchSettings};
