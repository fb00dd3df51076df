//! The standard library's types under the names that the crate uses, for all builds but loom's.
#![allow(clippy::disallowed_types, clippy::disallowed_methods)]

use std::sync::atomic::Ordering;

pub(crate) type AtomicI64 = std::sync::atomic::AtomicI64;
pub(crate) type AtomicU32 = std::sync::atomic::AtomicU32;
pub(crate) type AtomicU64 = std::sync::atomic::AtomicU64;
pub(crate) type Arc<T> = std::sync::Arc<T>;
pub(crate) type Weak<T> = std::sync::Weak<T>;
pub(crate) type OnceLock<T> = std::sync::OnceLock<T>;
pub(crate) type ArcSwap<T> = arc_swap::ArcSwap<T>;
pub(crate) type Guard<T> = arc_swap::Guard<T>;
pub(crate) type Mutex<T> = std::sync::Mutex<T>;
pub(crate) type MutexGuard<'a, T> = std::sync::MutexGuard<'a, T>;

/// The standard library's fence.
#[inline(always)]
pub(crate) fn fence(order: Ordering) {
    #[cfg(all(test, miri))]
    if super::lost_fence::of_this_thread() == Some(order) {
        return;
    }
    std::sync::atomic::fence(order);
}
