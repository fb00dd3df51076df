//! Modes of what this library makes: the owner's own, whatever the process's umask is.

use std::os::fd::{AsRawFd as _, BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::io::{Errno, Result, retry_on_intr};

use crate::sync::descriptors::open_high;

const OWN_FOLDER: Mode = Mode::RWXU;
const OWN_FILE: Mode = Mode::RUSR.union(Mode::WUSR);

/// Makes a folder of mode 0700.
///
/// # Errors
/// [`Errno::EXIST`] if there is one; its mode is not changed.
pub(super) fn make_folder(parent: BorrowedFd<'_>, name: &Path) -> Result<()> {
    retry_on_intr(|| rustix::fs::mkdirat(parent, name, OWN_FOLDER))?;
    // A descriptor that needs no permission on the folder: a umask may have taken all.
    let path_only = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let made = retry_on_intr(|| rustix::fs::openat(parent, name, path_only, Mode::empty()))?;
    if Mode::from_raw_mode(rustix::fs::fstat(&made)?.st_mode).contains(OWN_FOLDER) {
        return Ok(());
    }
    // The kernel changes no mode through such a descriptor itself, but through its path in /proc.
    rustix::fs::chmod(format!("/proc/self/fd/{}", made.as_raw_fd()), OWN_FOLDER)
}

/// Makes a file of mode 0600, and opens it with `flags`.
///
/// # Errors
/// [`Errno::EXIST`] if there is one.
pub(super) fn make_file(parent: BorrowedFd<'_>, name: &str, flags: OFlags) -> Result<OwnedFd> {
    let flags = flags | OFlags::CREATE | OFlags::EXCL;
    let made = open_high(|| retry_on_intr(|| rustix::fs::openat(parent, name, flags, OWN_FILE)))?;
    if !Mode::from_raw_mode(rustix::fs::fstat(&made)?.st_mode).contains(OWN_FILE) {
        rustix::fs::fchmod(&made, OWN_FILE)?;
    }
    Ok(made)
}

/// Opens a file or folder. Waits while its maker, another process of this user, has still to set
/// its mode.
pub(super) fn wait_for_mode(
    parent: BorrowedFd<'_>,
    name: &Path,
    open: impl Fn() -> Result<OwnedFd>,
) -> Result<OwnedFd> {
    const TRIES: u32 = 50;
    let is_just_made = || {
        let stat = rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW);
        stat.is_ok_and(|stat| {
            let is_own = stat.st_uid == rustix::process::geteuid().as_raw();
            let is_folder = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
            let wanted = if is_folder { OWN_FOLDER } else { OWN_FILE };
            is_own && !Mode::from_raw_mode(stat.st_mode).contains(wanted)
        })
    };
    for _ in 0..TRIES {
        match open() {
            Err(Errno::ACCESS) if is_just_made() => std::thread::sleep(Duration::from_millis(1)),
            opened => return opened,
        }
    }
    open()
}
