//! Wing `sync`: atomics, fences, `Arc`, `OnceLock`, the arc-swap cell, and what a fork must not share.
//!
//! The one place that names these types, so that a model checker can take their place. Two bodies
//! have the same names: `real` (the standard library's) and `modelled` (loom's, for
//! `RUSTFLAGS="--cfg loom"`). Elsewhere in this crate clippy forbids the originals
//! (`core/clippy.toml`); it sees through a re-export but not through an alias, hence the aliases.
//!
//! May use: nothing of this crate. Used by: every wing.
//!
//! | question | file |
//! |---|---|
//! | Which types does the crate use for atomics and shared ownership? | `real` |
//! | How does loom see them, and how is a defect planted? | `modelled` |
//! | Which types stay real under loom (statics, display counters)? | `process` |
//! | How does Miri lose a fence on purpose? | `lost_fence` |
//! | What happens to locks and writers in a forked child? | `fork` |

pub(crate) mod fork;
#[cfg(all(test, miri))]
pub(crate) mod lost_fence;
#[cfg(loom)]
mod modelled;
pub(crate) mod process;
#[cfg(not(loom))]
mod real;

pub(crate) use std::sync::atomic::Ordering;

#[cfg(loom)]
pub(crate) use modelled::*;
pub(crate) use process::{PlainArc, count};
#[cfg(not(loom))]
pub(crate) use real::*;
