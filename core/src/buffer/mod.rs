//! Wing `buffer`: a capture buffer, its one writer and its readers.
//!
//! A chunk goes from `Writer` through the timekeeper (wing `time`) into the ring (wing `ring`). A
//! read finds its span on the timeline, copies the frames and validates the copy; if the writer
//! overtook it, a partial read begins again and any other fails with `Evicted`.
//!
//! May use: `domain`, `ground`, `memory`, `ring`, `sync`, `time`, `track`.
//!
//! Used by: `registry`, `observe`.
//!
//! | question | file |
//! |---|---|
//! | What can a user do with a buffer? | `handle`, and `status`, `windows`, `writer` for the rest |
//! | What do all handles share, and what happens when the last one is dropped? | `shared` |
//! | How is a chunk written? | `writer`; `writer_view` for its references (`unsafe`) |
//! | How is there one writer only? | `lease`, `in_process` |
//! | Which frames does a span mean, and where is silence filled in? | `span`, `plan` |
//! | How is a span copied, validated, waited for? | `read`; `segment` for the result |
//! | How is memory committed before it is written? | `commit` |
//! | Which process captures a source, and what is its health? | `source_claim`, `source_health` |

mod commit;
mod handle;
mod in_process;
mod lease;
mod plan;
mod read;
mod reservation;
mod segment;
mod shared;
mod source_claim;
mod source_health;
mod span;
mod status;
mod windows;
mod writer;
mod writer_view;

pub(crate) use commit::Committer;
pub use handle::{CaptureBuffer, OpenedBy};
#[cfg(all(test, loom))]
pub(crate) use lease::{claim, release};
pub use read::ReadOptions;
pub use reservation::Reservation;
pub use segment::{Extracted, Samples, Segment, SegmentGap};
pub(crate) use shared::Shared;
pub use source_claim::SourceClaim;
pub(crate) use source_claim::SourceClaims;
pub use source_health::SourceHealth;
pub use span::{Missing, Span};
pub use status::{Level, Status};
pub use windows::{Window, WindowOptions, Windows};
pub use writer::Writer;
