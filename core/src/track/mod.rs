//! Who asked for which buffer, from where, and what came of it.
//!
//! Each registry that tracks writes a [`log`] of bounded size: in memory of its own, or, in a domain, in a file that every process of
//! the domain can read. A report puts the logs of all together. Nothing here is on a caller's path but one relaxed load, as long
//! as tracking is off; while it is on there is no lock on that path, and stacks are taken raw, to be resolved when a report is made.

mod caller;
mod contents;
mod log;
mod modules;
mod outcome;
mod resolve;
mod stack;
mod tracker;

pub use caller::{Caller, CodePlace, Language};
pub(crate) use contents::{Contents, Hold, Line, Record, SiteText};
pub use log::Dropped;
#[cfg(all(test, loom))]
pub(crate) use log::Entry;
pub(crate) use log::Log;
pub use outcome::Outcome;
pub(crate) use resolve::Resolver;
pub(crate) use tracker::{Begun, Taken, Tracker, asked_by_environment};

use xxhash_rust::xxh3::xxh3_64;

/// The number by which logs know a source: its name may hold a password, and is in no log.
pub(crate) fn key_of(source: &str) -> u64 {
    log::usable(xxh3_64(source.as_bytes()))
}
