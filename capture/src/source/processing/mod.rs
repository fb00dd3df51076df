//! Sources whose audio is converted: one channel of several, mixed, amplified, resampled.
//!
//! The source writes into a small private ring, wait-free as into any buffer. A second thread reads
//! that ring, with its times and gaps, and writes the converted audio into the buffer.

mod convert;
mod mix;
mod processed;
mod resample;
mod shape;

pub use mix::Mix;
pub(crate) use mix::Processing;
pub(crate) use processed::Processed;
