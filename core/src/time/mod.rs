//! Wing `time`: the timeline of a buffer, which frame was captured when.
//!
//! A piecewise-linear map from frame numbers to UTC. Each segment begins at an anchor of the wing
//! `ring`. The writer's side filters the capture times of chunks and decides when an anchor is due;
//! the readers' side finds the segment of a frame or of a time.
//!
//! May use: `ground`, `memory`, `ring`, `sync`.
//!
//! Used by: `buffer`, `observe`.
//!
//! | question | file |
//! |---|---|
//! | What are the true rate and phase behind jittering times? | `delay_locked_loop`, `line_fit` |
//! | And behind arrivals, which are late and never early? | `lower_envelope` |
//! | One estimate for both | `estimate`, `batch` |
//! | Is a chunk late, or is audio missing before it? | `hole` |
//! | Was the wall clock set, is it slewed? | `wall_clock` |
//! | When is there a gap, when does an epoch begin? | `timekeeper` |
//! | Which anchor is published? | `publishing` |
//! | Which frames can be read, and in which segment is a frame? | `extent` |
//! | Which frame is at a time, where clocks were set back? | `epochs` |

mod batch;
mod delay_locked_loop;
mod epochs;
mod estimate;
mod extent;
mod hole;
mod line_fit;
mod lower_envelope;
mod publishing;
#[cfg(test)]
mod tests;
mod timekeeper;
mod wall_clock;

pub(crate) use extent::Extent;
pub use timekeeper::BEHIND_NS;
pub(crate) use timekeeper::{ChunkTime, Timekeeper};
