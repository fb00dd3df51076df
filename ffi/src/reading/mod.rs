//! Reads of a buffer: a span into the caller's memory or a segment, and window after window.
//!
//! May use: `boundary`, `spec`, `buffer`. Used by: `capture`, which writes segments to clips.

pub(crate) mod extracted;
pub(crate) mod options;
pub(crate) mod read;
pub(crate) mod segment;
pub(crate) mod span;
pub(crate) mod window_options;
pub(crate) mod windows;

pub use extracted::*;
pub use options::*;
pub use read::*;
pub use segment::*;
pub use span::*;
pub use window_options::*;
pub use windows::*;
