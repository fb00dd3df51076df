//! Keys of rows in a log: hashes that mean neither free nor busy.

use xxhash_rust::xxh3::xxh3_64;

/// The key of a row that is being written.
pub(super) const BUSY: u64 = 1;

/// Maps a hash to a key that means neither free nor busy.
pub(super) const fn usable(key: u64) -> u64 {
    if key <= BUSY { key + 2 } else { key }
}

/// The key of a source in logs. Its name may hold a password, and is in no log.
pub(crate) fn key_of(source: &str) -> u64 {
    usable(xxh3_64(source.as_bytes()))
}
