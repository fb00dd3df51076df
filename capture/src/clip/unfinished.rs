//! A file under construction: it gets its name when it is complete, and leaves nothing if it never
//! is.
//!
//! Until then the file has no name (`O_TMPFILE`): the kernel frees it when its writer ends. Where
//! the file system has no such files, it is a `.capbuf-*.part`, locked by its writer. The next
//! writer into the folder removes each one that no process has locked.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, ErrorKind, Seek as _, Write};
use std::os::fd::AsRawFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use capbuf::largest_file_bytes;
use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat, open};
use tempfile::{Builder, TempPath};

use super::if_exists::IfExists;

const PREFIX: &str = ".capbuf-";
const SUFFIX: &str = ".part";
/// The mode of a new file; the umask applies.
const MODE: u32 = 0o666;
/// The most files of one name, numbered.
const MOST_NUMBERED: u32 = 100_000;

/// A file under construction.
#[derive(Debug)]
pub(crate) struct Unfinished {
    folder: PathBuf,
    file: File,
    written_bytes: u64,
    /// The name of a `.part` file; `None` for a file without a name.
    part: Option<TempPath>,
}

impl Unfinished {
    /// Creates a file in a folder, after removing what killed writers left there.
    pub(crate) fn create_in(folder: &Path) -> io::Result<Self> {
        remove_abandoned(folder);
        match nameless(folder) {
            Some(file) => Ok(Self { folder: folder.to_owned(), file, written_bytes: 0, part: None }),
            None => Self::create_part_in(folder),
        }
    }

    /// Creates a `.part` file.
    fn create_part_in(folder: &Path) -> io::Result<Self> {
        loop {
            let part = part_names().permissions(Permissions::from_mode(MODE)).tempfile_in(folder)?;
            // Between creation and lock, another writer can have taken it for abandoned.
            let is_taken = matches!(part.as_file().try_lock(), Err(TryLockError::WouldBlock));
            if !is_taken && part.as_file().metadata()?.nlink() > 0 {
                let (file, part) = part.into_parts();
                return Ok(Self { folder: folder.to_owned(), file, written_bytes: 0, part: Some(part) });
            }
        }
    }

    /// Waits until all is on the disk; returns the size of the file.
    pub(crate) fn sync(&self) -> io::Result<u64> {
        self.file.sync_all()?;
        Ok(self.file.metadata()?.len())
    }

    /// Gives the file its name, atomically, and returns the name.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyExists`] if the name is in use, with [`IfExists::Fail`].
    pub(crate) fn publish(mut self, path: &Path, if_exists: IfExists) -> io::Result<PathBuf> {
        match if_exists {
            IfExists::Fail => self.publish_new(path).map(|()| path.to_owned()),
            IfExists::Overwrite => {
                self.take_part()?.persist(path)?;
                Ok(path.to_owned())
            }
            IfExists::Number => {
                for path in numbered(path) {
                    match self.publish_new(&path) {
                        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                        done => return done.map(|()| path),
                    }
                }
                Err(io::Error::other(format!("{MOST_NUMBERED} files have that name and a number")))
            }
        }
    }

    /// Gives the file a name that no file has.
    fn publish_new(&mut self, path: &Path) -> io::Result<()> {
        if self.part.is_none() {
            match link(&self.file, path) {
                Ok(()) => return Ok(()),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(error),
                // A file system or a policy without hard links.
                Err(_) => {}
            }
        }
        let Err(failed) = self.take_part()?.persist_noclobber(path) else { return Ok(()) };
        if failed.error.kind() == ErrorKind::AlreadyExists {
            self.part = Some(failed.path);
            return Err(failed.error);
        }
        // Neither links nor exclusive renames: an empty file reserves the name, and is replaced.
        File::create_new(path)?;
        failed.path.persist(path).map_err(|failed| {
            // An error leaves the empty file.
            let _ = fs::remove_file(path);
            failed.error
        })
    }

    /// Returns the name of the `.part` file; gives a file without a name one.
    fn take_part(&mut self) -> io::Result<TempPath> {
        if let Some(part) = self.part.take() {
            return Ok(part);
        }
        if let Ok(part) = part_names().make_in(&self.folder, |name| link(&self.file, name)) {
            return Ok(part.into_temp_path());
        }
        let Self { file, part, .. } = Self::create_part_in(&self.folder)?;
        let mut nameless = std::mem::replace(&mut self.file, file);
        nameless.rewind()?;
        io::copy(&mut nameless, &mut self.file)?;
        self.file.sync_all()?;
        part.ok_or_else(|| io::Error::other("it has no name"))
    }
}

impl Write for Unfinished {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Beyond its limit the kernel ends the process by a signal.
        let limit = largest_file_bytes();
        if self.written_bytes.saturating_add(bytes.len() as u64) > limit {
            return Err(io::Error::other(format!("this process may make files of {limit} bytes: see `ulimit -f`")));
        }
        let written = self.file.write(bytes)?;
        self.written_bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Removes the `.part` files of a folder whose writers have died.
///
/// Ignores errors: a file that cannot be locked or removed stays.
pub(crate) fn remove_abandoned(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        if name.as_bytes().starts_with(PREFIX.as_bytes()) && name.as_bytes().ends_with(SUFFIX.as_bytes()) {
            let _ = remove_if_unlocked(&entry.path());
        }
    }
}

fn remove_if_unlocked(path: &Path) -> io::Result<()> {
    // For writing, as exclusive locks on NFS need it. Neither follows a link nor waits for a FIFO.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let file = OpenOptions::new().read(true).write(true).custom_flags(flags).open(path)?;
    if !file.metadata()?.is_file() || file.try_lock().is_err() {
        return Ok(());
    }
    // Its writer can have finished it since, and another begun one of the same name.
    if fs::symlink_metadata(path)?.ino() == file.metadata()?.ino() { fs::remove_file(path) } else { Ok(()) }
}

/// Creates a file without a name, where the file system can and where it can be named later.
fn nameless(folder: &Path) -> Option<File> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let file = File::from(open(folder, flags, Mode::from_raw_mode(MODE)).ok()?);
    let _ = file.try_lock();
    fs::symlink_metadata(link_of(&file)).is_ok().then_some(file)
}

/// Gives a file without a name a name that no file has.
fn link(file: &File, path: &Path) -> io::Result<()> {
    Ok(linkat(CWD, link_of(file), CWD, path, AtFlags::SYMLINK_FOLLOW)?)
}

/// The link to an open file. Not in `/proc/self`: that is empty once the main thread has ended.
fn link_of(file: &File) -> String {
    format!("/proc/thread-self/fd/{}", file.as_raw_fd())
}

fn part_names() -> Builder<'static, 'static> {
    let mut builder = Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX);
    builder
}

/// The path, then the path with a number before its extension.
fn numbered(path: &Path) -> impl Iterator<Item = PathBuf> {
    let name = |number: u32| {
        let mut name = path.file_stem().unwrap_or_default().to_owned();
        name.push(format!("-{number}."));
        name.push(path.extension().unwrap_or(OsStr::new("")));
        path.with_file_name(name)
    };
    std::iter::once(path.to_owned()).chain((2..=MOST_NUMBERED).map(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both kinds of files, with some content.
    fn unfinished_in(folder: &Path) -> [Unfinished; 2] {
        let file = nameless(folder).expect("O_TMPFILE");
        let nameless = Unfinished { folder: folder.to_owned(), file, written_bytes: 0, part: None };
        [nameless, Unfinished::create_part_in(folder).expect("a file")].map(|mut unfinished| {
            unfinished.write_all(b"audio").expect("written");
            unfinished
        })
    }

    fn names_in(folder: &Path) -> Vec<String> {
        let name = |entry: io::Result<fs::DirEntry>| entry.expect("an entry").file_name().into_string().expect("UTF-8");
        let mut names: Vec<_> = fs::read_dir(folder).expect("a folder").map(name).collect();
        names.sort();
        names
    }

    #[test]
    fn existing_file_is_kept_numbered_or_overwritten() {
        for kind in 0..2 {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join("a.b.wav");
            fs::write(&path, "first").expect("a file");
            let publish = |if_exists| {
                let [nameless, part] = unfinished_in(folder.path());
                (if kind == 0 { nameless } else { part }).publish(&path, if_exists)
            };
            assert_eq!(publish(IfExists::Fail).map_err(|error| error.kind()), Err(ErrorKind::AlreadyExists));
            for number in 2..4 {
                let numbered = folder.path().join(format!("a.b-{number}.wav"));
                assert_eq!(publish(IfExists::Number).expect("a name"), numbered);
                assert_eq!(fs::read(numbered).expect("a file"), b"audio");
            }
            assert_eq!(fs::read(&path).expect("a file"), b"first");
            assert_eq!(publish(IfExists::Overwrite).expect("it is overwritten"), path);
            assert_eq!(fs::read(&path).expect("a file"), b"audio");
            assert_eq!(names_in(folder.path()), ["a.b-2.wav", "a.b-3.wav", "a.b.wav"], "{kind}");
        }
    }

    #[test]
    fn nameless_file_that_cannot_be_linked_is_copied() {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, if_exists) in [("new.wav", IfExists::Fail), ("over.wav", IfExists::Overwrite)] {
            // With O_EXCL the kernel refuses to link it ever.
            let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::EXCL;
            let file = File::from(open(folder.path(), flags, Mode::from_raw_mode(MODE)).expect("O_TMPFILE"));
            let mut unlinkable = Unfinished { folder: folder.path().to_owned(), file, written_bytes: 0, part: None };
            unlinkable.write_all(b"audio").expect("written");
            let path = unlinkable.publish(&folder.path().join(name), if_exists).expect("it is named");
            assert_eq!(fs::read(path).expect("a file"), b"audio");
        }
        assert_eq!(names_in(folder.path()), ["new.wav", "over.wav"]);
    }

    #[test]
    fn abandoned_part_is_removed_and_one_that_is_written_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let [nameless, part] = unfinished_in(folder.path());
        fs::write(folder.path().join(".capbuf-killed.part"), "half").expect("a file");
        fs::write(folder.path().join("capbuf-mine.part"), "mine").expect("a file");
        std::os::unix::fs::symlink("/nowhere", folder.path().join(".capbuf-link.part")).expect("a link");
        remove_abandoned(folder.path());
        let written = part.part.as_ref().and_then(|part| part.file_name()).expect("a name").to_owned();
        let mut expected =
            [".capbuf-link.part".into(), written.into_string().expect("UTF-8"), "capbuf-mine.part".into()];
        expected.sort();
        assert_eq!(names_in(folder.path()), expected);
        drop((nameless, part));
        assert_eq!(names_in(folder.path()), [".capbuf-link.part", "capbuf-mine.part"]);
    }
}
