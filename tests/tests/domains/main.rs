//! Domains, used and killed as real processes use and kill them, in real shared memory.

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
mod worker;
