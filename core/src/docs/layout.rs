//! The memory of a buffer, byte by byte: layout version 5.
//!
//! The same in every process and every language: no pointers, native byte order, offsets pinned by
//! a test. A file with another layout version is refused. All words that change are atomics; direct
//! readers of the memory must follow the protocol of [`ordering`](super::ordering).
//! # Header, 5632 bytes
//! | offset | type | field | meaning |
//! |---|---|---|---|
//! | 0 | u64 | `magic` | the bytes `capbuf\0\0` |
//! | 8 | u32 | `layout_version` | 4 |
//! | 12 | u32 | `header_bytes` | 5632: where the anchors begin |
//! | 16 | u64 | `region_bytes` | total size, a multiple of 4096 |
//! | 24 | u64 | `anchors_offset` | 5632 |
//! | 32 | u64 | `anchor_slots` | room for time anchors: two a second, at least 256 |
//! | 40 | u64 | `frames_offset` | after the anchors, on a page boundary |
//! | 48 | u64 | `ring_frames` | frames the ring holds: the length and its slack, up to a multiple of 64; the slack is 1/128 of the length, at least 16 KiB of frames or 1/8 of the length if that is less, at least 256 frames |
//! | 56 | u64 | `length_frames` | frames that can be read |
//! | 64 | u32 | `sample_rate_hz` | 1 to 768 000 |
//! | 68 | u32 | `channels` | 1 to 64 |
//! | 72 | u32 | `format` | 1 s16, 2 s24 in three bytes, 3 s32, 4 f32 |
//! | 76 | u32 | `source_bytes` | the length of the source's name, 1 to 1024 |
//! | 80 | i64 | `created_utc_ns` | time of creation |
//! | 88 | u64 | `id` | random, of this buffer only |
//! | 96 | u32 | `lifetime` | 0 until removed, 1 while open |
//! | 100 | u32 | `holder_slots` | 128 |
//! | 104 | u32 | `grace_s` | seconds that a ring stays if its recorder is killed and it would end with its last process; zero: none |
//! | 108 | u32 | `unlisted` | processes that have it mapped without a place in `holders` |
//! | 112 | i64 | `orphaned_boot_ns` | when a process first noticed that the recorder was killed, in ns since the machine's start; or zero |
//! | 128 | u64 | `head` | one past the newest frame that may be read |
//! | 136 | u64 | `reserve` | frames before this minus `ring_frames` may be overwritten at any moment |
//! | 144 | u64 | `anchor_head` | one past the newest anchor that may be read |
//! | 152 | u64 | `anchor_reserve` | anchors before this minus `anchor_slots` may be overwritten at any moment |
//! | 160 | u64 | `writes` | number of writes |
//! | 168 | u64 | `gaps` | anchors that are gaps |
//! | 176 | i64 | `ahead_ns` | lead of the published clock over the estimated one |
//! | 184 | u32 | `removed` | 1 once it is out of its registry; 2 while its removal is pending; 3 once its file was taken away |
//! | 192 | u64 | `lease` | the liveness lock of the process that writes, or zero |
//! | 200 | u64 | `evictions` | reads that came too late |
//! | 208 | u64 | `lost_buffer` | the `id` of the buffer that this one replaces, lost while it was recorded; or zero |
//! | 216 | u32 | `remover_pid` | the process that removed this buffer, or before that `lost_buffer`; zero if its file was taken away |
//! | 220 | u32 | `losses` | buffers that the recorder of this source lost so far |
//! | 224 | 32 bytes | `remover` | the program of `remover_pid`, UTF-8, zero-padded |
//! | 256 | 1024 bytes | `source` | the source's name, UTF-8, zero-padded |
//! | 1280 | 128 × 32 bytes | `holders` | the processes that have it mapped |
//! | 5376 | u64 | `liveness` | the liveness lock of the process that reported what follows, or zero |
//! | 5384 | u32 | `state` | state of the source: 1 idle, 2 starting, 3 running, 4 stalled, 5 backing off, 6 circuit open, 7 stopped, 8 finished, 9 failed; 0 never published |
//! | 5388 | u32 | `reason_bytes` | the length of the reason, up to 200 |
//! | 5392 | i64 | `since_utc_ns` | begin of the state |
//! | 5400 | u64 | `restarts` | number of times it was opened again after it had run |
//! | 5408 | 200 bytes | `reason` | reason, UTF-8 |
//!
//! # Holder, 32 bytes
//! | offset | type | meaning |
//! |---|---|---|
//! | 0 | u64 | the process's liveness lock, or zero: the hexadecimal number of its `process-` file |
//! | 8 | i64 | start, in ns of UTC |
//! | 16 | u32 | the process's number |
//!
//! # Anchor, 64 bytes
//! Anchor `n` lies in slot `n % anchor_slots`. It gives times to the frames from its first one up
//! to the next anchor.
//!
//! | offset | type | meaning |
//! |---|---|---|
//! | 0 | u64 | its first frame |
//! | 8 | i64 | that frame's time, in ns of UTC |
//! | 16 | u64 | ns from frame to frame, in units of 2^-32 |
//! | 24 | i64 | the time missing before it, in ns; negative where an epoch begins: how far times go back |
//! | 32 | i64 | how far the wall clock was set forward, in ns; negative where an epoch begins: how far times go back |
//! | 40 | u8 | the reason of the gap before it: 0 none, 1 requested, 2 detected, 3 clock step, 4 writer changed, 5 source lost, 6 overrun, 7 packet loss, 8 reconfigured |
//! | 41 | u8 | the clock of its times: 1 device, 2 sender, 3 arrival, 4 file |
//! | 44 | i32 | the latency taken off its times, in µs |
//! | 48 | u64 | the number of the first anchor of its epoch |
//! | 56 | u64 | the bound of the error of its times, in ns |
//!
//! # Frames
//! Frame `n` lies in slot `n % ring_frames`, `channels` samples of `format` after one another.
//!
//! # Switches, 16384 bytes
//! The file `.switches` of a domain, which each registry maps that may be switched from outside.
//! Pairs of words, which any process of the domain may store to, without an order:
//!
//! | offset | type | meaning |
//! |---|---|---|
//! | 0 | u64 | the bytes `capswit` and 1, the version |
//! | 8 | u64 | 1 if registries that open the domain later track |
//! | 16 n | u64 | the liveness lock of registry `n`, or zero: a free place |
//! | 16 n + 8 | u64 | its setting: zero if it does not track |
//!
//! A registry loads its setting with each attempt (relaxed), in place of a word of its own. A place
//! is taken, and all settings are changed, under a lock on the file.
