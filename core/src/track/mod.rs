//! Wing `track`: attempts to get buffers, with their origins and outcomes.
//!
//! Each registry that tracks writes a log of bounded size: in memory of its own or, in a domain, in
//! a file that every process of the domain can read. While tracking is off it costs a caller one
//! relaxed load; while it is on it takes no lock, and stacks are stored raw, to be resolved when a
//! report is made. Counters that are always on, and the types of anomalies, are here too.
//!
//! May use: `domain`, `ground`, `memory`, `sync`.
//!
//! Used by: `buffer`, `registry`, `observe`.
//!
//! | question | file |
//! |---|---|
//! | What does a registry call to record an attempt? | `tracker` |
//! | Where did an attempt come from? | `caller`, `origin`, `stack`, `modules`, `thread` |
//! | How is a log laid out, written, read? | `log_layout`, `log`, `contents`, `key`, `text` |
//! | What had no room in a log? | `dropped` |
//! | What stays of the logs of ended processes? | `ended` |
//! | What came of an attempt? | `outcome` |
//! | How many came within a minute? | `peak` |
//! | Does the environment ask for it? | `environment` |
//! | How does an address become a function, a file and a line? | `resolve` |
//! | What is counted all the time? | `counts` |
//! | What can be wrong, and where does a watch keep it? | `anomaly`, `watched`, with `utc` |

#[cfg(feature = "observe")]
mod anomaly;
mod caller;
mod contents;
mod counts;
mod dropped;
mod ended;
mod environment;
mod key;
mod log;
mod log_layout;
mod modules;
mod origin;
mod outcome;
mod peak;
#[cfg(feature = "observe")]
mod resolve;
mod stack;
mod text;
mod thread;
mod tracker;
#[cfg(feature = "observe")]
mod utc;
#[cfg(feature = "observe")]
mod watched;

#[cfg(feature = "observe")]
pub use anomaly::{Anomaly, AnomalyKind, Severity};
pub use caller::{Caller, CodePlace, Language};
pub(crate) use contents::{Contents, Hold, Line, Record};
pub(crate) use counts::{Histogram, READ_RESULTS};
pub use dropped::Dropped;
pub(crate) use ended::sum_up_ended;
#[cfg(feature = "observe")]
pub(crate) use ended::{OTHERS, ended_processes, summed_logs};
pub(crate) use environment::asked_by_environment;
#[cfg(feature = "observe")]
pub(crate) use environment::say;
#[cfg(all(test, loom))]
pub(crate) use log::Entry;
pub(crate) use log::Log;
pub use outcome::Outcome;
#[cfg(feature = "observe")]
pub(crate) use peak::{Peak, WINDOW_NS};
#[cfg(feature = "observe")]
pub(crate) use resolve::{Place, Resolver};
pub(crate) use tracker::{Begun, Taken, Tracker};
#[cfg(feature = "observe")]
pub(crate) use utc::{moment, utc, utc_or_none};
#[cfg(feature = "observe")]
pub(crate) use watched::{WAITING, Watched};
