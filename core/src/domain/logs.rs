//! The logs of trackers: one file for each tracking process, which outlives it for a while.

use std::fs::File;
use std::time::{Duration, SystemTime};

use super::handle::Domain;
use super::liveness;
use super::names::is_hex;
use crate::error::Result;

const END: &str = ".track";
/// Logs of ended processes that are kept, the newest first.
pub(super) const KEPT: usize = 4;
/// Time for which they are kept.
const KEPT_FOR: Duration = Duration::from_secs(24 * 3600);

/// The log of a process.
pub(crate) struct LogFile {
    pub(crate) file: File,
    /// Number of its process's liveness lock.
    pub(crate) liveness: u64,
    pub(crate) is_alive: bool,
}

impl Domain {
    /// Creates this process's log of `bytes` zero bytes, reserved. Removes old logs.
    pub(crate) fn make_log(&self, bytes: u64) -> Result<File> {
        self.remove_logs(KEPT - 1)?;
        let name = format!("{:016x}{END}", self.liveness()?.number());
        self.folder.reserve(&name, bytes)
    }

    /// The logs of all processes, without those that can't be opened.
    pub(crate) fn logs(&self) -> Result<Vec<LogFile>> {
        let opened = |name: String| {
            let liveness = number(&name)?;
            let file = self.folder.open(&name).ok()??;
            Some(LogFile { file, liveness, is_alive: liveness::is_alive(&self.folder, liveness) })
        };
        Ok(self.folder.names()?.into_iter().filter_map(opened).collect())
    }

    /// Removes logs of ended processes that are old, or not among the newest `kept`.
    pub(super) fn remove_logs(&self, kept: usize) -> Result<()> {
        let written = |log: &LogFile| log.file.metadata().and_then(|metadata| metadata.modified()).ok();
        let mut dead: Vec<_> = self.logs()?.into_iter().filter(|log| !log.is_alive).collect();
        dead.sort_by_key(|log| std::cmp::Reverse(written(log)));
        let now = SystemTime::now();
        for (at, log) in dead.iter().enumerate() {
            let age = written(log).and_then(|written| now.duration_since(written).ok()).unwrap_or_default();
            if at >= kept || age > KEPT_FOR {
                self.folder.remove_file(&format!("{:016x}{END}", log.liveness))?;
            }
        }
        Ok(())
    }
}

/// The number of the liveness lock in a log's name.
fn number(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(END).filter(|digits| is_hex(digits, 16))?;
    u64::from_str_radix(digits, 16).ok()
}

/// True for the name of a log.
pub(super) fn is_name(name: &str) -> bool {
    number(name).is_some()
}
