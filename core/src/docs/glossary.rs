//! The words of this project, each with the term the field has for it.
//!
//! # Audio
//!
//! | word | the field's term | meaning here |
//! |---|---|---|
//! | frame | frame | One sample for each channel. Frames are numbered from 0, as `u64`, and numbers are never reused. |
//! | chunk | block, period, packet | The frames of one call of `write`. |
//! | span | range, region | Frames to read, by number, by time, or the newest: [`Span`](crate::Span). |
//! | segment | buffer, clip | A span that was copied out, with times and gaps: [`Segment`](crate::Segment). |
//! | window | frame (in signal processing) | A span of fixed length for analysis: [`Window`](crate::Window). |
//! | hop | hop size | The distance between the first frames of two windows. |
//! | gap | discontinuity, xrun | A place where the timeline does not go on where it ended: [`Gap`](crate::Gap). |
//! | source | input, device, stream | What is recorded, by its name: [`Source`](crate::Source). |
//! | spec | stream format | Length, rate, channels and sample format of a buffer: [`Spec`](crate::Spec). |
//!
//! # Time
//!
//! | word | the field's term | meaning here |
//! |---|---|---|
//! | timeline | media clock mapping | The map from frame numbers to UTC, piecewise linear. |
//! | anchor | timestamp, sync point | The immutable first point of a timeline segment. |
//! | timeline segment | linear piece | From one anchor to the next; continuous, or after a gap. |
//! | estimated clock | recovered clock | The writer's current estimate of phase and rate, by a delay-locked loop. |
//! | published clock | disciplined clock | The times readers see: they never change and follow the estimate by slewing. |
//! | lower envelope | lower envelope, minimum filter | The line under all times of arrival: the clock of a source whose packets can be late and never early. |
//! | slew | slew | Correcting a clock by changing its rate, never by a jump. |
//! | step | clock step | The wall clock was set. |
//! | epoch | timestamp discontinuity | Frames whose times never run backwards; the next one begins where a clock was set back. |
//!
//! # Sharing
//!
//! | word | the field's term | meaning here |
//! |---|---|---|
//! | registry | allocator, map | From source to buffer: [`Registry`](crate::Registry). |
//! | domain | shared-memory namespace | The buffers that all processes of one user share, by name. |
//! | region | shared memory segment | The memory of one buffer: header, anchors, frames. |
//! | ring | overwriting ring buffer | The frames of a region, one writer and many readers. |
//! | reserve, head | write cursors of a seqlock-like protocol | The frames announced and the frames published. |
//! | slot (of the map) | entry, once-cell | The entry of a source, published empty, filled once. |
//! | shard | shard, bucket group | One of 128 hash tables of the map, copied on write. |
//! | retired list | deferred reclamation | Replaced shards that a reader still has loaded. |
//! | guard | arc-swap guard | Keeps a loaded shard alive. |
//! | lease | exclusive lock with owner | The right to write a buffer, ended by the death of its process. |
//! | source claim | exclusive lock | The right to open a source, held before it has a buffer. |
//! | liveness lock | advisory file lock | Shows that a process lives: the kernel drops it with the process. |
//! | lock file | advisory file lock | Under it a source's ring is allocated or removed. |
//! | evicted | overwritten | Frames that the ring does not keep any more. |
//! | sweep | garbage collection | Removing what dead processes left in a domain. |
//! | fork generation | fork counter | How often this process came out of a fork; detects inherited handles. |
//! | commit | prefault | Touching pages ahead of the writer, so that it meets no page fault. |
//! | health | supervision state | What a source's supervisor published last: [`SourceHealth`](crate::SourceHealth). |
