//! Sweeping: removes what dead processes left behind.

use super::handle::Domain;
use super::lock_file::LockFile;
use super::names::Names;
use super::{holders, liveness, logs, removal};
use crate::error::{Error, Result};
use crate::lifetime::Lifetime;

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
        let left = names.iter().filter(|name| liveness::is_name(name) || is_leftover(name));
        let is_held = |name: &str| LockFile::is_held(&self.folder, self.lock_of(name).as_deref().unwrap_or(name));
        if left.into_iter().any(|name| !is_held(name) && !self.has_living_record(name)) {
            self.sweep()?;
        }
        Ok(())
    }

    /// The lock that protects a file; the file's own, if `None`.
    fn lock_of(&self, name: &str) -> Option<String> {
        name.ends_with(".new").then(|| Names::of_file(name).map(|names| names.lock()))?
    }

    /// Removes what dead processes left: buffers that stay only while open, half-made buffers,
    /// marks, locks.
    pub(crate) fn sweep(&self) -> Result<Swept> {
        let mut swept = Swept::default();
        for name in self.folder.names()?.into_iter().filter(|name| is_leftover(name)) {
            let Some(names) = Names::of_file(&name) else { continue };
            // Under the lock file no process allocates a ring or claims a source. Releasing the
            // lock removes its file.
            let Some(_lock) = LockFile::try_take(&self.folder, &names.lock())? else { continue };
            let is_dead = if name.ends_with(".new") {
                self.folder.remove_file(&name)?
            } else {
                name.ends_with(".claim")
                    || (!self.has_living_record(&name) && LockFile::try_take(&self.folder, &name)?.is_some())
            };
            swept.leftovers += usize::from(is_dead);
        }
        for (_, region, description) in self.rings()? {
            if removal::is_removed(&region) {
                let source = description.source.as_str();
                let _lock = LockFile::wait(&self.folder, &self.names_of(source).lock())?;
                swept.leftovers += usize::from(unless_damaged(self.finish_removal(source))?);
                continue;
            }
            holders::clear_dead(&self.folder, &region);
            if description.lifetime == Lifetime::WhileOpen && !holders::any_alive(&self.folder, &region) {
                swept.buffers += usize::from(unless_damaged(self.remove_abandoned(description.source.as_str()))?);
            }
        }
        // Last: the marks with their numbers are cleared now.
        for name in self.folder.names()?.into_iter().filter(|name| liveness::is_name(name)) {
            swept.processes += usize::from(LockFile::remove_dead(&self.folder, &name)?);
        }
        self.remove_logs(logs::KEPT)?;
        self.trim_to(u64::MAX)?;
        Ok(swept)
    }
}

/// A damaged ring is left to its remover, and does not end the sweep.
fn unless_damaged(removed: Result<bool>) -> Result<bool> {
    match removed {
        Err(Error::Corrupt { .. } | Error::LayoutMismatch { .. }) => Ok(false),
        removed => removed,
    }
}

fn is_leftover(name: &str) -> bool {
    [".new", ".claim", ".feed"].iter().any(|end| name.ends_with(end)) && Names::of_file(name).is_some()
}
