//! Wing `ring`: the two rings of a buffer.

mod anchors;
mod frames;

pub(crate) use anchors::{Anchor, anchor, publish, withdraw};
pub(crate) use frames::{MAX_COUNT, WriteCursor, head, oldest_intact, spans};
