//! Wing `registry`: the allocator, from a source to its one buffer.
//!
//! A lookup waits for nothing. An allocation publishes an empty slot by compare-and-set; the thread
//! that published it makes the ring, and every other caller that asks for the source waits for it.
//!
//! May use: `buffer`, `domain`, `ground`, `memory`, `sync`, `track`.
//!
//! Used by: `observe`.
//!
//! | question | file |
//! |---|---|
//! | What can a user do with a registry? | `handle` |
//! | How is a registry configured, made, opened? | `builder` |
//! | How does a source get its one buffer, and lose it? | `claim` |
//! | How is a source's slot found without waiting? | `lookup` |
//! | Which sources are there, with a buffer or not yet? | `sources` |
//! | What if the domain's folder is taken away? | `lost` |
//! | What if the recorder of a buffer of another shape was killed? | `orphan` |
//! | How is the end of an attempt recorded? | `tracked` |
//! | What do reports, metrics and watches ask of it? | `observed` |
//! | What is done before it ends? | `ending` |

mod builder;
mod claim;
#[cfg(feature = "observe")]
mod ending;
mod handle;
mod lookup;
mod lost;
#[cfg(feature = "observe")]
mod observed;
mod orphan;
mod sources;
mod tracked;

pub use builder::RegistryBuilder;
#[cfg(feature = "observe")]
pub(crate) use ending::Ending;
pub use handle::Registry;
pub use sources::{DAEMON_NAME, SourceInfo};
