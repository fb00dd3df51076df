//! Fork detection: a child must not share liveness locks, nor the right to write.
//!
//! A forked child inherits open files, and with them kernel locks: while it lived, its dead parent
//! would still hold them. So the child closes them as its first step. It also inherits writers,
//! locks and threads' handles, of which none is its own: everything that belongs to one process
//! records the fork generation in which it was created.
//!
//! The generation lies in a page that the kernel wipes in every child, also in one of `_Fork` or
//! `clone`, for which no fork handler runs. Such a child lets go of inherited locks when it enters
//! the library the first time, other than on the audio thread. Kernels before 4.14 wipe no page:
//! there the handlers alone tell a child.

use super::descriptors;
use super::process::{AtomicPtr, AtomicU32};
use crate::sync::Ordering;

/// The generation of a process that was not forked since the library was loaded.
const FIRST: u32 = 1;

/// The generation, until there is a page, and where the kernel wipes none.
static WORD: AtomicU32 = AtomicU32::new(FIRST);
/// The word that holds the generation: zero in a child that has not looked yet.
static PLACE: AtomicPtr<AtomicU32> = AtomicPtr::new((&raw const WORD).cast_mut());
/// The newest generation of this process and its parents.
static NEWEST: AtomicU32 = AtomicU32::new(FIRST);
/// The generation that let go of its parent's locks.
static ENTERED: AtomicU32 = AtomicU32::new(FIRST);
static IS_WATCHED: AtomicU32 = AtomicU32::new(0);
/// Forks that began and ended in this process.
static BEGUN: AtomicU32 = AtomicU32::new(0);
static ENDED: AtomicU32 = AtomicU32::new(0);

fn word() -> &'static AtomicU32 {
    // SYNC none: whoever finds the page before its content counts no generation, see `begin`.
    // SAFETY: a static, or the beginning of a page that is never unmapped.
    unsafe { &*PLACE.load(Ordering::Relaxed) }
}

/// The fork generation of this process. Wait-free: two loads.
#[inline]
pub(crate) fn generation() -> u32 {
    let word = word();
    // SYNC none: it changes only before the child's first step, or by that step itself.
    match word.load(Ordering::Relaxed) {
        0 => begin(word),
        generation => generation,
    }
}

/// Begins the generation of a child. Wait-free; another thread of the child may be faster.
#[cold]
fn begin(word: &AtomicU32) -> u32 {
    // A number that is not used is of no account.
    let next = NEWEST.fetch_add(1, Ordering::Relaxed).wrapping_add(1).max(FIRST);
    match word.compare_exchange(0, next, Ordering::Relaxed, Ordering::Relaxed) {
        Ok(_) => next,
        Err(begun) => begun,
    }
}

/// Lets a child that no handler has prepared let go of its parent's locks. Not for the audio
/// thread: the first call in a child makes system calls.
#[inline]
pub(crate) fn enter() {
    let generation = generation();
    if ENTERED.load(Ordering::Relaxed) != generation && ENTERED.swap(generation, Ordering::Relaxed) != generation {
        // The threads that forked in the parent are not in this process.
        ENDED.store(BEGUN.load(Ordering::Relaxed), Ordering::Relaxed);
        descriptors::release_inherited(generation);
    }
}

/// Makes forks of this process seen. Repeatable; takes no lock, which a child could inherit.
pub(crate) fn watch() {
    if IS_WATCHED.load(Ordering::Relaxed) == 0 {
        // Miri has no forks. Threads that are here at once register twice, which harms nothing.
        #[cfg(not(miri))]
        {
            let ours = (&raw const WORD).cast_mut();
            if PLACE.load(Ordering::Relaxed) == ours
                && let Some(page) = wiped_page(WORD.load(Ordering::Relaxed))
            {
                // A second page of a thread that lost is left: this happens once in a process.
                let _ = PLACE.compare_exchange(ours, page, Ordering::Relaxed, Ordering::Relaxed);
            }
            // SAFETY: the handlers are functions of this library, valid while it is loaded (the
            // system forgets handlers of unloaded libraries), and do only what is allowed after a
            // fork: atomics and system calls. It fails only without memory for a few words; then
            // the page alone marks a child.
            let _ = unsafe { libc::pthread_atfork(Some(before), Some(in_parent), Some(in_child)) };
        }
        IS_WATCHED.store(1, Ordering::Relaxed);
    }
    enter();
}

/// A page that begins with `generation`, and with zero in every child; `None` if the kernel wipes
/// none.
#[cfg(not(miri))]
fn wiped_page(generation: u32) -> Option<*mut AtomicU32> {
    // The largest page size of the systems that this runs on.
    const BYTES: usize = 1 << 16;
    let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: a new private mapping, which nothing else uses.
    let page = unsafe { libc::mmap(std::ptr::null_mut(), BYTES, access, kind, -1, 0) };
    if page == libc::MAP_FAILED {
        return None;
    }
    #[cfg(target_os = "linux")]
    // SAFETY: the mapping of above.
    let is_wiped = unsafe { libc::madvise(page, BYTES, libc::MADV_WIPEONFORK) } == 0;
    #[cfg(not(target_os = "linux"))]
    let is_wiped = false;
    let word = page.cast::<AtomicU32>();
    if is_wiped {
        // SAFETY: aligned, writable, zeroed, and never unmapped.
        unsafe { &*word }.store(generation, Ordering::Relaxed);
        return Some(word);
    }
    // SAFETY: nothing has a reference into it.
    let _ = unsafe { libc::munmap(page, BYTES) };
    None
}

#[cfg_attr(miri, allow(dead_code))]
extern "C" fn before() {
    BEGUN.fetch_add(1, Ordering::Relaxed);
}

#[cfg_attr(miri, allow(dead_code))]
extern "C" fn in_parent() {
    ENDED.fetch_add(1, Ordering::Relaxed);
}

#[cfg_attr(miri, allow(dead_code))]
extern "C" fn in_child() {
    if PLACE.load(Ordering::Relaxed) == (&raw const WORD).cast_mut() {
        WORD.store(NEWEST.fetch_add(1, Ordering::Relaxed).wrapping_add(1).max(FIRST), Ordering::Relaxed);
    }
    enter();
}

/// A moment of a process that forks: an operation in parts can tell whether a fork came between.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    begun: u32,
    ended: u32,
}

impl Moment {
    pub(super) fn now() -> Self {
        // SYNC none: the system calls in between, here and in the fork, order these.
        Self { ended: ENDED.load(Ordering::Relaxed), begun: BEGUN.load(Ordering::Relaxed) }
    }

    /// True if no other thread was forking then, or has begun since.
    pub(super) fn is_undisturbed(self) -> bool {
        self.begun == self.ended && self.begun == BEGUN.load(Ordering::Relaxed)
    }
}
