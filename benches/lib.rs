//! Measures capbuf beside the physical limit and its alternatives, and writes `BENCHMARKS.md`.
//!
//! ```text
//! make bench                 all tables; writes BENCHMARKS.md
//! make bench-quick           most tables, fewer rounds; writes nothing
//! make bench-instructions    instructions of the hot paths, by callgrind; part of `make bench`
//! ```
//!
//! Each job has one body for ours and the peers, which first asserts that the result is right. The
//! ways to do a job take turns in one process (`rounds.rs`): a machine that is slow for a moment
//! slows all of them, so ratios hold where times do not. Criterion measures one way after the
//! other, so it measures throughput only (`throughput.rs`), and the tables have a harness of their
//! own.
//!
//! The bench target `table` is the program; the library is empty.
