//! Opening domains, listing them, removing them.

use std::path::{Path, PathBuf};

use super::folder::{self, Folder};
use super::handle::Domain;
use super::liveness::{self, LivenessLock};
use super::lock_file::LockFile;
use super::name_key::NameKey;
use super::names::{Names, is_ring};
use super::removal;
use crate::error::{Error, Result};
use crate::memory::{PoolCounts, PoolSettings, Region};
use crate::sync::{ArcSwap, PlainArc};

/// Name of the default domain: `CAPBUF_DOMAIN`, or `default`.
pub(crate) fn default_name() -> String {
    match std::env::var("CAPBUF_DOMAIN") {
        Ok(name) if name.is_empty() => "default".to_owned(),
        Ok(name) => name,
        Err(std::env::VarError::NotPresent) => "default".to_owned(),
        // Opening refuses it, with its name.
        Err(std::env::VarError::NotUnicode(name)) => name.to_string_lossy().into_owned(),
    }
}

impl Domain {
    /// Opens, or creates, a domain; sweeps it if a process of it has died.
    pub(crate) fn open(name: &str, base: Option<&Path>, pool: PoolSettings) -> Result<PlainArc<Self>> {
        Self::open_hashed(name, base, pool, NameKey::hash)
    }

    pub(super) fn open_hashed(
        name: &str,
        base: Option<&Path>,
        pool: PoolSettings,
        hash: fn(&NameKey, &[u8]) -> u128,
    ) -> Result<PlainArc<Self>> {
        folder::check_name(name)?;
        let all = Folder::of_domains(&folder::base(base))?;
        loop {
            let folder = PlainArc::new(all.inner(name, true)?);
            let liveness = match LivenessLock::new(&folder) {
                Ok(liveness) => liveness,
                // Another process removed the domain just now.
                Err(_) if !folder.is_there() => continue,
                Err(error) => return Err(error),
            };
            // After the liveness lock, which keeps the key in the folder.
            let key = NameKey::of_folder(&folder)?;
            let (liveness, pool_counts) = (ArcSwap::from_pointee(liveness), PoolCounts::default());
            let domain = PlainArc::new(Self { name: name.to_owned(), folder, liveness, key, hash, pool, pool_counts });
            domain.sweep_after_deaths()?;
            return Ok(domain);
        }
    }
}

/// A domain as seen from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DomainInfo {
    /// Its name.
    pub name: String,
    /// Its folder.
    pub path: PathBuf,
    /// Number of buffers.
    pub buffers: usize,
    /// Bytes of all buffers.
    pub bytes: u64,
    /// Living processes that have it open.
    pub processes: usize,
    /// True if dead processes left something to sweep.
    pub has_dead: bool,
}

/// Lists the domains of this user, by name. `folder` replaces `CAPBUF_DIR` and the default.
///
/// # Errors
/// [`Error::Forbidden`] if the folder is not this user's alone, [`Error::System`] if it can't be
/// listed.
pub fn domains(folder: Option<&Path>) -> Result<Vec<DomainInfo>> {
    let base = folder::base(folder);
    let Some(all) = Folder::if_there(&base)? else {
        return Ok(Vec::new());
    };
    let names = all.names()?.into_iter().filter(|name| folder::check_name(name).is_ok());
    // Without other files, and folders that were removed meanwhile.
    Ok(names.filter_map(|name| info(&name, &all.inner(&name, false).ok()?).ok()).collect())
}

fn info(name: &str, folder: &Folder) -> Result<DomainInfo> {
    let names = folder.names()?;
    let rings = names.iter().filter(|name| is_ring(name));
    let sizes: Vec<u64> = rings.filter_map(|name| Some(folder.open(name).ok()??.metadata().ok()?.len())).collect();
    let locks = names.iter().filter(|name| liveness::is_name(name));
    let alive = locks.clone().filter(|name| LockFile::is_held(folder, name)).count();
    Ok(DomainInfo {
        name: name.to_owned(),
        path: folder.path().to_owned(),
        buffers: sizes.len(),
        bytes: sizes.iter().sum(),
        processes: alive,
        has_dead: locks.count() > alive,
    })
}

/// Removes a domain: all buffers, as [`Registry::remove`](crate::Registry::remove) does, and the
/// folder unless a process has it open.
///
/// # Errors
/// [`Error::NotFound`] if there is no such domain; otherwise as [`domains`].
pub fn remove_domain(name: &str, folder: Option<&Path>) -> Result<()> {
    folder::check_name(name)?;
    let base = folder::base(folder);
    let all = Folder::if_there(&base)?;
    if !all.as_ref().map_or(Ok(false), |all| all.exists(name))? {
        return Err(Error::NotFound { source_name: format!("domain {name}") });
    }
    let domain = Domain::open(name, folder, PoolSettings::default())?;
    domain.remove_all()?;
    // The liveness lock of this process first: then the folder may be empty.
    drop(domain);
    let all = Folder::existing(&base)?;
    if let Ok(folder) = all.inner(name, false) {
        NameKey::remove(&folder)?;
    }
    all.remove_folder(name).map(|_| ())
}

impl Domain {
    fn remove_all(&self) -> Result<()> {
        self.sweep()?;
        self.remove_logs(0)?;
        self.trim_to(0)?;
        for name in self.folder.names()?.into_iter().filter(|name| is_ring(name)) {
            let Some(names) = Names::of_file(&name) else { continue };
            let _lock = LockFile::wait(&self.folder, &names.lock())?;
            if let Some(file) = self.folder.open(&name)? {
                match self.map(&file, &name) {
                    Ok((region, _)) => removal::mark_removed(&region),
                    Err(Error::Corrupt { .. }) => Region::condemn(&file),
                    // Another layout: the flag's place is unknown.
                    Err(_) => {}
                }
            }
            // Damaged files go, too.
            self.folder.remove_file(&name)?;
        }
        Ok(())
    }
}
