//! A domain that stays open: in a new folder if its folder is taken away.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::handle::Domain;
use crate::error::Result;
use crate::sync::PlainArc;
use crate::sync::process::ArcSwap;

/// A domain of a registry. The open folder is replaced when it is lost.
#[derive(Debug)]
pub(crate) struct OpenDomain {
    name: String,
    path: PathBuf,
    base: Option<PathBuf>,
    grace_s: u32,
    current: ArcSwap<Domain>,
    /// Locked while a lost folder is replaced.
    reopening: Mutex<()>,
}

impl OpenDomain {
    pub(crate) fn open(name: &str, base: Option<&Path>, grace_s: u32) -> Result<Self> {
        let domain = Domain::open(name, base, grace_s)?;
        // Absolute, as the folder's own path is: the process may change its working directory.
        let base = domain.path().parent().map(Path::to_owned);
        Ok(Self {
            name: name.to_owned(),
            path: domain.path().to_owned(),
            base,
            grace_s,
            current: ArcSwap::new(domain),
            reopening: Mutex::new(()),
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The domain as it was at the last check.
    pub(crate) fn current(&self) -> PlainArc<Domain> {
        self.current.load_full()
    }

    /// Returns the domain, opened again in a new folder if `lost` is still the current one.
    ///
    /// # Errors
    /// As [`Domain::open`]; then the lost one stays, and the next call tries again.
    pub(crate) fn reopen(&self, lost: &PlainArc<Domain>) -> Result<PlainArc<Domain>> {
        let _turn = self.reopening.lock().unwrap_or_else(PoisonError::into_inner);
        let current = self.current();
        if !PlainArc::ptr_eq(&current, lost) {
            return Ok(current);
        }
        let opened = Domain::open(&self.name, self.base.as_deref(), self.grace_s)?;
        self.current.store(PlainArc::clone(&opened));
        Ok(opened)
    }
}
