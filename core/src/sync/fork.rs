//! Fork detection: a child must not share liveness locks, nor the right to write.
//!
//! A forked child inherits open files, and with them kernel locks: while it lived, its dead parent
//! would still hold them. So the child releases them as its first step. It also inherits writers,
//! which must not write beside the parent's: everything that belongs to one process records the
//! fork generation in which it was created.

use std::os::fd::{AsRawFd, BorrowedFd, IntoRawFd};
use std::sync::Once;

use super::process::{AtomicI32, AtomicU32};
use crate::sync::Ordering;

/// Number of forks between this process and the one that loaded the library.
static FORKS: AtomicU32 = AtomicU32::new(0);

const NONE: i32 = -1;
/// Descriptors whose locks children release. A lock without a place here stays held while a child
/// lives.
static HELD: [AtomicI32; 1024] = [const { AtomicI32::new(NONE) }; 1024];
/// A descriptor without meaning, put in their place: the numbers stay taken, so closing them closes
/// nothing else.
static SPARE: AtomicI32 = AtomicI32::new(NONE);

/// The fork generation of this process. Wait-free: a load.
pub(crate) fn generation() -> u32 {
    // SYNC none: it changes only before the child's first step.
    FORKS.load(Ordering::Relaxed)
}

/// Registers the fork handler, once.
pub(crate) fn watch() {
    static WATCHING: Once = Once::new();
    WATCHING.call_once(|| {
        if let Ok(spare) = rustix::event::eventfd(0, rustix::event::EventfdFlags::CLOEXEC) {
            SPARE.store(spare.into_raw_fd(), Ordering::Relaxed);
        }
        // Miri has no forks.
        #[cfg(not(miri))]
        // SAFETY: the handler is a function of this library, valid while it is loaded (the system
        // forgets handlers of unloaded libraries), and does only what is allowed after a fork:
        // atomics and system calls. It fails only without memory for a few words; then children are
        // not recognised.
        let _ = unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
    });
}

#[cfg_attr(miri, allow(dead_code))]
extern "C" fn in_child() {
    FORKS.fetch_add(1, Ordering::Relaxed);
    let spare = SPARE.load(Ordering::Relaxed);
    for file in &HELD {
        let file = file.load(Ordering::Relaxed);
        if file != NONE && spare != NONE {
            // SAFETY: two descriptors of this process. The replaced one is a lock of this library,
            // whose owner only ever unlocks and closes it.
            let _ = unsafe { libc::dup3(spare, file, libc::O_CLOEXEC) };
        }
    }
}

/// A descriptor that forked children release, until this is dropped. Drop it before the file is
/// closed.
#[derive(Debug)]
pub(crate) struct Held(Option<&'static AtomicI32>);

impl Held {
    pub(crate) fn new(file: BorrowedFd<'_>) -> Self {
        watch();
        let number = file.as_raw_fd();
        let free =
            |place: &&AtomicI32| place.compare_exchange(NONE, number, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        Self(HELD.iter().find(free))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(place) = self.0 {
            place.store(NONE, Ordering::Relaxed);
        }
    }
}
