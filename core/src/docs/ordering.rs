//! Every edge between threads, by the label that its two ends carry in the code.
//!
//! # `SYNC reserve`
//! The writer announces the slots it is about to overwrite (`reserve`, relaxed), then a release fence, then copies. A reader
//! copies, then an acquire fence, then loads `reserve` (relaxed). If a copy met any byte that the writer stored after its
//! fence, the two fences synchronise, and the reader's load sees that announcement or a later one: it knows. A release
//! *store* of `reserve` would not do, as the stores after it may become visible before it; checking `head` instead would not
//! do, as it moves only after the bytes have.
//!
//! # `SYNC head`
//! The writer stores `head` (release) after copying; a reader loads it (acquire) before copying. What is below `head` has
//! been copied, and its anchors have been published.
//!
//! # `SYNC anchor reserve`, `SYNC anchor head`
//! The same two edges for the ring of time anchors. An anchor is published before the frames whose times it tells, so who
//! sees a frame's `head` sees its anchor.
//!
//! # `SYNC lease`
//! Taking the writer's lease (acquire, compare-and-set) and giving it back (release): one writer's stores happened before the
//! next one's, so a writer may read the counters that it alone stores with relaxed loads. The lease of a dead process is taken
//! over after a look at its lock, which the kernel dropped after the process's last store.
//!
//! # `SYNC holder`
//! A process marks a region as open, then looks whether it was removed. Who removes an abandoned region flags it, then
//! looks for marks once more. All four are sequentially consistent, so one of the two sees the other.
//!
//! # `SYNC region`
//! A region in a file is whole before the rename that gives it the name by which others open it. Both are system calls on one
//! folder, which the kernel orders.
//!
//! # `SYNC map`
//! A table is published with compare-and-swap and loaded through a thread's cache, or a guard, of arc-swap, which makes
//! the table's content happen before.
//!
//! # `SYNC filled`
//! A slot is filled once, through a `OnceLock`: who finds it filled, or waited for it, sees the buffer.
//!
//! # `SYNC removed`
//! Set (release) when a buffer leaves its registry, loaded (acquire) by the writer and by waiting readers.
