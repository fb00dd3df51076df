//! Measures capbuf beside the physical limit and beside what a user might take instead, and writes `BENCHMARKS.md`.
//!
//! ```text
//! make bench                 everything; writes BENCHMARKS.md
//! make bench-quick           the same jobs, fewer rounds; writes nothing
//! make bench-instructions    instruction counts of the hot paths, by callgrind; part of `make bench`, too
//! ```
//!
//! Each job has one body that ours and every peer implement, and which first checks that what comes out is right. The ways to do a
//! job take turns in one process (`rounds.rs`): a machine that is slow for a moment is slow for all of them, so ratios hold
//! where times do not. That is why the table has a harness of its own: criterion measures one way after the other. It
//! measures plain throughput (`throughput.rs`).
//!
//! A program for one such run, not a library: this crate is empty but for what stands here.
