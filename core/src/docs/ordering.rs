//! The edges between threads, by the label at their ends in the code, and the model that needs
//! each.
//!
//! A comment `SYNC label (end)` stands at both ends of each edge. `SYNC none` says why an operation
//! needs no order. A test compares the labels in the code with this page. The named models fail if
//! the order is taken away, or, for arc-swap and `OnceLock`, if the operation is lost or split
//! (`make loom`).
//!
//! # `SYNC reserve`
//! The writer announces the slots it is about to overwrite (`reserve`, relaxed), then a release
//! fence, then copies. A reader copies, then an acquire fence, then loads `reserve` (relaxed). If a
//! copy saw any byte that the writer stored after its fence, the two fences synchronise, and the
//! reader's load sees that announcement or a later one. A release *store* of `reserve` would not
//! do: later stores may become visible before it. Checking `head` would not do either: it moves
//! only after the bytes have. Models: `ring`. Miri: `memory_model`.
//!
//! # `SYNC head`
//! The writer stores `head` (release) after copying; a reader loads it (acquire) before copying.
//! Frames below `head` have been copied, and their anchors published. Models: `ring`.
//!
//! # `SYNC anchor reserve`
//! As `reserve`, for the ring of time anchors. Models: `timeline`.
//!
//! # `SYNC anchor head`
//! As `head`, for the ring of time anchors. An anchor is published before its frames, so a reader
//! that sees a frame's `head` sees its anchor. A new writer moves it back past anchors without
//! frames. A reader that loaded the old count skips them: old or rewritten, they begin at or after
//! the `head` it loaded. Models: `timeline`.
//!
//! # `SYNC lease`
//! Taking the writer's lease (acquire, compare-and-set) and returning it (release): one writer's
//! stores happen before the next one's, so a writer loads the counters that it alone stores
//! relaxed. A dead process's lease is taken over after a check of its liveness lock, which the
//! kernel dropped after the process's last store. Models: `lease`.
//!
//! # `SYNC holder`
//! A process marks a region as open, then loads its removal state. A process that removes an
//! abandoned region sets that state to pending, then looks for marks once more. Between the two
//! steps of each is a sequentially consistent fence, so one of the two sees the other. The lease of
//! a writer without a mark counts as one. A pending region is not removed: its holders go on, and a
//! process that opens it waits for the source's lock file, under which removals are decided.
//! Models: `holder`.
//!
//! # `SYNC region`
//! A ring's file is whole before the rename to the name by which others open it. Both are system
//! calls on one folder, which the kernel orders. Not modelled.
//!
//! # `SYNC map`
//! A shard of the map is published with arc-swap's compare-and-swap (release) and loaded under a
//! guard (acquire): a reader sees the whole table, and every update that happened before its load.
//! A replaced shard is kept until its count of owners is one; no thread can load it any more, so
//! that owner may free it. Models: `claim`, `lookup`.
//!
//! # `SYNC filled`
//! A slot is filled once, through a `OnceLock`: a thread that finds it filled, or waited for it,
//! sees the buffer. Models: `claim`, `lookup`.
//!
//! # `SYNC removed`
//! Set (release) when a buffer is removed; loaded (acquire) by the writer, by waiting readers and
//! by lookups in a domain. In a private registry the slot has left the map before. In a domain the
//! flag comes first, and each process removes its slot when a lookup sees the flag. Models of its
//! loss: `claim`.
//!
//! # `SYNC budget`
//! Bytes are reserved by compare-and-set of the sum, before they are mapped. Models: `budget`.
//!
//! # `SYNC stats`
//! A ring's mapping is counted before its unmapping (release). A viewer loads the count of unmapped
//! rings first (acquire), so it never shows more unmapped than mapped. Models: `budget`.
//!
//! # `SYNC log`
//! A log's header is published by its magic number, stored last (release) and loaded first
//! (acquire). A test damages logs; not modelled.
//!
//! # `SYNC row`
//! A row of a log is claimed by compare-and-set of its key (acquire), then a release fence, then
//! its content, then the new key (release). A reader loads the key (acquire), copies, then an
//! acquire fence, then loads the key again: if it is the same, the content is that of the key, as a
//! key always stands for the same text. Both fences are as those of `reserve`. Models: `log`.
//!
//! # `SYNC held`
//! A descriptor that forked children close is recorded by its number, stored last (release). The
//! child loads it first (acquire), in its copy of the memory. The list grows by chunks, each
//! published by its pointer. Lists of the whole process are not modelled.
//!
//! # `SYNC record`
//! As `row`, with a number instead of the key: odd while the record is written, and never reused.
//! Models: `log`.
