//! A domain: the buffers that processes share, a file for each in a folder in shared memory.
//!
//! Everything that must exist once is decided by the file system and the kernel's locks, so it holds between processes, and
//! between copies of this library in one process:
//!
//! - `HASH.claim` is the lock under which the buffer of a source is made and removed. Who takes it and finds no
//!   ring makes one: space first (`HASH.new`), then the header, then one atomic rename to `HASH-N.ring`. The others wait for
//!   the lock and find the ring. If the maker dies the kernel gives the lock to the next one, who begins anew.
//! - `HASH` is of the source's name, which stands in full only in the ring's header. Rings whose hashes collide differ in `N`.
//! - `HASH.feed` is the lock of who feeds a source.
//! - `process-NUMBER` is the lock that shows that a process lives. Marks in the rings, of writers and of who has
//!   them mapped, bear its number.

mod folder;
mod handle;
pub(crate) mod holders;
mod liveness;
mod lock_file;
mod logs;
mod membership;
mod names;
mod open;
mod pool;
pub(crate) mod removal;
mod remove;
mod rings;
mod sweep;
#[cfg(test)]
mod tests;

pub use folder::MAX_DOMAIN_BYTES;
pub(crate) use handle::Domain;
pub(crate) use liveness::{LivenessLock, random};
pub(crate) use lock_file::LockFile;
pub(crate) use membership::Membership;
pub(crate) use open::default_name;
pub use open::{DomainInfo, domains, remove_domain};
pub(crate) use rings::Mapped;
pub use sweep::Swept;
