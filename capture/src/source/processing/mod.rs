//! Sources whose audio is converted: one channel of several, mixed, amplified, resampled.
//!
//! A source writes to an `Output`, which converts block by block on the source's own thread, or in
//! the callback of its device, and writes the result into the buffer. Its memory, a few blocks,
//! counts in the budget of the registry. Sources of other crates write to a `Writer`: into a ring
//! beside the buffer (`apart`).

pub(crate) mod apart;
mod convert;
mod mix;
pub(crate) mod output;
mod processed;
mod resample;
mod shape;

pub use mix::Mix;
pub(crate) use mix::Processing;
pub(crate) use processed::Processed;
