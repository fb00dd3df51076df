//! The place of one source, whose buffer any number of threads use where it lies, without counting.
//!
//! A thread that is about to use a slot writes down which, on a line of its own, and then looks whether the slot still has its buffer. Who
//! takes a buffer out marks the slot and then looks at what all threads have written down (hazard pointers). Between the two steps of each
//! is a fence, so one of the two sees the other. Looking is frequent and taking out is rare: the latter pays for both fences, where
//! the system lets it, by having the kernel interrupt every running thread of the process.
//!
//! A buffer that somebody still uses lingers until he ends, and goes then.

use std::sync::PoisonError;

use crate::buffer::CaptureBuffer;
use crate::error::Error;
use crate::registry::lookup::name::Name;
use crate::source::Source;
use crate::sync::{
    Arc, AtomicU32, AtomicU64, ConstPtr, HalvedFence, Mutex, MutexGuard, OnceLock, Ordering, Queue, UnsafeCell, fence,
    fork, process,
};

const EMPTY: u32 = 0;
const BEING_FILLED: u32 = 1;
const FILLED: u32 = 2;
/// Its buffer is out of the registry, though some may still use it here.
const TAKEN: u32 = 3;

/// The place of one source: published empty, filled once by who published it.
///
/// In this order, as one cache line is to hold what a lookup reads, unless the name is long; the counts of its `Arc` lie on another.
#[repr(C, align(64))]
pub(crate) struct Slot {
    /// The registry's own handle.
    content: UnsafeCell<Option<CaptureBuffer>>,
    state: AtomicU32,
    name: Name,
    pub(crate) source: Source,
    pub(crate) hash: u64,
    /// What came of the filling; others wait for it.
    pub(crate) filled: OnceLock<Result<(), Error>>,
}

// SAFETY: the content is written by the one who turns the state from empty, and taken by the one who turned it to taken, once nobody uses
// it. In between it is only shared, and what it is made of may be used and dropped by any thread.
unsafe impl Sync for Slot {}
const _: () = {
    const fn can_be_shared<T: Send + Sync>() {}
    can_be_shared::<CaptureBuffer>();
};

#[cfg(not(loom))]
const _: () = assert!(std::mem::offset_of!(Slot, name) + 44 == 64, "forty bytes of the name, behind its length");

impl Slot {
    pub(crate) fn new(source: Source, hash: u64) -> Self {
        let (content, state) = (UnsafeCell::new(None), AtomicU32::new(EMPTY));
        Self { content, state, name: Name::new(source.as_str()), source, hash, filled: OnceLock::new() }
    }

    /// Tells whether it is the place of a source.
    #[inline(always)]
    pub(crate) fn is_of(&self, source: &str) -> bool {
        self.name.is(source, || self.is_of_other(source))
    }

    #[inline(never)]
    fn is_of_other(&self, source: &str) -> bool {
        self.source.as_str() == source
    }

    /// Puts the buffer in. For who published the slot, once; of any more nothing comes.
    pub(crate) fn fill(&self, buffer: CaptureBuffer) {
        // SYNC none: nothing was there to be seen.
        if self.state.compare_exchange(EMPTY, BEING_FILLED, Ordering::Relaxed, Ordering::Relaxed).is_err() {
            return;
        }
        // SAFETY: nobody looks at the content while the state says that it is being filled, which only this call made it say.
        unsafe { *self.content.get_mut().deref() = Some(buffer) };
        // SYNC slot: who finds it filled sees with what.
        self.state.store(FILLED, Ordering::Release);
    }

    /// What a thread writes down that uses it.
    fn address(&self) -> u64 {
        std::ptr::from_ref(self).addr() as u64
    }
}

/// What one thread writes down for one registry, on lines of its own.
#[repr(align(128))]
#[derive(Default)]
pub(crate) struct OfThread {
    /// The slots it uses: one in place, and one for as long as it takes to count a handle.
    used: [AtomicU64; 2],
    /// That a slot it uses was taken: it is to see to what lingers when it ends.
    asked: AtomicU32,
    /// Attempts that found their ring at once.
    hits: process::AtomicU64,
}

const IN_PLACE: usize = 0;
const IN_PASSING: usize = 1;

impl OfThread {
    /// Counts an attempt that found its ring: a plain store, as nobody else adds.
    #[inline]
    pub(crate) fn hit(&self) {
        // SYNC none: a counter of one thread, read for display.
        self.hits.store(self.hits.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }
}

/// The threads of one registry that look slots up, and the slots that wait for them.
///
/// What its methods are told of is its own: a slot that was found in the registry's map (so it is in it, or taken by who took it out), and what
/// [`Users::of_thread`] gave to this thread.
pub(crate) struct Users {
    /// Never shorter than it was: a thread that ended leaves its place to one that begins.
    threads: Mutex<Vec<Arc<OfThread>>>,
    /// Slots that were taken while somebody used them.
    lingering: Mutex<Vec<Arc<Slot>>>,
    fence: HalvedFence,
    /// Of a forked child nothing here is true: its parent's other threads are not in it, whatever they hold and have written down. It uses no
    /// lock of these, and keeps what it removes.
    generation: u32,
    /// What was removed in such a child: whoever uses it there is not known.
    kept: Queue<Arc<Slot>>,
}

impl Users {
    pub(crate) fn new() -> Self {
        fork::watch();
        let (threads, lingering) = (Mutex::default(), Mutex::default());
        Self { threads, lingering, fence: HalvedFence::new(), generation: fork::generation(), kept: Queue::new() }
    }

    fn is_inherited(&self) -> bool {
        self.generation != fork::generation()
    }

    fn threads(&self) -> MutexGuard<'_, Vec<Arc<OfThread>>> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For a thread to write down what it uses.
    pub(crate) fn of_thread(&self) -> Arc<OfThread> {
        if self.is_inherited() {
            return Arc::new(OfThread::default());
        }
        let mut threads = self.threads();
        let has_ended = |own: &&Arc<OfThread>| {
            // SYNC use: what it wrote down before it gave its count back is seen; and where that use has ended, it has ended before.
            Arc::strong_count(own) == 1 && {
                fence(Ordering::Acquire);
                own.used.iter().all(|used| used.load(Ordering::Acquire) == 0)
            }
        };
        if let Some(ended) = threads.iter().find(has_ended) {
            return Arc::clone(ended);
        }
        let own = Arc::new(OfThread::default());
        threads.push(Arc::clone(&own));
        own
    }

    /// Attempts that found their ring at once.
    pub(crate) fn hits(&self) -> u64 {
        if self.is_inherited() {
            return 0;
        }
        self.threads().iter().map(|thread| thread.hits.load(Ordering::Relaxed)).sum()
    }

    /// What a slot of this registry holds, to be used where it lies. Waits for nobody, counts nothing. Not within another such use of this
    /// thread, which has one place to write down what it uses.
    #[inline(always)]
    pub(crate) fn hold<'a>(&'a self, slot: &Slot, own: &OfThread) -> Held<'a> {
        // SYNC none: this thread's own.
        if own.used[IN_PLACE].load(Ordering::Relaxed) != 0 {
            return Held::Within;
        }
        match self.announce(slot, own, IN_PLACE) {
            Some(content) => Held::InPlace(InPlace { content, own, users: self }),
            None => Held::Nothing,
        }
    }

    /// A counted handle on the buffer of a slot of this registry.
    #[inline]
    pub(crate) fn handle(&self, slot: &Slot, own: &OfThread) -> Option<CaptureBuffer> {
        self.look(slot, own, |buffer| Some(buffer.clone()))
    }

    /// Shows what a slot of this registry holds to who neither looks slots up nor takes long nor panics.
    #[inline]
    pub(crate) fn look<R>(
        &self,
        slot: &Slot,
        own: &OfThread,
        look: impl FnOnce(&CaptureBuffer) -> Option<R>,
    ) -> Option<R> {
        let mut content = self.announce(slot, own, IN_PASSING)?;
        // SAFETY: the slot was filled after this thread had written down that it uses it, so who takes it leaves it as it is.
        let found = unsafe { content.deref() }.as_ref().and_then(look);
        content.end();
        self.end(own, IN_PASSING);
        found
    }

    /// Writes down that this thread uses a slot, if it is filled.
    #[inline(always)]
    fn announce(&self, slot: &Slot, own: &OfThread, word: usize) -> Option<ConstPtr<Option<CaptureBuffer>>> {
        // SYNC use: released, so that who finds it also sees that the use before it has ended.
        own.used[word].store(slot.address(), Ordering::Release);
        self.fence.light();
        // SYNC slot: it was filled before.
        if slot.state.load(Ordering::Acquire) == FILLED {
            return Some(slot.content.get());
        }
        self.end(own, word);
        None
    }

    #[inline(always)]
    fn end(&self, own: &OfThread, word: usize) {
        // SYNC use: what this thread did with the buffer happened before.
        own.used[word].store(0, Ordering::Release);
        self.fence.light();
        if own.asked.load(Ordering::Relaxed) != 0 {
            own.asked.store(0, Ordering::Relaxed);
            self.give_back();
        }
    }

    /// Takes the buffer out of a slot that is in the map no more; returns a handle on it. It goes from the slot when nobody uses it there.
    pub(crate) fn take(&self, slot: &Arc<Slot>) -> Option<CaptureBuffer> {
        // SYNC slot: it was filled before, and who sees that it is taken sees that it is in the map no more.
        slot.state.compare_exchange(FILLED, TAKEN, Ordering::AcqRel, Ordering::Relaxed).ok()?;
        let mut content = slot.content.get();
        // SAFETY: it was filled, and goes only after it is listed below.
        let buffer = unsafe { content.deref() }.clone();
        content.end();
        if self.is_inherited() {
            self.kept.push(Arc::clone(slot));
        } else {
            self.lingering().push(Arc::clone(slot));
            self.give_back();
        }
        buffer
    }

    fn lingering(&self) -> MutexGuard<'_, Vec<Arc<Slot>>> {
        self.lingering.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets go of the buffers in slots that were taken and that nobody uses any more. Where the kernel refuses the fence, at the next time.
    #[cold]
    #[inline(never)]
    fn give_back(&self) {
        if self.is_inherited() {
            return;
        }
        let mut free = Vec::new();
        let mut lingering = self.lingering();
        // Once more if users were asked: one that ended before he could see it is found to have ended, and any other sees it. A thread
        // that sees it waits for this list, so there are no more rounds than threads.
        let mut asked_anew = true;
        while asked_anew && !lingering.is_empty() && self.fence.heavy() {
            asked_anew = false;
            let threads = self.threads();
            lingering.retain(|slot| {
                // SYNC use: who used it has ended before.
                let uses = |thread: &&Arc<OfThread>| {
                    thread.used.iter().any(|used| used.load(Ordering::Acquire) == slot.address())
                };
                let mut users = threads.iter().filter(uses).peekable();
                let is_used = users.peek().is_some();
                users.for_each(|user| asked_anew |= user.asked.swap(1, Ordering::Relaxed) == 0);
                if !is_used {
                    let content = slot.content.get_mut();
                    // SAFETY: taken, so whoever wrote it down after the fence finds no buffer, and nobody had before. Listed once, and
                    // let go of under the lock of the list.
                    free.push(unsafe { content.deref() }.take());
                }
                is_used
            });
        }
        // What ends may take long.
        drop(lingering);
        drop(free);
    }

    /// Takes the buffers out of all slots of this registry at its end, when nobody can be using them.
    pub(crate) fn take_all<'a>(&mut self, slots: impl Iterator<Item = &'a Arc<Slot>>) {
        let lingering = std::mem::take(&mut *self.lingering());
        for slot in slots.cloned().chain(lingering) {
            // SYNC slot: it was filled before.
            if slot.state.swap(TAKEN, Ordering::Acquire) >= FILLED {
                let content = slot.content.get_mut();
                // SAFETY: every use borrows from this, which nobody else has borrowed now.
                drop(unsafe { content.deref() }.take());
            }
        }
    }
}

/// What a slot holds, as far as this thread may use it there.
pub(crate) enum Held<'a> {
    /// No buffer.
    Nothing,
    /// Not told, as this thread is just using another, or ending.
    Within,
    InPlace(InPlace<'a>),
}

/// The buffer of a slot, for as long as this lives. It stays on its thread.
pub(crate) struct InPlace<'a> {
    content: ConstPtr<Option<CaptureBuffer>>,
    own: *const OfThread,
    users: &'a Users,
}

impl InPlace<'_> {
    #[inline]
    pub(crate) fn buffer(&self) -> Option<&CaptureBuffer> {
        // SAFETY: filled before this thread looked and after it had written down that it uses it: who takes it leaves it until this ends.
        unsafe { self.content.deref() }.as_ref()
    }
}

impl Drop for InPlace<'_> {
    #[inline]
    fn drop(&mut self) {
        self.content.end();
        // SAFETY: kept by this thread as long as the registry is there, unless the thread is ending; and then nothing is held.
        let own = unsafe { &*self.own };
        self.users.end(own, IN_PLACE);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
    use std::sync::Barrier;
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use super::*;
    use crate::Registry;
    use crate::spec::{Length, SampleFormat, Spec};

    fn registry() -> (Registry, Spec) {
        let spec = Spec::new(Length::Frames(8), 8000, 1, SampleFormat::S16).unwrap();
        (Registry::builder().commit_ahead(false).build(), spec)
    }

    #[test]
    fn a_buffer_that_is_removed_while_two_use_it_goes_with_the_last() {
        let (registry, spec) = registry();
        drop(registry.get_or_allocate("x", spec).unwrap());
        let (looking, removed) = (Barrier::new(2), Barrier::new(2));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                registry.with("x", |buffer| {
                    looking.wait();
                    removed.wait();
                    assert!(buffer.is_removed());
                })
            });
            registry.with("x", |buffer| {
                looking.wait();
                registry.remove("x").unwrap();
                assert!(buffer.is_removed() && registry.with("x", |_| ()).is_none());
                assert!(registry.stats().bytes > 0, "both use it");
            });
            assert!(registry.stats().bytes > 0, "the other uses it");
            removed.wait();
        });
        assert_eq!(registry.stats().bytes, 0);
    }

    #[test]
    fn a_use_of_one_buffer_keeps_no_other() {
        let (registry, spec) = registry();
        drop(["x", "y"].map(|source| registry.get_or_allocate(source, spec).unwrap()));
        registry.with("x", |_| {
            let both = registry.stats().bytes;
            registry.remove("y").unwrap();
            assert_eq!(registry.stats().bytes, both / 2);
        });
    }

    #[test]
    fn a_use_that_panics_has_ended() {
        let (registry, spec) = registry();
        drop(registry.get_or_allocate("x", spec).unwrap());
        let panicked = catch_unwind(AssertUnwindSafe(|| registry.with("x", |_| resume_unwind(Box::new(())))));
        assert!(panicked.is_err());
        registry.remove("x").unwrap();
        assert_eq!(registry.stats().bytes, 0);
    }

    #[test]
    fn a_thread_leaves_its_place_and_its_hits_to_the_next() {
        let users = Users::new();
        for _ in 0..3 {
            let [one, other] = [users.of_thread(), users.of_thread()];
            one.hit();
            other.hit();
        }
        assert_eq!((users.hits(), users.threads().len()), (6, 2));
    }

    #[test]
    fn a_forked_child_touches_no_lock_that_its_parent_may_have_held() {
        let (registry, spec) = registry();
        let buffer = registry.get_or_allocate("x", spec).unwrap();
        let slot = Arc::new(Slot::new(Source::new("x").unwrap(), 0));
        slot.fill(buffer.clone());
        // As a child sees what its parent made, with locks that nobody will open.
        let users = Users { generation: fork::generation().wrapping_sub(1), ..Users::new() };
        let locks = (users.threads(), users.lingering());
        let (done, is_done) = channel();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let own = users.of_thread();
                assert!(matches!(users.hold(&slot, &own), Held::InPlace(_)));
                own.asked.store(1, Ordering::Relaxed);
                assert!(users.handle(&slot, &own).is_some_and(|found| found.same_as(&buffer)));
                assert!(users.take(&slot).is_some() && users.handle(&slot, &own).is_none());
                assert_eq!(users.hits(), 0);
                done.send(()).unwrap();
            });
            let ended = is_done.recv_timeout(Duration::from_secs(30));
            drop(locks);
            ended.expect("it waits for a lock");
        });
    }

    #[test]
    fn a_thread_that_is_ending_uses_a_buffer_too() {
        struct AtTheEnd(Registry);
        impl Drop for AtTheEnd {
            fn drop(&mut self) {
                self.0.with("x", |buffer| {
                    self.0.remove("x").unwrap();
                    assert!(buffer.is_removed() && self.0.stats().bytes > 0);
                });
            }
        }
        std::thread_local! { static LAST: RefCell<Option<AtTheEnd>> = const { RefCell::new(None) }; }
        let (registry, spec) = registry();
        drop(registry.get_or_allocate("x", spec).unwrap());
        let theirs = registry.clone();
        // Begun first, so that it ends after the lookups' own cache.
        std::thread::spawn(move || {
            LAST.set(Some(AtTheEnd(theirs.clone())));
            assert!(theirs.contains("x"));
        })
        .join()
        .unwrap();
        assert!(!registry.contains("x"));
        assert_eq!(registry.stats().bytes, 0);
    }
}
