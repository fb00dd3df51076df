//! Sources into buffers, as a program would use them.
#![allow(clippy::panic)]

mod bad_sources;
mod claims;
mod clips;
mod files;
mod losing;
mod processed;
mod signals;
mod sounds;
mod stations;
mod supervision;
mod triggers;
mod waiting;
