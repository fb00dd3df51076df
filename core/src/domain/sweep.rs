//! Sweeping: removes what dead processes left behind.

use std::collections::HashSet;

use super::handle::Domain;
use super::lock_file::LockFile;
use super::names::{Names, is_leftover, is_of_old_pool, is_ring};
use super::{holders, liveness, orphan, removal};
use crate::error::{Error, Result};
use crate::lifetime::Lifetime;
use crate::memory::{Region, is_read_only};
use crate::sync::Ordering;

/// The result of a sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Swept {
    /// Processes that died without closing the domain.
    pub processes: usize,
    /// Buffers that stay only while a process has them open.
    pub buffers: usize,
    /// Buffers whose allocation or removal was cut short, and other leftovers.
    pub leftovers: usize,
}

impl Domain {
    /// Sweeps if a process of the domain has died: checks the names in its folder, and the buffers
    /// only then.
    pub(super) fn sweep_after_deaths(&self) -> Result<()> {
        let names = self.folder.names()?;
        let is_left = |name: &String| {
            is_of_old_pool(name)
                || (liveness::is_name(name) || is_leftover(name))
                    && !LockFile::is_held(&self.folder, self.lock_of(name).as_deref().unwrap_or(name))
                    && !self.has_living_record(name)
        };
        if names.iter().any(is_left) {
            self.sweep()?;
        }
        Ok(())
    }

    /// The lock that protects a file; the file's own, if `None`.
    fn lock_of(&self, name: &str) -> Option<String> {
        name.ends_with(".new").then(|| Names::of_file(name).map(|names| names.lock()))?
    }

    /// Removes what dead processes left: buffers that stay only while open, half-made buffers,
    /// marks, locks. What fails ends nothing else; files that can't be used stay where they are.
    ///
    /// # Errors
    /// The first failure, after everything was tried.
    pub(crate) fn sweep(&self) -> Result<Swept> {
        let mut sweep = Sweep { domain: self, swept: Swept::default(), failed: None, evidence: HashSet::new() };
        sweep.all()?;
        if sweep.failed.take().is_some() {
            // On a full file system what went has made room for lock files.
            sweep.all()?;
        }
        sweep.failed.map_or(Ok(sweep.swept), Err)
    }
}

struct Sweep<'a> {
    domain: &'a Domain,
    swept: Swept,
    failed: Option<Error>,
    /// Liveness locks of killed recorders whose rings stay for a while.
    evidence: HashSet<u64>,
}

impl Sweep<'_> {
    /// 1 if something was removed. Keeps the first failure; what can't be used is none.
    fn counted(&mut self, removed: Result<bool>) -> usize {
        match removed {
            Ok(removed) => usize::from(removed),
            Err(Error::Forbidden { .. } | Error::Corrupt { .. } | Error::LayoutMismatch { .. }) => 0,
            Err(error) => {
                self.failed.get_or_insert(error);
                0
            }
        }
    }

    fn all(&mut self) -> Result<()> {
        let names = self.domain.folder.names()?;
        self.leftovers(&names);
        self.rings(&names);
        // After the rings: the marks with their numbers are cleared now.
        for name in names.iter().filter(|name| liveness::is_name(name)) {
            // Those make the next process sweep, until the grace time is over.
            if liveness::number_of(name).is_some_and(|number| self.evidence.contains(&number)) {
                continue;
            }
            let removed = LockFile::remove_dead(&self.domain.folder, name);
            self.swept.processes += self.counted(removed);
        }
        #[cfg(feature = "observe")]
        {
            let removed = self.domain.remove_findings().map(|()| false);
            self.counted(removed);
        }
        Ok(())
    }

    fn leftovers(&mut self, names: &[String]) {
        for name in names {
            let removed = if is_of_old_pool(name) {
                self.domain.folder.remove_file(name)
            } else if is_leftover(name) {
                self.domain.sweep_leftover(name)
            } else {
                continue;
            };
            self.swept.leftovers += self.counted(removed);
        }
    }

    fn rings(&mut self, names: &[String]) {
        for name in names.iter().filter(|name| is_ring(name)) {
            match self.domain.sweep_ring(name, &mut self.evidence) {
                Ok(Some(Left::Removed)) => self.swept.leftovers += 1,
                Ok(Some(Left::Abandoned)) => self.swept.buffers += 1,
                Ok(None) => {}
                Err(error) => {
                    self.counted(Err(error));
                }
            }
        }
    }
}

/// A ring that a sweep removed.
enum Left {
    /// It was marked as removed; its remover died in between.
    Removed,
    /// It stays only while it is open.
    Abandoned,
}

impl Domain {
    fn sweep_leftover(&self, name: &str) -> Result<bool> {
        let Some(names) = Names::of_file(name).filter(|_| self.folder.exists(name).unwrap_or(true)) else {
            return Ok(false);
        };
        // Under the lock file no process allocates a ring or claims a source. Releasing the lock
        // removes its file.
        let Some(_lock) = LockFile::try_take(&self.folder, &names.lock())? else { return Ok(false) };
        if name.ends_with(".new") {
            return self.folder.remove_file(name);
        }
        if name.ends_with(".claim") {
            return Ok(true);
        }
        Ok(!self.has_living_record(name) && LockFile::try_take(&self.folder, name)?.is_some())
    }

    fn sweep_ring(&self, name: &str, evidence: &mut HashSet<u64>) -> Result<Option<Left>> {
        let Some(file) = self.folder.open(name)?.filter(|file| !is_read_only(file)) else { return Ok(None) };
        let (region, description) = self.map(&file, name)?;
        let source = description.source.as_str();
        if removal::is_removed(&region) {
            let _lock = LockFile::wait_if_room(&self.folder, &self.names_of(source).lock())?;
            return Ok(self.finish_removal(source)?.then_some(Left::Removed));
        }
        holders::clear_dead(&self.folder, &region);
        holders::recount_unlisted(&self.folder, &region);
        let killed = orphan::killed(&self.folder, &region);
        if killed.is_empty() {
            self.release_dead(&region);
        }
        let is_abandoned = description.lifetime == Lifetime::WhileOpen && !holders::any_alive(&self.folder, &region);
        let removed = if is_abandoned { self.remove_abandoned(source) } else { Ok(false) };
        if !matches!(removed, Ok(true)) {
            evidence.extend(killed);
        }
        Ok(removed?.then_some(Left::Abandoned))
    }

    /// Releases the writer's lease of a dead process, and marks the health that it published as
    /// that of a dead one. The sweep then removes its lock file; without the file, a process in
    /// another PID namespace could not be known to be dead.
    pub(super) fn release_dead(&self, region: &Region) {
        let header = region.header();
        for (word, ended) in [(&header.readers.lease, 0), (&header.health.liveness, ENDED)] {
            // SYNC none: the end of the process orders its stores.
            let number = word.load(Ordering::Relaxed);
            if number != 0 && number != ended && !self.is_alive(number) {
                let _ = word.compare_exchange(number, ended, Ordering::Relaxed, Ordering::Relaxed);
            }
        }
    }
}

/// Number of no process: the one that published has ended.
const ENDED: u64 = 1;
