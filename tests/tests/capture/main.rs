//! Real sound, from devices and servers that can be trusted because their signal tells where it belongs, through a capture
//! into a buffer: exact, at true times, and in the same ring after whatever happened.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod capturing;
mod devices;
mod failing_devices;
mod failing_streams;
mod processes;
mod streams;
