//! Wing `memory`: the memory of one buffer, and where it comes from.
//!
//! A region is one contiguous block: a header, the time anchors, the frames. It holds no pointer,
//! so it means the same in every process that maps it, and it consists of atomics only, so a shared
//! reference to it is sound whoever writes. Offsets are computed from a checked `Spec`, never read
//! from the block.
//!
//! May use: `ground`, `sync`.
//!
//! Used by: `ring`, `time`, `domain`, `track`, `buffer`, `registry`, `observe`.
//!
//! | question | file |
//! |---|---|
//! | What does each word of the header mean? | `header` |
//! | How large is a region, and where do its parts lie? | `layout` |
//! | How is a region made, mapped, checked and described? | `region` |
//! | Where does a mapping become references? (`unsafe`) | `mapping` |
//! | How are bytes copied that another process may be writing? (`unsafe`) | `copy` |
//! | Do a file's holes cost memory, and how large may it be? | `file` |
//! | What may a registry allocate, and what has it mapped? | `budget` |
//! | How is the memory of removed buffers used again? | `pool` |

mod budget;
pub(crate) mod copy;
mod file;
mod header;
mod layout;
#[cfg_attr(loom, path = "mapping_modelled.rs")]
mod mapping;
mod pool;
mod region;

pub use budget::RegistryStats;
pub(crate) use budget::{Budget, Charge};
pub(crate) use file::is_read_only;
pub use file::largest_file_bytes;
pub(crate) use header::{AnchorSlot, HEALTH_REASON_BYTES, HolderSlot, REMOVER_WORDS, WriterLine};
pub(crate) use layout::Layout;
pub(crate) use mapping::Words;
pub use pool::PoolStats;
pub(crate) use pool::{Pool, PoolSettings};
pub(crate) use region::{Description, Region};
