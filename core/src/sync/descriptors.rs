//! Descriptors that the library keeps open in a host that may close, replace and inherit them.
//!
//! A host may close all files that it did not open itself, and its own files then get the numbers.
//! So a number is used only while it still is the file that was opened, as device and inode say. A
//! forked child closes those that hold its parent's locks, for otherwise they would outlive the
//! parent. And no file of the library gets number 0, 1 or 2, which a host may have closed: its own
//! output would go there.

use std::fmt;
use std::fs::File;
use std::mem::ManuallyDrop;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd, RawFd};

use rustix::fs::{Mode, OFlags};

use super::fork::{self, Moment};
use super::process::{AtomicI32, AtomicPtr, AtomicU32, AtomicU64};
use crate::sync::Ordering;

/// The first number that is no standard stream.
const FIRST_NUMBER: RawFd = 3;
/// No number of any file.
const NONE: RawFd = -3;

/// The file that a number stands for, whoever has opened it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    /// The file that a number stands for now; `None` if it is closed. A system call, allowed in a
    /// forked child.
    fn of(number: RawFd) -> Option<Self> {
        // SAFETY: zeros are a value of this structure of integers.
        let mut stat: libc::stat = unsafe { std::mem::zeroed() };
        // SAFETY: a closed or foreign number is an error or a description, and nothing is changed.
        if unsafe { libc::fstat(number, &raw mut stat) } != 0 {
            return None;
        }
        // Not u64 on every target.
        #[allow(clippy::unnecessary_cast)]
        Some(Self { device: stat.st_dev as u64, inode: stat.st_ino as u64 })
    }
}

/// The record of a descriptor that children close.
struct Place {
    number: AtomicI32,
    generation: AtomicU32,
    device: AtomicU64,
    inode: AtomicU64,
}

impl Place {
    const fn free() -> Self {
        let (generation, device, inode) = (AtomicU32::new(0), AtomicU64::new(0), AtomicU64::new(0));
        Self { number: AtomicI32::new(NONE), generation, device, inode }
    }
}

/// Some places. The list grows and is never shortened: a child walks it.
struct Chunk {
    places: [Place; 256],
    next: AtomicPtr<Chunk>,
}

impl Chunk {
    const fn new() -> Self {
        Self { places: [const { Place::free() }; 256], next: AtomicPtr::new(std::ptr::null_mut()) }
    }

    fn next(&self) -> Option<&'static Self> {
        // SYNC held (walk): acquires the places.
        let next = self.next.load(Ordering::Acquire);
        // SAFETY: null, or a chunk that is never freed.
        unsafe { next.as_ref() }
    }

    /// The next chunk, made if there is none.
    fn next_or_new(&self) -> &'static Self {
        if let Some(next) = self.next() {
            return next;
        }
        let new = Box::into_raw(Box::new(Self::new()));
        // SYNC held (grow): releases the places.
        match self.next.compare_exchange(std::ptr::null_mut(), new, Ordering::AcqRel, Ordering::Acquire) {
            // SAFETY: made above, and never freed from now on.
            Ok(_) => unsafe { &*new },
            Err(theirs) => {
                // SAFETY: made above, and nobody else has seen it.
                drop(unsafe { Box::from_raw(new) });
                // SAFETY: another thread's chunk, which is never freed.
                unsafe { &*theirs }
            }
        }
    }
}

static FIRST: Chunk = Chunk::new();

/// Records a descriptor; children close it from now on. Lock-free.
fn hold(number: RawFd, identity: Identity, generation: u32) -> &'static Place {
    /// A place that is being written.
    const BUSY: RawFd = -4;
    // SYNC none: a child is a copy of this memory with the stores of each thread in their order, as
    // far as it had come.
    let free = |place: &&Place| {
        place.number.load(Ordering::Relaxed) == NONE
            && place.number.compare_exchange(NONE, BUSY, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    };
    let mut chunk = &FIRST;
    let place = loop {
        if let Some(place) = chunk.places.iter().find(free) {
            break place;
        }
        chunk = chunk.next_or_new();
    };
    place.device.store(identity.device, Ordering::Relaxed);
    place.inode.store(identity.inode, Ordering::Relaxed);
    place.generation.store(generation, Ordering::Relaxed);
    // SYNC held (record): releases the rest of the place to a fork.
    place.number.store(number, Ordering::Release);
    place
}

/// Closes the parent's recorded descriptors in a child, as far as they are still the parent's, and
/// forgets them. Allowed after a fork: atomics and system calls.
pub(super) fn release_inherited(generation: u32) {
    let mut chunk = Some(&FIRST);
    while let Some(Chunk { places, .. }) = chunk {
        for place in places {
            // SYNC held (release): acquires the rest of the place.
            let number = place.number.load(Ordering::Acquire);
            if number == NONE || place.generation.load(Ordering::Relaxed) == generation {
                continue;
            }
            let (device, inode) = (place.device.load(Ordering::Relaxed), place.inode.load(Ordering::Relaxed));
            if number >= 0 && Identity::of(number) == Some(Identity { device, inode }) {
                // SAFETY: a descriptor of this library, whose owner in this process, if it has one,
                // knows that it is inherited and never touches it.
                let _ = unsafe { libc::close(number) };
            }
            place.number.store(NONE, Ordering::Relaxed);
        }
        chunk = chunk.and_then(Chunk::next);
    }
}

/// An open file or folder of the library, closed when dropped if its number still is that file.
#[derive(Debug)]
pub(crate) struct Descriptor {
    file: ManuallyDrop<File>,
    identity: Identity,
    /// Set if forked children close it.
    place: Option<&'static Place>,
    generation: u32,
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Place").field(&self.number).finish()
    }
}

impl Descriptor {
    /// Keeps a file that forked children may use, too.
    pub(crate) fn shared(file: impl Into<OwnedFd>) -> Self {
        let file = File::from(file.into());
        // A file that can't be looked at is never recognised, and stays open.
        let identity = Identity::of(file.as_raw_fd()).unwrap_or(Identity { device: 0, inode: 0 });
        Self { file: ManuallyDrop::new(file), identity, place: None, generation: fork::generation() }
    }

    /// Keeps a file that forked children close: for locks, before they are taken. `open` is called
    /// again if a fork came in between, whose child has the file and does not know it.
    pub(crate) fn unshared<E>(open: impl Fn() -> Result<File, E>) -> Result<Self, E> {
        /// A process that forks all the time gets its file, too.
        const TRIES: usize = 100;
        fork::watch();
        for _ in 0..TRIES {
            let moment = Moment::now();
            let kept = Self::recorded(open()?);
            if moment.is_undisturbed() {
                return Ok(kept);
            }
            drop(kept);
            std::thread::yield_now();
        }
        open().map(Self::recorded)
    }

    /// As [`unshared`](Self::unshared), with a file that may not be there.
    pub(crate) fn unshared_if_there<E>(open: impl Fn() -> Result<Option<File>, E>) -> Result<Option<Self>, E> {
        let opened = Self::unshared(|| open().map_err(Some)?.ok_or(None));
        opened.map(Some).or_else(|error| error.map_or(Ok(None), Err))
    }

    fn recorded(file: File) -> Self {
        let mut kept = Self::shared(file);
        kept.place = Some(hold(kept.file.as_raw_fd(), kept.identity, kept.generation));
        kept
    }

    /// The file, which the caller knows not to be [inherited](Self::is_inherited).
    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// True in a child of the process that opened it, which does not have it.
    pub(crate) fn is_inherited(&self) -> bool {
        self.place.is_some() && self.generation != fork::generation()
    }

    /// True unless its number was closed, and perhaps used for another file since.
    pub(crate) fn is_own(&self) -> bool {
        !self.is_inherited() && Identity::of(self.file.as_raw_fd()) == Some(self.identity)
    }
}

impl AsFd for Descriptor {
    /// The descriptor; if it is lost, one of no file, of which every use is an error.
    fn as_fd(&self) -> BorrowedFd<'_> {
        if self.is_own() {
            return self.file.as_fd();
        }
        // SAFETY: not -1, and open nowhere.
        unsafe { BorrowedFd::borrow_raw(NONE) }
    }
}

impl Drop for Descriptor {
    fn drop(&mut self) {
        let is_own = self.is_own();
        if let Some(place) = self.place.filter(|_| !self.is_inherited()) {
            place.number.store(NONE, Ordering::Relaxed);
        }
        // Otherwise a child or the host closed it already, and may have used the number since.
        if is_own {
            // SAFETY: nothing uses it after this.
            unsafe { ManuallyDrop::drop(&mut self.file) };
        }
    }
}

/// Runs `open` while the numbers 0, 1 and 2 are taken, so that no file that it opens gets one.
///
/// A daemon may have closed them, and still write to its standard error.
pub fn above_standard_streams<R>(open: impl FnOnce() -> R) -> R {
    let nothing = || rustix::fs::open("/", OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).ok();
    // A placeholder can neither be read nor written: to the host the stream is as good as closed.
    let taken = [0, 1, 2].map(|number| match Identity::of(number) {
        Some(_) => None,
        None => nothing().map(Descriptor::shared),
    });
    let opened = open();
    drop(taken);
    opened
}

/// Opens a file under a number that is no standard stream's.
pub(crate) fn open_high(open: impl FnOnce() -> rustix::io::Result<OwnedFd>) -> rustix::io::Result<OwnedFd> {
    let file = above_standard_streams(open)?;
    // Another thread may have closed a stream, or given a placeholder back, meanwhile.
    if file.as_raw_fd() >= FIRST_NUMBER { Ok(file) } else { rustix::io::fcntl_dupfd_cloexec(&file, FIRST_NUMBER) }
}

/// Writes to stderr, and leaves out what can't be written. Takes no lock, which a forked child
/// could inherit locked. A closed pipe raises no SIGPIPE.
pub(crate) fn write_stderr(mut bytes: &[u8]) {
    without_sigpipe(|| {
        let stderr = std::io::stderr();
        while !bytes.is_empty() {
            match rustix::io::write(stderr.as_fd(), bytes) {
                Ok(0) => break,
                Ok(written) => bytes = &bytes[written..],
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => break,
            }
        }
    });
}

/// Calls `write` with SIGPIPE blocked on this thread, and discards the one that it raised.
fn without_sigpipe(write: impl FnOnce()) {
    let is_pending = || {
        // SAFETY: zeros are a value of this plain data.
        let mut pending: libc::sigset_t = unsafe { std::mem::zeroed() };
        // SAFETY: writes to a local variable.
        let is_known = unsafe { libc::sigpending(&raw mut pending) } == 0;
        // SAFETY: reads a local variable.
        is_known && unsafe { libc::sigismember(&raw const pending, libc::SIGPIPE) } == 1
    };
    // SAFETY: zeros are a value of this plain data.
    let mut pipe: libc::sigset_t = unsafe { std::mem::zeroed() };
    let mut before = pipe;
    // SAFETY: writes to a local variable.
    unsafe { libc::sigemptyset(&raw mut pipe) };
    // SAFETY: as above.
    unsafe { libc::sigaddset(&raw mut pipe, libc::SIGPIPE) };
    let was_pending = is_pending();
    // SAFETY: reads and writes local variables, and changes this thread only.
    if unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const pipe, &raw mut before) } != 0 {
        return;
    }
    write();
    if !was_pending && is_pending() {
        let now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: reads local variables. Another thread may have taken the signal: no error.
        while unsafe { libc::sigtimedwait(&raw const pipe, std::ptr::null_mut(), &raw const now) } == -1
            && std::io::Error::last_os_error().kind() == std::io::ErrorKind::Interrupted
        {}
    }
    // SAFETY: puts back the mask of this thread.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, std::ptr::null_mut()) };
}
