//! A domain's folder: ownership, modes, and operations on its files.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FallocateFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use crate::error::{Error, Result};
use crate::source::redact;

/// The folder's descriptor. Every name is opened relative to it, so the folder can't be swapped.
#[derive(Debug)]
pub(crate) struct Folder {
    dir: OwnedFd,
    path: PathBuf,
}

const OWN_FOLDER: Mode = Mode::RWXU;
const OWN_FILE: Mode = Mode::RUSR.union(Mode::WUSR);
const FOLDER: OFlags = OFlags::DIRECTORY.union(OFlags::RDONLY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
const FILE: OFlags = OFlags::RDWR.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Longest name of a domain, in bytes.
pub const MAX_DOMAIN_BYTES: usize = 64;

/// The folder of all domains: `CAPBUF_DIR`, or the user's own in shared memory.
pub(super) fn base(chosen: Option<&Path>) -> PathBuf {
    let from_environment = || std::env::var_os("CAPBUF_DIR").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let own = || PathBuf::from(format!("/dev/shm/capbuf-{}", rustix::process::geteuid().as_raw()));
    chosen.map(Path::to_owned).or_else(from_environment).unwrap_or_else(own)
}

/// Checks the name of a domain.
pub(super) fn check_name(name: &str) -> Result<()> {
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
        match rustix::fs::mkdir(base, OWN_FOLDER) {
            Ok(()) | Err(Errno::EXIST) => Self::existing(base),
            Err(error) => Err(Error::system(format!("making the folder {}", base.display()), error)),
        }
    }

    /// Opens the folder of all domains.
    pub(super) fn existing(base: &Path) -> Result<Self> {
        let folder = Self::opened(rustix::fs::open(base, FOLDER, Mode::empty()), base.to_owned())?;
        let (stat, user) = (folder.stat()?, rustix::process::geteuid().as_raw());
        // Root's own will do: each domain's folder is checked by itself.
        if stat.st_uid == user || stat.st_uid == 0 { Ok(folder) } else { Err(folder.of_another(stat.st_uid, "")) }
    }

    /// Opens a folder in this one, or creates it if `make` is set.
    pub(super) fn inner(&self, name: &str, make: bool) -> Result<Self> {
        let path = self.path.join(name);
        if make {
            match rustix::fs::mkdirat(&self.dir, name, OWN_FOLDER) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(Error::system(format!("making the folder {}", path.display()), error)),
            }
        }
        let folder = Self::opened(rustix::fs::openat(&self.dir, name, FOLDER, Mode::empty()), path)?;
        folder.check_owner(&folder.stat()?, "")?;
        Ok(folder)
    }

    fn opened(opened: rustix::io::Result<OwnedFd>, path: PathBuf) -> Result<Self> {
        let dir = match opened {
            Ok(dir) => dir,
            Err(Errno::LOOP | Errno::NOTDIR) => {
                let reason = "it is a link or no folder; allowed is a folder of your own".to_owned();
                return Err(Error::Forbidden { path: path.display().to_string(), reason });
            }
            Err(error) => return Err(Error::system(format!("opening the folder {}", path.display()), error)),
        };
        Ok(Self { dir, path })
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

    /// Opens a file of this user; `None` if there is none. Refuses links and special files.
    pub(super) fn open(&self, name: &str) -> Result<Option<File>> {
        match rustix::fs::openat(&self.dir, name, FILE | OFlags::NONBLOCK, Mode::empty()) {
            Ok(file) => self.checked_file(file, name).map(Some),
            Err(Errno::NOENT) => Ok(None),
            Err(Errno::LOOP) => {
                let reason = "it is a link; allowed is a file".to_owned();
                Err(Error::Forbidden { path: self.shown(name), reason })
            }
            Err(error) => Err(self.failed("opening", name, error)),
        }
    }

    /// Opens or creates a file.
    pub(super) fn open_or_create(&self, name: &str) -> Result<File> {
        let opened = rustix::fs::openat(&self.dir, name, FILE | OFlags::NONBLOCK | OFlags::CREATE, OWN_FILE);
        self.checked_file(opened.map_err(|error| self.failed("making", name, error))?, name)
    }

    fn checked_file(&self, file: OwnedFd, name: &str) -> Result<File> {
        let stat = rustix::fs::fstat(&file).map_err(|error| self.failed("looking at", name, error))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            let reason = "it is no regular file".to_owned();
            return Err(Error::Forbidden { path: self.shown(name), reason });
        }
        self.check_owner(&stat, name)?;
        Ok(File::from(file))
    }

    /// Creates a file of `bytes` zero bytes, all reserved. Leaves nothing behind if there is no
    /// space.
    pub(super) fn reserve(&self, name: &str, bytes: u64) -> Result<File> {
        self.remove_file(name)?;
        let file = self.open_or_create(name)?;
        let reserved = loop {
            match rustix::fs::fallocate(&file, FallocateFlags::empty(), 0, bytes) {
                Err(Errno::INTR) => {}
                reserved => break reserved,
            }
        };
        reserved.map_err(|error| {
            // The first error counts.
            let _ = self.remove_file(name);
            match error {
                Errno::NOSPC | Errno::DQUOT | Errno::FBIG | Errno::NOMEM => {
                    Error::OutOfSpace { requested_bytes: bytes, free_bytes: self.free_bytes(), folder: self.shown("") }
                }
                error => self.failed("reserving space in", name, error),
            }
        })?;
        Ok(file)
    }

    fn free_bytes(&self) -> u64 {
        self.room_bytes().unwrap_or(0)
    }

    /// Free bytes of its file system; `None` if unbounded or unknown.
    pub(super) fn room_bytes(&self) -> Option<u64> {
        let system = rustix::fs::fstatvfs(&self.dir).ok().filter(|system| system.f_blocks > 0)?;
        Some(system.f_bavail.saturating_mul(system.f_frsize))
    }

    pub(super) fn exists(&self, name: &str) -> bool {
        rustix::fs::statat(&self.dir, name, AtFlags::SYMLINK_NOFOLLOW).is_ok()
    }

    pub(super) fn rename(&self, from: &str, to: &str) -> Result<()> {
        rustix::fs::renameat(&self.dir, from, &self.dir, to).map_err(|error| self.failed("renaming", from, error))
    }

    /// Removes a file; false if there was none.
    pub(super) fn remove_file(&self, name: &str) -> Result<bool> {
        match rustix::fs::unlinkat(&self.dir, name, AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(self.failed("removing", name, error)),
        }
    }

    /// Removes an empty folder in this one; false if it is not empty or not there.
    pub(super) fn remove_folder(&self, name: &str) -> Result<bool> {
        match rustix::fs::unlinkat(&self.dir, name, AtFlags::REMOVEDIR) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT | Errno::NOTEMPTY | Errno::EXIST) => Ok(false),
            Err(error) => Err(self.failed("removing", name, error)),
        }
    }

    /// The names in it, sorted.
    pub(super) fn names(&self) -> Result<Vec<String>> {
        let listed = || -> io::Result<Vec<String>> {
            let mut names = Vec::new();
            for entry in Dir::read_from(&self.dir)? {
                // This library makes no names that are not UTF-8.
                names.extend(entry?.file_name().to_str().ok().filter(|name| !name.starts_with('.')).map(str::to_owned));
            }
            names.sort();
            Ok(names)
        };
        listed().map_err(|error| self.failed("listing", "", error))
    }
}
