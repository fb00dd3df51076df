//! Who asked for which buffer, from where, and what came of it.
//!
//! Each registry that tracks writes a [`log`] of bounded size: in memory of its own, or, in a domain, in a file that every process of
//! the domain can read. A report puts the logs of all together. Nothing here is on a caller's path but one relaxed load, as long
//! as tracking is off; while it is on there is no lock on that path, and stacks are taken raw, to be resolved when a report is made.

mod anomaly;
mod caller;
mod contents;
mod counts;
mod dropped;
mod key;
mod log;
mod log_layout;
mod modules;
mod origin;
mod outcome;
mod resolve;
mod stack;
mod text;
mod thread;
mod tracker;
mod utc;
mod watched;

pub use anomaly::{Anomaly, AnomalyKind, Severity};
pub use caller::{Caller, CodePlace, Language};
pub(crate) use contents::{Contents, Hold, Line, Record};
pub(crate) use counts::{Histogram, READ_RESULTS};
pub use dropped::Dropped;
pub(crate) use key::key_of;
#[cfg(all(test, loom))]
pub(crate) use log::Entry;
pub(crate) use log::Log;
pub use outcome::Outcome;
pub(crate) use resolve::Resolver;
pub(crate) use tracker::{Begun, Taken, Tracker, asked_by_environment};
pub(crate) use utc::{moment, utc, utc_or_none};
pub(crate) use watched::{WAITING, Watched};
