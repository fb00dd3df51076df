//! Opening domains, listing them, removing them.

use std::path::{Path, PathBuf};

use super::folder::{self, Folder};
use super::handle::Domain;
use super::liveness::{self, LivenessLock};
use super::lock_file::LockFile;
use super::name_key::NameKey;
use super::names::is_ring;
use super::unusable;
use crate::error::{Error, Result};
use crate::sync::process::AtomicU64;
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
    /// Opens, or creates, a domain; sweeps it if a process of it has died. `grace_s` is for the
    /// rings that this process writes.
    pub(crate) fn open(name: &str, base: Option<&Path>, grace_s: u32) -> Result<PlainArc<Self>> {
        Self::open_hashed(name, base, grace_s, NameKey::hash)
    }

    pub(super) fn open_hashed(
        name: &str,
        base: Option<&Path>,
        grace_s: u32,
        hash: fn(&NameKey, &[u8]) -> u128,
    ) -> Result<PlainArc<Self>> {
        folder::check_domain_name(name)?;
        let all = Folder::of_domains(&folder::base(base))?;
        loop {
            let folder = PlainArc::new(all.inner(name, true)?);
            // Without room for a lock, or on a file system mounted for reading, it can be read.
            let liveness = match LivenessLock::new_if_room(&folder) {
                Ok(liveness) => liveness,
                // Another process removed the domain just now.
                Err(_) if !folder.is_there() => continue,
                Err(error) => return Err(error),
            };
            // After the liveness lock, which keeps the key in the folder.
            let key = NameKey::of_folder(&folder, |name| name != liveness.name())?;
            let (liveness, checked_ns) = (ArcSwap::from_pointee(liveness), AtomicU64::new(0));
            let domain = PlainArc::new(Self { folder, liveness, key, hash, grace_s, checked_ns });
            // What can't be swept now is found by the next sweep.
            let _ = domain.sweep_after_deaths();
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
    domains_and_unusable(folder).map(|(domains, _)| domains)
}

/// Lists the domains as [`domains`] does, and why each file or folder among and in them that can't
/// be used can't.
///
/// # Errors
/// As [`domains`].
#[doc(hidden)]
pub fn domains_and_unusable(folder: Option<&Path>) -> Result<(Vec<DomainInfo>, Vec<Error>)> {
    let base = folder::base(folder);
    let Some(all) = Folder::if_there(&base)? else {
        return Ok((Vec::new(), Vec::new()));
    };
    let names = all.names()?.into_iter().filter(|name| folder::check_domain_name(name).is_ok());
    let (mut domains, mut unusable) = (Vec::new(), Vec::new());
    for name in names {
        match all.inner(&name, false) {
            Ok(folder) => {
                domains.push(info(&name, &folder)?);
                unusable.extend(unusable::of_folder(&folder)?);
            }
            // Removed meanwhile.
            Err(_) if !all.exists(&name)? => {}
            // Of this user, and not to be opened: for want of descriptors, say.
            Err(error @ Error::System { .. }) if all.is_own(&name)? => return Err(error),
            Err(error) => unusable.push(error),
        }
    }
    Ok((domains, unusable))
}

fn info(name: &str, folder: &Folder) -> Result<DomainInfo> {
    let names = folder.names()?;
    let rings = names.iter().filter(|name| is_ring(name));
    let sizes: Vec<u64> = rings.filter_map(|name| Some(folder.open(name).ok()??.metadata().ok()?.len())).collect();
    let locks = names.iter().filter(|name| liveness::is_name(name)).map(|name| LockFile::check(folder, name));
    let mut held = locks.filter(|held| !matches!(held, Err(Error::Forbidden { .. }))).map(|held| held.unwrap_or(true));
    let has_dead = held.any(|held| !held);
    Ok(DomainInfo {
        name: name.to_owned(),
        path: folder.path().to_owned(),
        buffers: sizes.len(),
        bytes: sizes.iter().sum(),
        processes: liveness::living(folder)?.len(),
        has_dead,
    })
}

/// Removes a domain: all buffers, as [`Registry::remove`](crate::Registry::remove) does, and the
/// folder unless a process has it open.
///
/// # Errors
/// [`Error::NotFound`] if there is no such domain; otherwise as [`domains`].
pub fn remove_domain(name: &str, folder: Option<&Path>) -> Result<()> {
    folder::check_domain_name(name)?;
    let base = folder::base(folder);
    let all = Folder::if_there(&base)?;
    if !all.as_ref().map_or(Ok(false), |all| all.exists(name))? {
        return Err(Error::NotFound { source_name: format!("domain {name}") });
    }
    let domain = Domain::open(name, folder, 0)?;
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
        self.remove_logs()?;
        for name in self.folder.names()?.into_iter().filter(|name| is_ring(name)) {
            self.remove_ring(&name)?;
        }
        // Last: an orphaned ring keeps the lock file of its recorder.
        self.sweep().map(|_| ())
    }
}
