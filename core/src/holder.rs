//! A process that holds a writer, a lock or a buffer, as others see it.

use std::fmt;

/// A process that holds a writer, a lock or a buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Holder {
    /// Its number, in its own PID namespace.
    pub pid: u32,
    /// The name of its program.
    pub program: String,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} ({})", self.pid, self.program)
    }
}

impl Holder {
    /// Describes this process.
    pub(crate) fn this_process() -> Self {
        let path = std::env::current_exe().ok();
        let name = path.as_deref().and_then(|path| path.file_name()).map(|name| name.to_string_lossy().into_owned());
        Self { pid: std::process::id(), program: name.unwrap_or_else(|| "unknown".to_owned()) }
    }
}
