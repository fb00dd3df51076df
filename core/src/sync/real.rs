//! The standard library's types under the names that the crate uses: what runs when no model checker does.
#![allow(clippy::disallowed_types, clippy::disallowed_methods)]

pub(crate) use std::thread_local;

use std::sync::atomic::Ordering;

use rustix::thread::{MembarrierCommand, membarrier};

pub(crate) type AtomicI64 = std::sync::atomic::AtomicI64;
pub(crate) type AtomicU32 = std::sync::atomic::AtomicU32;
pub(crate) type AtomicU64 = std::sync::atomic::AtomicU64;
pub(crate) type Arc<T> = std::sync::Arc<T>;
pub(crate) type Weak<T> = std::sync::Weak<T>;
pub(crate) type OnceLock<T> = std::sync::OnceLock<T>;
pub(crate) type Queue<T> = crossbeam_queue::SegQueue<T>;
pub(crate) type ArcSwap<T> = arc_swap::ArcSwap<T>;

pub(crate) type Mutex<T> = std::sync::Mutex<T>;
pub(crate) type MutexGuard<'a, T> = std::sync::MutexGuard<'a, T>;

/// A cell whose uses the model checker watches.
#[derive(Debug)]
pub(crate) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

/// A shared use of a cell.
#[derive(Debug)]
pub(crate) struct ConstPtr<T>(*const T);

/// The only use of a cell.
#[derive(Debug)]
pub(crate) struct MutPtr<T>(*mut T);

impl<T> UnsafeCell<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(std::cell::UnsafeCell::new(value))
    }

    #[inline(always)]
    pub(crate) fn get(&self) -> ConstPtr<T> {
        ConstPtr(self.0.get())
    }

    pub(crate) fn get_mut(&self) -> MutPtr<T> {
        MutPtr(self.0.get())
    }
}

impl<T> ConstPtr<T> {
    /// # Safety
    /// Nobody writes to the cell meanwhile, and it is there.
    #[inline(always)]
    pub(crate) unsafe fn deref(&self) -> &T {
        // SAFETY: as the caller promises.
        unsafe { &*self.0 }
    }

    /// Says that it is used no more.
    #[inline(always)]
    pub(crate) fn end(&mut self) {}
}

impl<T> MutPtr<T> {
    /// # Safety
    /// Nobody else uses the cell meanwhile, and it is there.
    #[allow(clippy::mut_from_ref)]
    pub(crate) unsafe fn deref(&self) -> &mut T {
        // SAFETY: as the caller promises.
        unsafe { &mut *self.0 }
    }
}

/// Orders what comes before against what comes after it, as the standard library's does.
#[inline(always)]
pub(crate) fn fence(order: Ordering) {
    #[cfg(all(test, miri))]
    if super::lost_fence::of_this_thread() == Some(order) {
        return;
    }
    std::sync::atomic::fence(order);
}

/// A sequentially consistent fence in two halves: where one thread passes the light half and another the heavy one, it is as if both had
/// passed a whole one. The heavy half has the kernel interrupt every running thread of the process, so that the light one needs only to keep
/// the compiler from moving things; where the kernel has no such call, both are whole.
#[derive(Debug)]
pub(crate) struct HalvedFence {
    is_halved: bool,
}

impl HalvedFence {
    pub(crate) fn new() -> Self {
        // The same for all, from the first on: half a fence is none beside one who believes that it was whole.
        static IS_HALVED: std::sync::LazyLock<bool> =
            std::sync::LazyLock::new(|| !cfg!(miri) && membarrier(MembarrierCommand::RegisterPrivateExpedited).is_ok());
        Self { is_halved: *IS_HALVED }
    }

    #[inline(always)]
    pub(crate) fn light(&self) {
        // SYNC use: between what this thread writes down and what it looks at.
        if self.is_halved {
            std::sync::atomic::compiler_fence(Ordering::SeqCst);
        } else {
            fence(Ordering::SeqCst);
        }
    }

    /// Some microseconds. False if the kernel refuses what it once granted, as it may after the process has confined itself.
    pub(crate) fn heavy(&self) -> bool {
        // SYNC use: between what this thread changed and what others have written down.
        fence(Ordering::SeqCst);
        if !self.is_halved {
            return true;
        }
        let barrier = || membarrier(MembarrierCommand::PrivateExpedited).is_ok();
        // A forked child may have to say once more that it wants to.
        barrier() || membarrier(MembarrierCommand::RegisterPrivateExpedited).is_ok() && barrier()
    }
}
