//! The names of a domain's files.

/// Rings that sources with the same hash can have.
const PROBES: usize = 4;

/// The end of the name of a source's lock file.
const SOURCE_LOCK: &str = ".feed";

/// The names of one source's files.
pub(super) struct Names {
    pub(super) hash: String,
}

impl Names {
    pub(super) fn lock(&self) -> String {
        format!("{}.claim", self.hash)
    }

    pub(super) fn source_lock(&self) -> String {
        format!("{}{SOURCE_LOCK}", self.hash)
    }

    pub(super) fn new_ring(&self) -> String {
        format!("{}.new", self.hash)
    }

    pub(super) fn rings(&self) -> impl Iterator<Item = String> {
        (0..PROBES).map(|number| format!("{}-{number}.ring", self.hash))
    }

    /// The names for the hash in a file's name.
    pub(super) fn of_file(name: &str) -> Option<Self> {
        let hash = name.split(['-', '.']).next().filter(|hash| is_hex(hash, 32))?;
        Some(Self { hash: hash.to_owned() })
    }
}

pub(super) fn is_ring(name: &str) -> bool {
    Names::of_file(name).is_some_and(|names| names.rings().any(|ring| ring == name))
}

/// True for a file that is a leftover unless a process works with it.
pub(super) fn is_leftover(name: &str) -> bool {
    let is_one = |names: Names| [names.lock(), names.source_lock(), names.new_ring()].iter().any(|own| own == name);
    Names::of_file(name).is_some_and(is_one)
}

/// True for a removed buffer's file that an earlier version of this library kept for reuse.
pub(super) fn is_of_old_pool(name: &str) -> bool {
    let numbers = name.strip_suffix(".pool").and_then(|name| name.split_once('-'));
    numbers.is_some_and(|(bytes, number)| is_hex(bytes, 16) && is_hex(number, 16))
}

/// True for `digits` hexadecimal digits.
pub(super) fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// True for the lock file of a claimed source.
pub(super) fn is_source_lock(name: &str) -> bool {
    name.ends_with(SOURCE_LOCK) && Names::of_file(name).is_some()
}
