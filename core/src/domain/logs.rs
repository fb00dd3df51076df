//! The logs of trackers, and the findings of watches: a file for each process, which outlives it
//! for a while.

use std::fs::File;
use std::time::{Duration, SystemTime};

#[cfg(feature = "observe")]
use super::found_sums::FoundCounts;
use super::handle::Domain;
use super::liveness;
use super::names::is_hex;
use crate::error::Result;
use crate::sync::descriptors::Descriptor;

const END: &str = ".track";
/// The file with the sums of logs that were removed.
const SUMS: &str = "ended.sums";
/// Its name while it is made: hidden, in no listing of the folder's names.
pub(super) const SUMS_NEW: &str = ".ended.sums-new";
/// The file with the findings of a process's watches, and its name while it is written.
const FOUND: &str = ".found";
const FOUND_NEW: &str = ".found-new";
/// Bytes read of such a file.
#[cfg(feature = "observe")]
const FOUND_BYTES: u64 = 1 << 20;
/// Logs of ended processes that are kept, the newest first.
pub(crate) const KEPT: usize = 4;
/// Time for which they are kept.
const KEPT_FOR: Duration = Duration::from_secs(24 * 3600);

/// The log of a process.
pub(crate) struct LogFile {
    pub(crate) file: File,
    pub(crate) is_alive: bool,
    /// The number of its process's liveness lock.
    pub(crate) liveness: u64,
}

/// The log of an ended process.
pub(crate) struct EndedLog {
    pub(crate) name: String,
    pub(crate) file: File,
    /// The number of the process's liveness lock.
    pub(crate) liveness: u64,
}

/// The file with the sums of removed logs, and its lock.
pub(crate) struct Sums {
    file: Descriptor,
}

impl Sums {
    pub(crate) fn file(&self) -> &File {
        self.file.file()
    }
}

impl Drop for Sums {
    fn drop(&mut self) {
        // At once, also for a child that inherited the file.
        if self.file.is_own() {
            let _ = self.file().unlock();
        }
    }
}

impl Domain {
    /// Creates this process's log of `bytes` zero bytes, reserved.
    pub(crate) fn make_log(&self, bytes: u64) -> Result<File> {
        let name = format!("{:016x}{END}", self.liveness()?.number());
        self.folder.reserve(&name, bytes)
    }

    /// The logs of all processes, without those that can't be opened.
    pub(crate) fn logs(&self) -> Result<Vec<LogFile>> {
        let opened = |name: String| {
            let liveness = number(&name, END)?;
            let file = self.folder.open(&name).ok()??;
            Some(LogFile { file, is_alive: liveness::is_held(&self.folder, liveness), liveness })
        };
        Ok(self.folder.names()?.into_iter().filter_map(opened).collect())
    }

    /// Publishes what this process's watches have found, in place of what they had found before.
    #[cfg(feature = "observe")]
    pub(crate) fn publish_findings(&self, text: &str) -> Result<()> {
        let liveness = self.liveness()?.number();
        let [name, new] = [FOUND, FOUND_NEW].map(|end| format!("{liveness:016x}{end}"));
        self.folder.replace(&name, &new, text)
    }

    /// Findings of the watches of other processes, a text for each, and the counts of those that
    /// were removed. Those of ended processes are kept as long as their logs.
    #[cfg(feature = "observe")]
    pub(crate) fn findings(&self) -> (Vec<String>, FoundCounts) {
        let own = self.liveness.load().number();
        // A folder that can't be listed shows nothing.
        let names = self.folder.names().unwrap_or_default().into_iter();
        let of_others = names.filter(|name| number(name, FOUND).is_some_and(|liveness| liveness != own));
        let mut texts: Vec<_> = of_others.filter_map(|name| Some((self.text_of(&name)?, name))).collect();
        let removed = self.without_counted(&mut texts);
        (texts.into_iter().map(|(text, _)| text).collect(), removed)
    }

    /// The text in a file of findings.
    #[cfg(feature = "observe")]
    pub(super) fn text_of(&self, name: &str) -> Option<String> {
        use std::io::Read as _;
        let mut text = Vec::new();
        self.folder.open(name).ok()??.take(FOUND_BYTES).read_to_end(&mut text).ok()?;
        Some(String::from_utf8_lossy(&text).into_owned())
    }

    /// The sums of removed logs, created if missing, for adding to them; `None` while others read
    /// them or add to them.
    pub(crate) fn sums_to_extend(&self) -> Result<Option<Sums>> {
        let sums = Sums { file: Descriptor::unshared(|| self.folder.open_or_create(SUMS))? };
        // Another process may have replaced them before they were locked.
        let is_locked = sums.file().try_lock().is_ok() && self.folder.is_named(sums.file(), SUMS)?;
        Ok(is_locked.then_some(sums))
    }

    /// Creates a file of `bytes` zero bytes, for sums that replace those that the caller has
    /// locked.
    pub(crate) fn make_sums(&self, bytes: u64) -> Result<File> {
        self.folder.reserve(SUMS_NEW, bytes)
    }

    /// Replaces the sums by those that were made.
    pub(crate) fn publish_sums(&self) -> Result<()> {
        self.folder.rename(SUMS_NEW, SUMS)
    }

    /// The sums of removed logs, if there are any. While the returned value lives, none are added
    /// and no log is removed, unless the lock could not be had: after 50 tries, a millisecond
    /// apart, the file is returned unlocked, and a reader may count a log twice or not at all.
    pub(crate) fn sums(&self) -> Option<Sums> {
        const TRIES: usize = 50;
        let open = || Some(Sums { file: Descriptor::unshared_if_there(|| self.folder.open(SUMS)).ok().flatten()? });
        let mut sums = open()?;
        for _ in 0..TRIES {
            let is_locked = sums.file().try_lock_shared().is_ok();
            if !self.folder.is_named(sums.file(), SUMS).unwrap_or(true) {
                // Replaced meanwhile.
                sums = open()?;
                continue;
            }
            if is_locked {
                break;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Some(sums)
    }

    /// Logs of ended processes that are old, or not among the newest `kept`: to be summed up and
    /// removed.
    pub(crate) fn ended_logs(&self, kept: usize) -> Result<Vec<EndedLog>> {
        let open = |name: String| {
            let (liveness, file) = (number(&name, END)?, self.folder.open(&name).ok()??);
            Some(EndedLog { name, file, liveness })
        };
        Ok(self.ended(END, kept)?.into_iter().filter_map(open).collect())
    }

    /// True if the log of a process is there, or if that can't be found out.
    pub(crate) fn has_log(&self, liveness: u64) -> bool {
        self.folder.exists(&format!("{liveness:016x}{END}")).unwrap_or(true)
    }

    /// Removes a log.
    pub(crate) fn remove_log(&self, name: &str) -> Result<bool> {
        self.folder.remove_file(name)
    }

    /// Removes all logs of ended processes, and their sums.
    pub(super) fn remove_logs(&self) -> Result<()> {
        for end in [END, FOUND, FOUND_NEW] {
            self.ended(end, 0)?.into_iter().try_for_each(|name| self.folder.remove_file(&name).map(|_| ()))?;
        }
        self.folder.remove_file(SUMS).map(|_| ())
    }

    /// Removes findings of ended processes that are old, or not among the newest. Their counts
    /// stay.
    #[cfg(feature = "observe")]
    pub(super) fn remove_findings(&self) -> Result<()> {
        self.ended(FOUND_NEW, 0)?.into_iter().try_for_each(|name| self.folder.remove_file(&name).map(|_| ()))?;
        self.sum_up_findings(&self.ended(FOUND, KEPT)?)
    }

    /// Names of files of ended processes that are old, or not among the newest `kept`.
    fn ended(&self, end: &str, kept: usize) -> Result<Vec<String>> {
        let mut dead = Vec::new();
        for name in self.folder.names()? {
            let Some(liveness) = number(&name, end) else { continue };
            let Ok(Some(file)) = self.folder.open(&name) else { continue };
            if !liveness::is_held(&self.folder, liveness) {
                let written = file.metadata().and_then(|metadata| metadata.modified()).ok();
                dead.push((written, name));
            }
        }
        dead.sort_by_key(|(written, _)| std::cmp::Reverse(*written));
        let now = SystemTime::now();
        let age = |written: Option<SystemTime>| {
            written.and_then(|written| now.duration_since(written).ok()).unwrap_or_default()
        };
        let due = dead.into_iter().enumerate().filter(|(at, (written, _))| *at >= kept || age(*written) > KEPT_FOR);
        Ok(due.map(|(_, (_, name))| name).collect())
    }
}

/// The number of the liveness lock in the name of a process's file.
fn number(name: &str, end: &str) -> Option<u64> {
    let digits = name.strip_suffix(end).filter(|digits| is_hex(digits, 16))?;
    u64::from_str_radix(digits, 16).ok()
}

/// True for the name of a log, of findings, or of sums.
pub(super) fn is_name(name: &str) -> bool {
    name == SUMS || [END, FOUND, FOUND_NEW].iter().any(|end| number(name, end).is_some())
}
