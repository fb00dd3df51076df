//! Long runs, shortened: ten days of a manual clock, and a station of fifty failing sources.
//!
//! The station runs for `CAPBUF_SOAK_SECONDS` seconds, 15 by default; `make soak` sets ten minutes.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod days;
mod station;
