//! Wing `sync`: atomics, fences, `Arc`, `OnceLock`, the arc-swap cell, and fork detection.
//!
//! The one place that names these types, so that a model checker can take their place. Two bodies
//! have the same names: `real` (the standard library's) and `modelled` (loom's, for
//! `RUSTFLAGS="--cfg loom"`). Elsewhere in this crate clippy forbids the originals
//! (`core/clippy.toml`); it sees through a re-export but not through an alias, hence the aliases.
//!
//! May use: nothing of this crate.
//!
//! Used by: `ground`, `memory`, `ring`, `time`, `domain`, `track`, `buffer`, `registry`, `observe`.
//!
//! | question | file |
//! |---|---|
//! | Which types stand for atomics and shared ownership? | `real` |
//! | How does loom see them, and how is a defect planted? | `modelled` |
//! | Which types stay real under loom (statics, display counters)? | `process` |
//! | How does Miri lose a fence on purpose? | `lost_fence` |
//! | Which process is this, after a fork? | `fork` |
//! | How does a child leave its parent's locks and threads alone? | `owner` |
//! | How are descriptors kept from forked children and from the host? | `descriptors` |

pub(crate) mod descriptors;
pub(crate) mod fork;
#[cfg(all(test, miri))]
pub(crate) mod lost_fence;
#[cfg(loom)]
mod modelled;
mod owner;
pub(crate) mod process;
#[cfg(not(loom))]
mod real;

pub(crate) use std::sync::atomic::Ordering;

pub use descriptors::above_standard_streams;
#[cfg(loom)]
pub(crate) use modelled::*;
pub use owner::{OwnLock, OwnThread, Owner};
pub(crate) use process::{PlainArc, count};
#[cfg(not(loom))]
pub(crate) use real::*;
