//! Values that belong to one process: a forked child leaves its parent's locks and threads alone.
//!
//! A child has one thread, the one that forked. A lock that another thread held stays locked for
//! ever there, what it protects may be half changed, and a thread's handle has no thread. So each
//! knows its process, and in a child it is neither waited for nor dropped.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use super::fork;

/// The process that a value belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner(u32);

impl Owner {
    /// This process.
    pub fn this() -> Self {
        fork::watch();
        Self(fork::generation())
    }

    /// True in a child of the process that it stands for. Wait-free: two loads.
    #[inline]
    pub fn is_parent(self) -> bool {
        self.0 != fork::generation()
    }

    /// The parent of this process, as a test's stand-in for a fork.
    #[cfg(test)]
    pub(crate) fn parent() -> Self {
        Self(fork::generation().wrapping_sub(1))
    }
}

impl Default for Owner {
    fn default() -> Self {
        Self::this()
    }
}

/// A lock of one process.
///
/// In a forked child it can't be taken, and its value is not dropped.
#[derive(Debug)]
pub struct OwnLock<T: Default> {
    value: Mutex<T>,
    owner: Owner,
}

impl<T: Default> OwnLock<T> {
    /// Creates an unlocked lock of this process.
    pub fn new(value: T) -> Self {
        Self { value: Mutex::new(value), owner: Owner::this() }
    }

    /// Takes the lock; `None`, at once, in a child of its process.
    pub fn lock(&self) -> Option<MutexGuard<'_, T>> {
        if self.is_inherited() {
            return None;
        }
        Some(self.value.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The mutex, for a caller that waits for it in a way of its own; `None` in a child.
    pub fn mutex(&self) -> Option<&Mutex<T>> {
        (!self.is_inherited()).then_some(&self.value)
    }

    /// True in a child of its process.
    pub fn is_inherited(&self) -> bool {
        self.owner.is_parent()
    }

    /// A lock as a forked child sees its parent's.
    #[cfg(test)]
    pub(crate) fn of_parent(value: T) -> Self {
        Self { value: Mutex::new(value), owner: Owner::parent() }
    }
}

impl<T: Default> Default for OwnLock<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: Default> Drop for OwnLock<T> {
    fn drop(&mut self) {
        if self.is_inherited() {
            // The fork may have come in the middle of a change.
            std::mem::forget(std::mem::take(self.value.get_mut().unwrap_or_else(PoisonError::into_inner)));
        }
    }
}

/// A thread of one process, detached when dropped.
///
/// A forked child has no such thread: there is nothing to join or to detach.
#[derive(Debug)]
pub struct OwnThread {
    handle: Option<JoinHandle<()>>,
    owner: Owner,
}

impl OwnThread {
    /// Keeps the handle of a thread of this process.
    pub fn new(handle: JoinHandle<()>) -> Self {
        Self { handle: Some(handle), owner: Owner::this() }
    }

    /// True once the thread has ended; in a child, which has none.
    pub fn has_ended(&self) -> bool {
        self.owner.is_parent() || self.handle.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Waits for the thread to end, other than from itself or in a child of its process. A panic of
    /// the thread was reported there.
    pub fn join(mut self) {
        if let Some(handle) = self.handle.take_if(|_| !self.owner.is_parent())
            && handle.thread().id() != std::thread::current().id()
        {
            let _ = handle.join();
        }
    }
}

impl Drop for OwnThread {
    fn drop(&mut self) {
        if self.owner.is_parent() {
            std::mem::forget(self.handle.take());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::PlainArc as Arc;

    #[test]
    fn inherited_lock_is_neither_taken_nor_dropped() {
        let value = Arc::new(());
        let of_parent = OwnLock::of_parent(vec![Arc::clone(&value)]);
        let locked_for_ever = of_parent.value.lock().unwrap();
        assert!(of_parent.lock().is_none());
        drop(locked_for_ever);
        drop(of_parent);
        assert_eq!(Arc::strong_count(&value), 2);
        let own = OwnLock::new(vec![Arc::clone(&value)]);
        assert_eq!(own.lock().map(|values| values.len()), Some(1));
        drop(own);
        assert_eq!(Arc::strong_count(&value), 2);
    }
}
