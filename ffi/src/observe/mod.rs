//! Observation of a registry: allocation tracking, reports, metrics and a watch for anomalies.
//!
//! May use: `boundary`, `registry_open`, `text`. Used by: nothing else in this crate.

pub(crate) mod metrics;
pub(crate) mod report;
pub(crate) mod tracking;
pub(crate) mod watch;
pub(crate) mod watch_settings;

pub use metrics::*;
pub use report::*;
pub use tracking::*;
pub use watch::*;
pub use watch_settings::*;
