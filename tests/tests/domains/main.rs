//! Domains in real shared memory, used by real processes, some of which are killed.

#![allow(clippy::unwrap_used, clippy::panic)]

mod allocated_once;
mod forks;
mod full_memory;
mod killed_claimer;
mod killed_readers;
mod killed_writer;
mod lifetimes;
mod removing;
mod safety;
mod storm;
mod storm_of_kills;
mod worker;
mod wrong_clock;
