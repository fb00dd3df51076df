//! Wing `buffer`.

mod commit;
mod handle;
mod lease;
mod plan;
mod read;
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
pub use segment::{Extracted, Samples, Segment, SegmentGap};
pub(crate) use shared::Shared;
pub use source_claim::SourceClaim;
pub(crate) use source_claim::SourceClaims;
pub use source_health::{SourceHealth, SourceState};
pub use span::{Missing, Span};
pub use status::{Level, Status};
pub use windows::{Window, WindowOptions, Windows};
pub use writer::Writer;
