//! Long runs, shortened: ten days by a clock that is moved by hand, and a station of fifty sources that fail all the time, for as
//! many real seconds as `CAPBUF_SOAK_SECONDS` says (`make soak`: ten minutes).
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod days;
mod station;
