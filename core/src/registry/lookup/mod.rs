//! The lookup: from a source's name to its slot, without a lock.
//!
//! [`Map`] is an array of shards, each an ordinary hash table behind an
//! [`ArcSwap`](crate::sync::ArcSwap). Readers load a shard under a guard. Updaters copy the shard,
//! change the copy and publish it by compare-and-swap; they retry if another updater was faster.
//! Replaced shards are freed by updaters, or by a helper thread if a reader still had one loaded
//! ([`Retired`]): never by a reader.
//!
//! An entry is a [`Slot`]: published empty by the caller that allocates the buffer, filled once.
//! Others that ask for the same source wait on the slot, and for nothing else.
//!
//! May use: `buffer`, `source`, `error`, `sync`. Used by the files of `registry` only.

mod map;
mod retired;
mod shard;
mod slot;

pub(crate) use map::Map;
pub(crate) use slot::Slot;

#[cfg(test)]
mod tests;
