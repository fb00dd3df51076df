//! Wing `memory`: the memory of one buffer, and where it comes from.

mod budget;
pub(crate) mod copy;
mod file;
mod header;
mod layout;
#[cfg_attr(loom, path = "mapping_modelled.rs")]
mod mapping;
mod pool;
mod region;

pub use budget::RegistryStats;
pub(crate) use budget::{Budget, Charge};
pub(crate) use file::is_nobody_elses;
pub(crate) use header::{AnchorSlot, HEALTH_REASON_BYTES, HolderSlot, MAX_HOLDERS, WriterLine};
pub(crate) use layout::Layout;
pub(crate) use mapping::Words;
pub use pool::PoolStats;
pub(crate) use pool::{Pool, PoolCounts, PoolSettings, clear};
pub(crate) use region::{Description, Region};
