//! Stations: a set of captures that can be replaced while it runs.
//!
//! [`Station::reconfigure`] compares the [`SourceConfig`]s with the running sources (`plan`),
//! applies the difference, and reports it as [`Changes`]. `carry` moves audio into a buffer of
//! another length.
//!
//! Uses the ground (`error`, `state`), `source` and `supervise`. No other wing uses it.

mod carry;
mod changes;
mod config;
mod handle;
mod plan;
mod running;
mod status;

pub use changes::Changes;
pub use config::{SourceConfig, WhenGone};
pub use handle::Station;
pub use status::SourceStatus;
