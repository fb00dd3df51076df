//! Every edge between threads, by the label that its ends carry in the code, and what shows that it is needed.
//!
//! A comment `SYNC label (end)` stands at both ends of each. `SYNC none` says why an operation needs no order. A test compares the labels in the
//! code with this page; where a model is named, it fails if the order is taken away (`make loom`).
//!
//! # `SYNC reserve`
//! The writer announces the slots it is about to overwrite (`reserve`, relaxed), then a release fence, then copies. A reader
//! copies, then an acquire fence, then loads `reserve` (relaxed). If a copy met any byte that the writer stored after its
//! fence, the two fences synchronise, and the reader's load sees that announcement or a later one: it knows. A release
//! *store* of `reserve` would not do, as the stores after it may become visible before it; checking `head` instead would not
//! do, as it moves only after the bytes have. Models: `ring`. Miri: `memory_model`.
//!
//! # `SYNC head`
//! The writer stores `head` (release) after copying; a reader loads it (acquire) before copying. What is below `head` has
//! been copied, and its anchors have been published. Models: `ring`.
//!
//! # `SYNC anchor reserve`
//! As `reserve`, for the ring of time anchors. Models: `timeline`.
//!
//! # `SYNC anchor head`
//! As `head`, for the ring of time anchors. An anchor is published before the frames whose times it tells, so who sees a frame's `head`
//! sees its anchor. A new writer moves it back past anchors without frames; a reader that still knows of those passes them over, as they
//! begin at its `head` or later, before and after they are written again. Models: `timeline`.
//!
//! # `SYNC lease`
//! Taking the writer's lease (acquire, compare-and-set) and giving it back (release): one writer's stores happened before the
//! next one's, so a writer may read the counters that it alone stores with relaxed loads. The lease of a dead process is taken
//! over after a look at its lock, which the kernel dropped after the process's last store. Models: `lease`.
//!
//! # `SYNC holder`
//! A process marks a region as open, then loads its removal state. A process that removes an abandoned region sets that state to
//! pending, then looks for marks once more. Between the two steps of each is a sequentially consistent fence, so one of the two sees
//! the other. A pending region is not removed: its holders go on, and a process that opens it waits for the source's lock file, under
//! which removals are decided. Models: `holder`.
//!
//! # `SYNC region`
//! A region in a file is whole before the rename that gives it the name by which others open it. Both are system calls on one
//! folder, which the kernel orders.
//!
//! # `SYNC map`
//! A shard of the map is published with arc-swap's compare-and-swap (release) and loaded under a guard (acquire): a
//! reader sees the whole table, and every update that happened before its load. A replaced shard is kept until its
//! count of owners is one; no thread can load it any more, so that owner may free it. Models: `claim`.
//!
//! # `SYNC filled`
//! A slot is filled once, through a `OnceLock`: a thread that finds it filled, or waited for it, sees the buffer.
//! Models: `claim`.
//!
//! # `SYNC removed`
//! Set (release) when a buffer leaves its registry, after its slot has left the map; loaded (acquire) by the writer, by waiting readers and
//! by lookups. Who sees it finds the map without the slot, and does not look again and again. Models of its loss: `claim`.
//!
//! # `SYNC budget`
//! Bytes are reserved by compare-and-set of the sum, before they are mapped. Models: `budget`.
//!
//! # `SYNC stats`
//! A ring's mapping is counted before its unmapping (release). A viewer loads the count of unmapped
//! rings first (acquire), so it never shows more unmapped than mapped. Models: `budget`.
//!
//! # `SYNC log`
//! A tracker's log is begun by its header, whose magic number is stored last (release); who reads a log loads that first (acquire).
//! A test damages logs; not modelled.
//!
//! # `SYNC row`
//! A row of a log is claimed by compare-and-set of its key (acquire), then a release fence, then its content, then the new key
//! (release). Who reads it loads the key (acquire), copies, then an acquire fence, then loads the key again: if it is the same, the
//! content is that of the key, as a key always stands for the same text. Both fences are as those of `reserve`. Not modelled:
//! what is torn would be a wrong line in a report.
//!
//! # `SYNC record`
//! As `row`, with a number in the key's place that is odd while the record is written and never used again. Not modelled, as `row`.
