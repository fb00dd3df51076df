//! Loom's types under the names that the crate uses, and a way to plant a defect in one of their
//! uses, so that a model can be seen to notice it.
//!
//! Types that loom can't see through are replaced by equivalents of its parts: the arc-swap cell by
//! a lock around an `Arc`.

#![allow(clippy::unwrap_used)]

use std::fmt;
use std::ops::Deref;
use std::sync::atomic::Ordering;

/// A defect in the operations at one place in the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Defect {
    /// The ordering is relaxed.
    Relaxed,
    /// The store is lost, and reported as done.
    Lost,
    /// The load returns zero.
    Blind,
    /// Compare and set are two steps.
    Split,
}

/// The places of operations, and the planted defect. One set for each test's thread, on which loom
/// runs all threads of a model.
pub(crate) mod places {
    use super::Defect;
    use std::cell::RefCell;
    use std::panic::Location;

    #[derive(Default)]
    struct Places {
        planted: Option<(String, Vec<u32>, Defect)>,
        reached: usize,
    }

    std::thread_local! {
        static PLACES: RefCell<Places> = RefCell::default();
    }

    /// Plants a defect in some lines of a file, in place of an earlier one.
    pub(crate) fn plant(planted: Option<(String, Vec<u32>, Defect)>) {
        PLACES.with_borrow_mut(|places| (places.planted, places.reached) = (planted, 0));
    }

    /// Number of times that the planted place was reached.
    pub(crate) fn reached() -> usize {
        PLACES.with_borrow(|places| places.reached)
    }

    /// The defect planted at the caller's place.
    #[track_caller]
    pub(super) fn here() -> Option<Defect> {
        let here = Location::caller();
        PLACES.with_borrow_mut(|places| {
            let (file, lines, defect) = places.planted.as_ref()?;
            if !here.file().ends_with(file.as_str()) || !lines.contains(&here.line()) {
                return None;
            }
            places.reached += 1;
            Some(*defect)
        })
    }
}

fn order(order: Ordering, defect: Option<Defect>) -> Ordering {
    if defect == Some(Defect::Relaxed) { Ordering::Relaxed } else { order }
}

#[track_caller]
pub(crate) fn fence(order: Ordering) {
    if places::here().is_none() {
        loom::sync::atomic::fence(order);
    }
}

pub(crate) type Mutex<T> = loom::sync::Mutex<T>;
pub(crate) type MutexGuard<'a, T> = loom::sync::MutexGuard<'a, T>;

macro_rules! atomics {
    ($($name:ident: $int:ty),*) => {$(
        #[derive(Debug, Default)]
        pub(crate) struct $name(loom::sync::atomic::$name);

        #[allow(dead_code)]
        impl $name {
            pub(crate) fn new(value: $int) -> Self {
                Self(loom::sync::atomic::$name::new(value))
            }

            #[track_caller]
            pub(crate) fn load(&self, ordering: Ordering) -> $int {
                match places::here() {
                    Some(Defect::Blind) => 0,
                    defect => self.0.load(order(ordering, defect)),
                }
            }

            #[track_caller]
            pub(crate) fn store(&self, value: $int, ordering: Ordering) {
                match places::here() {
                    Some(Defect::Lost) => {}
                    defect => self.0.store(value, order(ordering, defect)),
                }
            }

            #[track_caller]
            pub(crate) fn swap(&self, value: $int, ordering: Ordering) -> $int {
                match places::here() {
                    Some(Defect::Lost) => value,
                    defect => self.0.swap(value, order(ordering, defect)),
                }
            }

            #[track_caller]
            pub(crate) fn compare_exchange(
                &self,
                current: $int,
                new: $int,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$int, $int> {
                match places::here() {
                    Some(Defect::Lost) => Ok(current),
                    Some(Defect::Split) => {
                        let found = self.0.load(Ordering::Acquire);
                        if found != current {
                            return Err(found);
                        }
                        self.0.store(new, Ordering::Release);
                        Ok(found)
                    }
                    defect => self.0.compare_exchange(current, new, order(success, defect), order(failure, defect)),
                }
            }

            #[track_caller]
            pub(crate) fn fetch_add(&self, value: $int, ordering: Ordering) -> $int {
                let defect = places::here();
                self.0.fetch_add(value, order(ordering, defect))
            }

            #[track_caller]
            pub(crate) fn fetch_sub(&self, value: $int, ordering: Ordering) -> $int {
                let defect = places::here();
                self.0.fetch_sub(value, order(ordering, defect))
            }

            #[track_caller]
            pub(crate) fn fetch_max(&self, value: $int, ordering: Ordering) -> $int {
                match places::here() {
                    Some(Defect::Lost) => value,
                    defect => self.0.fetch_max(value, order(ordering, defect)),
                }
            }

            #[track_caller]
            pub(crate) fn fetch_min(&self, value: $int, ordering: Ordering) -> $int {
                match places::here() {
                    Some(Defect::Lost) => value,
                    defect => self.0.fetch_min(value, order(ordering, defect)),
                }
            }

            #[track_caller]
            pub(crate) fn fetch_update(
                &self,
                set: Ordering,
                fetch: Ordering,
                mut update: impl FnMut($int) -> Option<$int>,
            ) -> Result<$int, $int> {
                let defect = places::here();
                if defect == Some(Defect::Split) {
                    let found = self.0.load(fetch);
                    let new = update(found).ok_or(found)?;
                    self.0.store(new, set);
                    return Ok(found);
                }
                self.0.fetch_update(order(set, defect), order(fetch, defect), update)
            }

            /// Fails the model unless all accesses by other threads happened before.
            pub(crate) fn end(&mut self) {
                self.0.with_mut(|_| ());
            }
        }
    )*};
}

atomics!(AtomicI64: i64, AtomicU32: u32, AtomicU64: u64);

/// Counted as the standard library's `Arc`, with its orderings: the last owner sees what all others
/// did.
pub(crate) struct Arc<T: ?Sized> {
    value: std::sync::Arc<T>,
    ended: std::sync::Arc<AtomicU64>,
}

/// A weak reference to an [`Arc`]'s value.
#[derive(Debug)]
pub(crate) struct Weak<T: ?Sized> {
    value: std::sync::Weak<T>,
    ended: std::sync::Arc<AtomicU64>,
}

#[allow(dead_code)]
impl<T> Arc<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { value: std::sync::Arc::new(value), ended: std::sync::Arc::default() }
    }

    pub(crate) fn ptr_eq(one: &Self, other: &Self) -> bool {
        std::sync::Arc::ptr_eq(&one.value, &other.value)
    }

    pub(crate) fn as_ptr(this: &Self) -> *const T {
        std::sync::Arc::as_ptr(&this.value)
    }

    pub(crate) fn strong_count(this: &Self) -> usize {
        // The count is never stale: a fence after it orders what other owners did.
        this.ended.fetch_add(0, Ordering::Relaxed);
        std::sync::Arc::strong_count(&this.value)
    }

    pub(crate) fn downgrade(this: &Self) -> Weak<T> {
        Weak { value: std::sync::Arc::downgrade(&this.value), ended: std::sync::Arc::clone(&this.ended) }
    }
}

impl<T: ?Sized> Clone for Arc<T> {
    fn clone(&self) -> Self {
        Self { value: std::sync::Arc::clone(&self.value), ended: std::sync::Arc::clone(&self.ended) }
    }
}

impl<T: ?Sized> Deref for Arc<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: fmt::Debug + ?Sized> fmt::Debug for Arc<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

impl<T: ?Sized> Drop for Arc<T> {
    fn drop(&mut self) {
        // A failed model is not explored any further.
        if std::thread::panicking() {
            return;
        }
        // SYNC arc (drop): releases what this owner did to the last one.
        self.ended.fetch_add(1, Ordering::Release);
        if std::sync::Arc::strong_count(&self.value) == 1 {
            self.ended.load(Ordering::Acquire);
        }
    }
}

#[allow(dead_code)]
impl<T> Weak<T> {
    pub(crate) fn as_ptr(&self) -> *const T {
        self.value.as_ptr()
    }

    pub(crate) fn strong_count(&self) -> usize {
        self.value.strong_count()
    }

    pub(crate) fn upgrade(&self) -> Option<Arc<T>> {
        Some(Arc { value: self.value.upgrade()?, ended: std::sync::Arc::clone(&self.ended) })
    }
}

/// Set once; other threads wait for it.
pub(crate) struct OnceLock<T> {
    value: std::sync::OnceLock<T>,
    is_set: loom::sync::Mutex<bool>,
    changed: loom::sync::Condvar,
}

impl<T> OnceLock<T> {
    pub(crate) fn new() -> Self {
        let (is_set, changed) = (loom::sync::Mutex::new(false), loom::sync::Condvar::new());
        Self { value: std::sync::OnceLock::new(), is_set, changed }
    }

    #[track_caller]
    pub(crate) fn set(&self, value: T) -> Result<(), T> {
        if places::here() == Some(Defect::Lost) {
            return Ok(());
        }
        let mut is_set = self.is_set.lock().unwrap();
        self.value.set(value)?;
        *is_set = true;
        self.changed.notify_all();
        Ok(())
    }

    #[track_caller]
    pub(crate) fn get(&self) -> Option<&T> {
        let is_blind = places::here() == Some(Defect::Blind);
        let is_set = *self.is_set.lock().unwrap();
        if is_set && !is_blind { self.value.get() } else { None }
    }

    pub(crate) fn wait(&self) -> &T {
        let mut is_set = self.is_set.lock().unwrap();
        while !*is_set {
            is_set = self.changed.wait(is_set).unwrap();
        }
        drop(is_set);
        self.value.get().unwrap()
    }
}

/// A value loaded from a cell.
pub(crate) struct Guard<T>(T);

impl<T> Deref for Guard<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// The arc-swap cell.
pub(crate) struct ArcSwapAny<T> {
    value: loom::sync::Mutex<T>,
}

pub(crate) type ArcSwap<T> = ArcSwapAny<Arc<T>>;

impl<T: Clone> ArcSwapAny<T> {
    fn new(value: T) -> Self {
        Self { value: loom::sync::Mutex::new(value) }
    }

    pub(crate) fn load_full(&self) -> T {
        self.value.lock().unwrap().clone()
    }

    pub(crate) fn load(&self) -> Guard<T> {
        Guard(self.load_full())
    }

    /// Stores a value if the current one is as expected; returns the one before.
    fn replace(&self, new: T, is_expected: impl FnOnce(&T) -> bool) -> T {
        let mut value = self.value.lock().unwrap();
        if !is_expected(&value) {
            return value.clone();
        }
        std::mem::replace(&mut *value, new)
    }
}

impl<T> ArcSwap<T> {
    pub(crate) fn from_pointee(value: T) -> Self {
        Self::new(Arc::new(value))
    }

    #[track_caller]
    pub(crate) fn store(&self, new: Arc<T>) {
        if places::here() != Some(Defect::Lost) {
            drop(self.replace(new, |_| true));
        }
    }

    #[track_caller]
    pub(crate) fn compare_and_swap(&self, expected: &Arc<T>, new: Arc<T>) -> Guard<Arc<T>> {
        match places::here() {
            Some(Defect::Lost) => Guard(Arc::clone(expected)),
            Some(Defect::Split) if Arc::ptr_eq(&self.load_full(), expected) => {
                drop(self.replace(new, |_| true));
                Guard(Arc::clone(expected))
            }
            _ => Guard(self.replace(new, |value| Arc::ptr_eq(value, expected))),
        }
    }
}

impl<T> fmt::Debug for ArcSwapAny<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArcSwapAny").finish_non_exhaustive()
    }
}
