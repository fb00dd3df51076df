//! The lookup: from a source's name to its slot, without waiting.

pub(super) mod name;
pub(super) mod published;
pub(super) mod slot;
pub(super) mod table;
pub(super) mod thread_cache;
