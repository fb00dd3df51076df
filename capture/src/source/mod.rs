//! Sources of audio: devices, streams, files and test signals, behind one trait.
//!
//! [`Source`] is the contract: a source is opened, reports its [`Format`], and runs until it ends,
//! is lost, or is stopped. [`Locator`] parses the strings that name sources; [`source`] makes the
//! source of a locator. [`Processed`] wraps a source whose audio has to be resampled, mixed or
//! amplified.
//!
//! Uses the ground (`error`, `stop`). Used by `supervise` and `station`.

mod contract;
mod device;
mod encoding;
mod file;
mod format;
mod instant;
mod kinds;
mod locator;
mod pacing;
mod processing;
mod rate_check;
mod remarks;
mod signal;
mod stable_name;
mod stream;
mod url;

pub use contract::{RunOutcome, Source};
pub use device::{DeviceInfo, alsa_name, devices};
#[cfg(fuzzing)]
pub use file::count_frames;
pub use format::{Format, RequestedFormat};
pub use kinds::source;
pub(crate) use kinds::source_with;
pub use locator::{DeviceHost, Locator};
pub use processing::Mix;
pub(crate) use processing::{Processed, Processing};
pub(crate) use rate_check::{NOTHING_FOR, RATE_WITHIN, RateCheck, nearest_rate_hz};
pub(crate) use remarks::Remarks;
#[cfg(fuzzing)]
pub use stream::count_packets;
pub use stream::{StreamOptions, Times, Transport};
