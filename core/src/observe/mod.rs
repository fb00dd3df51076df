//! Wing `observe`.

mod canonical;
mod metrics;
mod registry;
mod report;
mod watch;

pub use metrics::MAX_METRIC_SOURCES;
pub use report::{
    AllocationReport, Attempts, CallSite, HolderReport, ProcessReport, SourceReport, StackFrame, StackReport, Totals,
};
pub use watch::{Detector, Watch, WatchSettings};
