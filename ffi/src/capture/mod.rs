//! Sources that the library captures by itself, and clips written to files.
//!
//! May use: `boundary`, `spec`, `caller`, `registry_open`, `buffer`, `reading`, `text`. Used by:
//! `station`.

#[allow(clippy::module_inception)]
pub(crate) mod capture;
pub(crate) mod clip;
pub(crate) mod clip_queue;
pub(crate) mod options;
pub(crate) mod state;
pub(crate) mod trigger;
pub(crate) mod trigger_options;

pub use capture::*;
pub use clip::*;
pub use options::*;
pub use state::*;
pub use trigger::*;
pub use trigger_options::*;
