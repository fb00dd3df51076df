//! Shared by the tests of this crate: a clock moved by hand, a signal that encodes frame numbers,
//! waiting and barriers.
#![allow(dead_code, unused_imports, missing_docs, unreachable_pub, clippy::unwrap_used)]

mod barrier;
mod recording;
mod signal;
mod wait;

pub use barrier::PanicBarrier;
pub use recording::{Recording, SECOND_NS, START_NS, manual, mono, ms, spec};
pub use signal::{sample, shorts, signal};
pub use wait::{CountedSleeps, StopOnDrop, wait_until};
