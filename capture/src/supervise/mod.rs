//! Captures: a source, its buffer, and the thread that feeds one from the other.
//!
//! [`Supervised`] is the handle of that thread, [`Capture`] one whose source has been opened. The
//! `runner` opens the source, runs it, and opens it again when it is lost, after delays set by
//! [`Backoff`] and [`CircuitBreaker`]. Both share their state through `progress`. One thread of the
//! process, the `watcher`, checks all running captures against their [`Watchdog`] rules.
//!
//! Uses the ground (`error`, `state`, `stop`) and `source`. Used by `station`.

mod backoff;
mod breaker;
mod capture;
mod health;
mod losses;
mod options;
mod progress;
mod reopening;
mod runner;
mod supervised;
mod watchdog;
mod watcher;
mod wrong_rate;

pub use backoff::Backoff;
pub use breaker::CircuitBreaker;
pub use capture::Capture;
pub use options::CaptureOptions;
pub use supervised::Supervised;
pub use watchdog::Watchdog;
pub use wrong_rate::WrongRate;
