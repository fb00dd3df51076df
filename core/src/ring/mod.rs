//! Wing `ring`: the two rings of a buffer, of frames and of time anchors.
//!
//! Both follow one protocol, a sequence lock whose writer never waits: it announces what it will
//! overwrite (`reserve`), writes, and publishes (`head`). A reader loads `head`, copies, and loads
//! `reserve`: if the writer had not announced the slots, the copy is valid.
//! The edges are listed in [`docs::ordering`](crate::docs::ordering).
//!
//! May use: `ground`, `memory`, `sync`.
//!
//! Used by: `time`, `buffer`.
//!
//! | question | file |
//! |---|---|
//! | How does a chunk get into the ring? | `frames`, `WriteCursor` |
//! | Which frames may be read, and is a copy valid? | `frames`, `head` and `oldest_intact` |
//! | How is a segment of the timeline published and read? | `anchors` |

mod anchors;
mod frames;

pub(crate) use anchors::{Anchor, anchor, publish_anchor, withdraw_anchors};
pub(crate) use frames::{MAX_COUNT, WriteCursor, head, oldest_intact, spans};
