//! A domain's folder: ownership, modes, and operations on its files.

use std::fs::File;
use std::io;
#[cfg(feature = "observe")]
use std::io::Write as _;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};
use rustix::io::{Errno, retry_on_intr};

use super::modes;
use super::presence::Identity;
use crate::error::{Error, Result};
#[cfg(feature = "observe")]
use crate::memory::largest_file_bytes;
use crate::source::redact;
use crate::sync::descriptors::{Descriptor, above_standard_streams, open_high};

/// The folder's descriptor. Every name is opened relative to it, so the folder can't be swapped.
#[derive(Debug)]
pub(crate) struct Folder {
    pub(super) dir: Descriptor,
    path: PathBuf,
    /// The root folder when it was opened: the path begins there.
    pub(super) root: Option<Identity>,
}

const FOLDER: OFlags = OFlags::DIRECTORY.union(OFlags::RDONLY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
const FILE: OFlags = OFlags::RDWR.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
const READ_FILE: OFlags = OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Longest name of a domain, in bytes.
pub const MAX_DOMAIN_BYTES: usize = 64;

/// The folder of all domains: `CAPBUF_DIR`, or the user's own in shared memory.
pub(super) fn base(chosen: Option<&Path>) -> PathBuf {
    let from_environment = || std::env::var_os("CAPBUF_DIR").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let own = || PathBuf::from(format!("/dev/shm/capbuf-{}", rustix::process::geteuid().as_raw()));
    let base = chosen.map(Path::to_owned).or_else(from_environment).unwrap_or_else(own);
    // It must stay the same when the process changes its working directory.
    std::path::absolute(&base).unwrap_or(base)
}

/// Checks the name of a domain, which need not exist.
///
/// # Errors
/// [`Error::InvalidArgument`] for a name that no domain can have, with the allowed ones.
///
/// ```
/// assert!(capbuf::check_domain_name("birds").is_ok());
/// assert!(capbuf::check_domain_name("two birds").is_err());
/// ```
pub fn check_domain_name(name: &str) -> Result<()> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if (1..=MAX_DOMAIN_BYTES).contains(&name.len()) && name.bytes().all(allowed) && !name.starts_with(['.', '-']) {
        return Ok(());
    }
    let shown: String = redact(name).escape_debug().take(80).collect();
    let allowed = "1 to 64 letters, digits, '.', '_' and '-', not beginning with '.' or '-'";
    Err(Error::invalid("domain", format!("\"{shown}\""), allowed))
}

impl Folder {
    /// Opens, or creates, the folder of all domains.
    pub(super) fn of_domains(base: &Path) -> Result<Self> {
        match modes::make_folder(rustix::fs::CWD, base) {
            Ok(()) | Err(Errno::EXIST) => Self::existing(base),
            Err(error) => {
                let hint = "set CAPBUF_DIR to a folder in shared memory that this user may make or write to";
                let reason = format!("{error}; {hint}");
                Err(Error::system(format!("making the folder {}", base.display()), reason))
            }
        }
    }

    /// Opens the folder of all domains.
    pub(super) fn existing(base: &Path) -> Result<Self> {
        let folder = Self::opened(rustix::fs::CWD, base, base.to_owned())?;
        let (stat, user) = (folder.stat()?, rustix::process::geteuid().as_raw());
        // Root's own will do: each domain's folder is checked by itself.
        if stat.st_uid == user || stat.st_uid == 0 { Ok(folder) } else { Err(folder.of_another(stat.st_uid, "")) }
    }

    /// Opens the folder of all domains; `None` if there is none.
    pub(super) fn if_there(base: &Path) -> Result<Option<Self>> {
        match retry_on_intr(|| rustix::fs::lstat(base)) {
            Err(Errno::NOENT) => Ok(None),
            _ => Self::existing(base).map(Some),
        }
    }

    /// Opens a folder in this one, or creates it if `make` is set.
    pub(super) fn inner(&self, name: &str, make: bool) -> Result<Self> {
        let path = self.path.join(name);
        if make {
            match modes::make_folder(self.dir.as_fd(), Path::new(name)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(self.refused("making the folder", name, error)),
            }
        }
        let folder = Self::opened(self.dir.as_fd(), Path::new(name), path)?;
        folder.check_owner(&folder.stat()?, "")?;
        Ok(folder)
    }

    fn opened(parent: BorrowedFd<'_>, name: &Path, path: PathBuf) -> Result<Self> {
        let open = || {
            let dir = open_high(|| retry_on_intr(|| rustix::fs::openat(parent, name, FOLDER, Mode::empty())))?;
            // Refused if files in it can't be looked at.
            rustix::fs::statat(&dir, ".", AtFlags::empty()).map(|_| dir)
        };
        let dir = match modes::wait_for_mode(parent, name, open) {
            Ok(dir) => dir,
            Err(Errno::LOOP | Errno::NOTDIR) => {
                let reason = "it is a link or no folder; allowed is a folder of your own".to_owned();
                return Err(Error::Forbidden { path: path.display().to_string(), reason });
            }
            Err(error) => {
                let stat = rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW).ok();
                let is_own = |stat: &Stat| stat.st_uid == rustix::process::geteuid().as_raw();
                return Err(match stat.filter(is_own).map(|stat| stat.st_mode & 0o777) {
                    Some(mode) if error == Errno::ACCESS && mode & 0o500 != 0o500 => {
                        let reason = format!("its mode is {mode:o}; allowed is 700");
                        Error::Forbidden { path: path.display().to_string(), reason }
                    }
                    _ => Error::system(format!("opening the folder {}", path.display()), error),
                });
            }
        };
        Ok(Self { dir: Descriptor::shared(dir), path, root: Identity::of_root() })
    }

    fn stat(&self) -> Result<Stat> {
        rustix::fs::fstat(&self.dir).map_err(|error| self.failed("looking at", "", error))
    }

    fn of_another(&self, owner: u32, name: &str) -> Error {
        let user = rustix::process::geteuid();
        let reason = format!("it belongs to user {owner}, not to user {user}; set CAPBUF_DIR to a folder of your own");
        Error::Forbidden { path: self.shown(name), reason }
    }

    /// Refuses files of another user, and files that others may read or change.
    fn check_owner(&self, stat: &Stat, name: &str) -> Result<()> {
        if stat.st_uid != rustix::process::geteuid().as_raw() {
            return Err(self.of_another(stat.st_uid, name));
        }
        if (Mode::from_raw_mode(stat.st_mode) & (Mode::RWXG | Mode::RWXO)).is_empty() {
            return Ok(());
        }
        let mode = stat.st_mode & 0o777;
        let reason = format!("its mode is {mode:o}: others may use it; allowed is a mode of the owner's alone");
        Err(Error::Forbidden { path: self.shown(name), reason })
    }

    /// True unless it was removed.
    pub(super) fn is_there(&self) -> bool {
        rustix::fs::fstat(&self.dir).is_ok_and(|stat| stat.st_nlink > 0)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The path of a file in it, for display.
    pub(super) fn shown(&self, name: &str) -> String {
        if name.is_empty() { self.path.display().to_string() } else { self.path.join(name).display().to_string() }
    }

    pub(super) fn failed(&self, doing: &str, name: &str, error: impl ToString) -> Error {
        Error::system(format!("{doing} {}", self.shown(name)), error)
    }

    /// A failed call, with a remedy if there is one.
    pub(super) fn refused(&self, doing: &str, name: &str, error: Errno) -> Error {
        match error {
            Errno::NOSPC | Errno::DQUOT => {
                let hint = "remove buffers, or set CAPBUF_DIR to a folder with free space and free inodes";
                self.failed(doing, name, format!("{error}; {hint}"))
            }
            error => self.failed(doing, name, error),
        }
    }

    /// Opens a file of this user; `None` if there is none. Refuses links and special files.
    pub(super) fn open(&self, name: &str) -> Result<Option<File>> {
        let open_for = |flags: OFlags| {
            let flags = flags | OFlags::NONBLOCK;
            open_high(|| retry_on_intr(|| rustix::fs::openat(&self.dir, name, flags, Mode::empty())))
        };
        // On a file system that is mounted for reading, files can be read and locked.
        let open = || match open_for(FILE) {
            Err(Errno::ROFS) => open_for(READ_FILE),
            opened => opened,
        };
        match modes::wait_for_mode(self.dir.as_fd(), Path::new(name), open) {
            Ok(file) => self.checked_file(file, name).map(Some),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(self.not_opened(name, error)),
        }
    }

    /// The error of a file that can't be opened: what it is, or whose.
    fn not_opened(&self, name: &str, error: Errno) -> Error {
        // A folder that may not be searched refuses this, too: then the file is not known.
        let Ok(stat) = rustix::fs::statat(&self.dir, name, AtFlags::SYMLINK_NOFOLLOW) else {
            return self.failed("opening", name, error);
        };
        if let Err(forbidden) = self.check_file(&stat, name) {
            return forbidden;
        }
        let mode = stat.st_mode & 0o777;
        if error == Errno::ACCESS && mode & 0o600 != 0o600 {
            let reason = format!("its mode is {mode:o}; allowed is 600");
            return Error::Forbidden { path: self.shown(name), reason };
        }
        self.failed("opening", name, error)
    }

    /// Opens or creates a file.
    pub(super) fn open_or_create(&self, name: &str) -> Result<File> {
        self.open_or_try_to_create(name)?.map_err(|error| self.refused("making", name, error))
    }

    /// Opens or creates a file; `None` if there is none and the file system has no room for one, or
    /// is mounted for reading.
    pub(super) fn open_or_create_if_room(&self, name: &str) -> Result<Option<File>> {
        match self.open_or_try_to_create(name)? {
            Ok(file) => Ok(Some(file)),
            Err(Errno::NOSPC | Errno::DQUOT | Errno::ROFS) => Ok(None),
            Err(error) => Err(self.refused("making", name, error)),
        }
    }

    fn open_or_try_to_create(&self, name: &str) -> Result<rustix::io::Result<File>> {
        loop {
            if let Some(file) = self.open(name)? {
                return Ok(Ok(file));
            }
            match modes::make_file(self.dir.as_fd(), name, FILE) {
                Ok(file) => return self.checked_file(file, name).map(Ok),
                // Another process was faster.
                Err(Errno::EXIST) => {}
                Err(error) => return Ok(Err(error)),
            }
        }
    }

    /// True if an open file still has this name.
    pub(super) fn is_named(&self, file: &File, name: &str) -> Result<bool> {
        let failed = |error| self.failed("looking at", name, error);
        let own = rustix::fs::fstat(file).map_err(failed)?;
        match retry_on_intr(|| rustix::fs::statat(&self.dir, name, AtFlags::SYMLINK_NOFOLLOW)) {
            Ok(stat) => Ok((stat.st_dev, stat.st_ino) == (own.st_dev, own.st_ino)),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(failed(error)),
        }
    }

    fn checked_file(&self, file: OwnedFd, name: &str) -> Result<File> {
        let stat = rustix::fs::fstat(&file).map_err(|error| self.failed("looking at", name, error))?;
        self.check_file(&stat, name)?;
        Ok(File::from(file))
    }

    fn check_file(&self, stat: &Stat, name: &str) -> Result<()> {
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => return self.check_owner(stat, name),
            FileType::Directory => "a folder",
            FileType::Symlink => "a link",
            FileType::Fifo => "a named pipe",
            FileType::Socket => "a socket",
            _ => "a device",
        };
        let reason = format!("it is {kind}; allowed is a file");
        Err(Error::Forbidden { path: self.shown(name), reason })
    }

    pub(super) fn free_bytes(&self) -> u64 {
        self.room_bytes().unwrap_or(0)
    }

    /// Free bytes of its file system; `None` if unbounded or unknown.
    pub(super) fn room_bytes(&self) -> Option<u64> {
        let system = rustix::fs::fstatvfs(&self.dir).ok().filter(|system| system.f_blocks > 0)?;
        Some(system.f_bavail.saturating_mul(system.f_frsize))
    }

    /// True if what has this name belongs to this user.
    pub(super) fn is_own(&self, name: &str) -> Result<bool> {
        let stat = rustix::fs::statat(&self.dir, name, AtFlags::SYMLINK_NOFOLLOW);
        let stat = stat.map_err(|error| self.failed("looking at", name, error))?;
        Ok(stat.st_uid == rustix::process::geteuid().as_raw())
    }

    /// True if there is anything with this name.
    pub(super) fn exists(&self, name: &str) -> Result<bool> {
        match retry_on_intr(|| rustix::fs::statat(&self.dir, name, AtFlags::SYMLINK_NOFOLLOW)) {
            Ok(_) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(self.failed("looking at", name, error)),
        }
    }

    pub(super) fn rename(&self, from: &str, to: &str) -> Result<()> {
        let renamed = retry_on_intr(|| rustix::fs::renameat(&self.dir, from, &self.dir, to));
        renamed.map_err(|error| self.refused("renaming", from, error))
    }

    /// Replaces the content of a file at once. Until then it is in the file `new`, which one
    /// process writes at a time.
    #[cfg(feature = "observe")]
    pub(super) fn replace(&self, name: &str, new: &str, text: &str) -> Result<()> {
        if text.len() as u64 > largest_file_bytes() {
            return Err(self.failed("writing", name, "it is beyond this process's limit: see `ulimit -f`"));
        }
        let mut file = self.open_or_create(new)?;
        let written = file.set_len(0).and_then(|()| file.write_all(text.as_bytes()));
        let replaced =
            written.map_err(|error| self.failed("writing", new, error)).and_then(|()| self.rename(new, name));
        if replaced.is_err() {
            // The first error counts.
            let _ = self.remove_file(new);
        }
        replaced
    }

    /// Removes a file; false if there was none.
    pub(super) fn remove_file(&self, name: &str) -> Result<bool> {
        match retry_on_intr(|| rustix::fs::unlinkat(&self.dir, name, AtFlags::empty())) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(self.failed("removing", name, error)),
        }
    }

    /// Removes an empty folder in this one; false if it is not empty or not there.
    pub(super) fn remove_folder(&self, name: &str) -> Result<bool> {
        match retry_on_intr(|| rustix::fs::unlinkat(&self.dir, name, AtFlags::REMOVEDIR)) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT | Errno::NOTEMPTY | Errno::EXIST) => Ok(false),
            Err(error) => Err(self.failed("removing", name, error)),
        }
    }

    /// The names in it, sorted.
    pub(super) fn names(&self) -> Result<Vec<String>> {
        let listed = || -> io::Result<Vec<String>> {
            let mut names = Vec::new();
            for entry in above_standard_streams(|| Dir::read_from(&self.dir))? {
                // This library makes no names that are not UTF-8: those can only be shown.
                let name = entry?.file_name().to_string_lossy().into_owned();
                names.extend(Some(name).filter(|name| !name.starts_with('.')));
            }
            names.sort();
            Ok(names)
        };
        listed().map_err(|error| self.failed("listing", "", error))
    }
}
