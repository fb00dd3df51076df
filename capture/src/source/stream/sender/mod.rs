//! The sender's clock. An RTSP server reports at which time of its own clock it captured a sample;
//! ffmpeg puts that time on each packet, and a second output of the same child carries it here.
//!
//! [`nut`] reads that output, [`stamps`] on a thread of its own; [`clock`] decides whether the
//! reports are believed, and converts stream times to the sender's UTC.

mod clock;
mod nut;
mod reports;
mod stamps;
#[cfg(test)]
mod tests;

pub(super) use clock::{Remembered, SenderClock};
pub(super) use stamps::Stamps;
