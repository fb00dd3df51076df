//! Real sound through a capture into a buffer: exact, at true times, in the same ring after each
//! failure.
//!
//! Devices and servers play signals that show their own position, so each lost frame is seen.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod capturing;
mod converting_microphones;
mod failing_devices;
mod failing_ffmpeg;
mod failing_streams;
mod microphone_formats;
mod microphones;
mod sound_server;
mod streams;
mod two_sources;
mod without_stalls;
