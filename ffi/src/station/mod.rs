//! Stations: a set of sources that are recorded together and reconfigured while they run.
//!
//! May use: `boundary`, `caller`, `registry_open`, `capture`. Used by: nothing else in this crate.

pub(crate) mod changes;
pub(crate) mod source_config;
pub(crate) mod source_list;
#[allow(clippy::module_inception)]
pub(crate) mod station;

pub use changes::*;
pub use source_config::*;
pub use source_list::*;
pub use station::*;
