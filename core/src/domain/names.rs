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
        let hash = name.split(['-', '.']).next()?;
        (hash.len() == 32 && hash.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| Self { hash: hash.to_owned() })
    }
}

pub(super) fn is_ring(name: &str) -> bool {
    name.ends_with(".ring") && Names::of_file(name).is_some()
}

/// True for the lock file of a claimed source.
pub(super) fn is_source_lock(name: &str) -> bool {
    name.ends_with(SOURCE_LOCK) && Names::of_file(name).is_some()
}
