//! Wing `domain`: the buffers that processes share, a file for each in a folder in shared memory.
//!
//! The file system and the kernel's locks decide everything that must exist once. So it holds
//! between processes, and between copies of this library in one process. The files and their
//! meaning are described in [`docs::domains`](crate::docs::domains).
//!
//! May use: `ground`, `memory`, `sync`.
//!
//! Used by: `track`, `buffer`, `registry`, `observe`.
//!
//! | question | file |
//! |---|---|
//! | What is an open domain, and which processes of it are alive? | `handle`, `liveness`, `process_number` |
//! | What if its folder or files are taken away? | `presence`, `reopen` |
//! | How is a domain opened, listed, removed? | `open` |
//! | How is a ring found, or made exactly once? | `rings` |
//! | What are the files called? | `names`, `name_key` |
//! | How does a file's lock stand for something? | `lock_file` |
//! | How long is a lock waited for, and which process holds it? | `waiting` |
//! | Which users may use the folder, and which files in it? | `folder` |
//! | How are files and folders made, whatever the umask and the file system? | `modes`, `reserve` |
//! | Which processes have a ring mapped? | `holders`, `openings`, `membership` |
//! | When is a ring removed, and when is its removal pending? | `removal`, `remove`, `ring_file` |
//! | What stays of a killed recorder, and for how long? | `orphan` |
//! | Which files can't be used, and why? | `unusable` |
//! | What is taken away of dead processes? | `sweep` |
//! | How is a source claimed, and its state shown to others? | `source_record` |
//! | Where do trackers write their logs? | `logs` |
//! | What stays of removed findings? | `found_sums` |
//! | How is tracking switched from outside, and what was counted at a reset? | `switches`, `mark` |

mod folder;
#[cfg(feature = "observe")]
mod found_sums;
mod handle;
pub(crate) mod holders;
mod liveness;
mod lock_file;
mod logs;
#[cfg(feature = "observe")]
mod mark;
mod membership;
mod modes;
mod name_key;
mod names;
mod open;
mod openings;
mod orphan;
mod presence;
mod process_number;
pub(crate) mod removal;
mod remove;
mod reopen;
mod reserve;
mod ring_file;
mod rings;
mod source_record;
mod sweep;
mod switches;
#[cfg(test)]
mod tests;
mod unusable;
mod waiting;

pub use folder::{MAX_DOMAIN_BYTES, check_domain_name};
#[cfg(feature = "observe")]
pub(crate) use found_sums::FoundCounts;
pub(crate) use handle::{CHECK_EVERY_NS, Domain, coarse_ns};
pub(crate) use liveness::{LivenessLock, random};
pub(crate) use logs::{EndedLog, KEPT as KEPT_LOGS, Sums};
pub(crate) use membership::Membership;
pub(crate) use name_key::NameKey;
pub(crate) use open::default_name;
pub use open::{DomainInfo, domains, domains_and_unusable, remove_domain};
pub(crate) use orphan::grace_s;
pub(crate) use reopen::OpenDomain;
pub(crate) use rings::Mapped;
pub(crate) use source_record::{DomainClaim, SourceRecord};
pub use sweep::Swept;
pub(crate) use switches::Switch;
