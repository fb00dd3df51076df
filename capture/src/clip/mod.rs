//! Clips: spans of a buffer as WAV or FLAC files, and triggers that cut them.
//!
//! [`write_clip`] writes a segment; [`cut_clip`] reads the segment around a moment first, and waits
//! for the part still to come. A [`Trigger`] cuts clips when it is fired or when its [`Condition`]
//! holds. A file gets its name when it is complete; [`IfExists`] is the choice if another has that
//! name.
//!
//! Uses the ground (`error`, `stop`). No other wing uses it: clips need a buffer, not a capture.

mod cut;
mod file;
mod flac;
mod if_exists;
mod info;
mod name;
mod progress;
mod tags;
mod trigger;
mod unfinished;
mod wav;

pub use cut::{cut_clip, cut_clip_with_progress};
pub use file::{write_clip, write_clip_with, write_clip_with_progress};
pub use if_exists::IfExists;
pub use info::ClipInfo;
pub use name::clip_name;
pub use progress::ClipProgress;
pub use tags::ClipTags;
pub use trigger::{Condition, Trigger, TriggerOptions};
