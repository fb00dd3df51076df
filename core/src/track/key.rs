//! Keys of rows in a log: hashes that mean neither free nor busy.

use crate::domain::NameKey;

/// The key of a row that is being written.
pub(super) const BUSY: u64 = 1;

/// Maps a hash to a key that means neither free nor busy.
pub(super) const fn usable(key: u64) -> u64 {
    if key <= BUSY { key + 2 } else { key }
}

/// The key of a source in logs and reports. Its name may hold a password, so the hash has a secret
/// key.
pub(crate) fn key_of(key: &NameKey, source: &str) -> u64 {
    usable(key.hash(source.as_bytes()) as u64)
}
