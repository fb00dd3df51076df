//! Checks that names still lead to the folder and the files that this process opened.
//!
//! Cleaners, `rm` and logind's `RemoveIPC` take folders and files away from running processes.

use std::os::fd::AsFd;

use rustix::fs::{AtFlags, Stat};
use rustix::io::{Errno, retry_on_intr};

use super::folder::Folder;

/// Device and inode of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    // Of other types on other targets.
    #[allow(clippy::unnecessary_cast)]
    fn of(stat: &Stat) -> Self {
        Self { device: stat.st_dev as u64, inode: stat.st_ino as u64 }
    }

    /// The identity of an open file; `None` if its descriptor was closed by others.
    pub(super) fn of_file(file: impl AsFd) -> Option<Self> {
        retry_on_intr(|| rustix::fs::fstat(&file)).ok().map(|stat| Self::of(&stat))
    }

    /// The root folder, in which paths begin.
    pub(super) fn of_root() -> Option<Self> {
        retry_on_intr(|| rustix::fs::stat("/")).ok().map(|stat| Self::of(&stat))
    }
}

impl Folder {
    /// False if it was removed, or if its path leads nowhere or elsewhere. True if that can't be
    /// found out, and after `chroot`, which changes what the path means.
    pub(super) fn is_in_place(&self) -> bool {
        let Ok(own) = retry_on_intr(|| rustix::fs::fstat(&self.dir)) else { return true };
        if own.st_nlink == 0 {
            return false;
        }
        if Identity::of_root() != self.root {
            return true;
        }
        match retry_on_intr(|| rustix::fs::stat(self.path())) {
            Ok(found) => Identity::of(&found) == Identity::of(&own),
            Err(error) => !matches!(error, Errno::NOENT | Errno::NOTDIR),
        }
    }

    /// The file that a name leads to; `Ok(None)` if there is none.
    pub(super) fn identity(&self, name: &str) -> rustix::io::Result<Option<Identity>> {
        match retry_on_intr(|| rustix::fs::statat(&self.dir, name, AtFlags::SYMLINK_NOFOLLOW)) {
            Ok(found) => Ok(Some(Identity::of(&found))),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// False if a name leads to no file, or to another one. True if that can't be found out.
    pub(super) fn leads_to(&self, name: &str, file: Option<Identity>) -> bool {
        self.identity(name).map_or(true, |found| found.is_some() && (file.is_none() || found == file))
    }
}
