//! The lookup of a source: arc-swap copy-on-write and compare-and-set.
//!
//! # Structure
//!
//! A registry's map is an array of 128 shards. Each shard is an ordinary hash table behind an
//! `ArcSwap`, immutable once published. An entry is an `Arc` of a *slot*; a slot holds the source's
//! name and a `OnceLock` for the buffer.
//!
//! A lookup hashes the name, loads the shard under an arc-swap guard, finds the slot, and uses the
//! buffer where it lies: no lock, no reference count, no allocation after a thread's first lookup.
//! [`Registry::get`](crate::Registry::get) counts a handle on top, which costs more than the rest,
//! as the count is contended.
//!
//! # Allocating is a compare-and-set
//!
//! 1. The caller copies the shard, inserts an empty slot, and publishes the copy by
//!    compare-and-swap. If another update was faster it begins anew with that one's table.
//! 2. Whoever published the slot allocates the ring and fills the slot. All others that ask for
//!    this source wait on the slot's `OnceLock`.
//! 3. If allocating fails or panics, the slot is removed first and then filled with the error:
//!    every waiting caller gets the error, and the next one finds no slot. Callers whose request
//!    might succeed (another size, or a source that was only looked for) begin anew.
//! 4. A slot that a fork left without its filler is replaced by the first caller in the child that
//!    looks for its source in the domain.
//!
//! Exactly one ring is made. Allocating inside `rcu`, or speculatively, made up to 32 rings when 32
//! threads raced.
//!
//! # Who frees what
//!
//! A replaced shard may still be loaded by a reader. If the reader's guard were its last owner, the
//! reader would free the table, and perhaps unmap a ring, in an audio thread. So the updater puts
//! the replaced shard into the *retired list*, under a short lock that no reader takes, and frees
//! it at once if nobody else owns it, as is nearly always so. If a reader does, a helper thread
//! polls until the reader is done. A reader never frees.
//!
//! The price: while [`Registry::with`](crate::Registry::with) runs, its guard keeps one shard
//! alive, with all of its buffers, also those removed meanwhile.
//!
//! # What was there before
//!
//! A per-thread cache of the table, with hazard pointers and `membarrier`, took 10 % less time a
//! lookup. It took 1 200 lines and 17 `unsafe` blocks, and each removal interrupted every running
//! thread of the process, the audio thread among them: 6 to 9 µs at p99.99. See `benches/tried.md`.
