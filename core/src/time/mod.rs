//! Wing `time`: the timeline.

mod delay_locked_loop;
mod extent;
mod timekeeper;

pub(crate) use extent::Extent;
pub(crate) use timekeeper::{ChunkTime, Timekeeper};
