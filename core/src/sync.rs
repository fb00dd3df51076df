//! The one place that names atomics, fences, `Arc`, `OnceLock` and the arc-swap cell, so that a model checker can take their place.
//!
//! Two bodies with the same names: the real one, and one made of loom's types for `RUSTFLAGS="--cfg loom"`. Elsewhere in this crate
//! clippy refuses the originals (`core/clippy.toml`); it sees through a re-export, but not through an alias, hence the aliases.
#![allow(clippy::disallowed_types, clippy::disallowed_methods)]

pub(crate) use std::sync::atomic::Ordering;

/// An `Arc` that no model looks at: of values that never change, and where the public interface names it.
pub(crate) type PlainArc<T> = std::sync::Arc<T>;

#[cfg(not(loom))]
mod real {
    use std::sync::atomic::Ordering;

    pub(crate) type AtomicI64 = std::sync::atomic::AtomicI64;
    pub(crate) type AtomicU32 = std::sync::atomic::AtomicU32;
    pub(crate) type AtomicU64 = std::sync::atomic::AtomicU64;
    pub(crate) type Arc<T> = std::sync::Arc<T>;
    pub(crate) type Weak<T> = std::sync::Weak<T>;
    pub(crate) type OnceLock<T> = std::sync::OnceLock<T>;
    pub(crate) type Mutex<T> = std::sync::Mutex<T>;
    pub(crate) type MutexGuard<'a, T> = std::sync::MutexGuard<'a, T>;
    pub(crate) type ArcSwap<T> = arc_swap::ArcSwap<T>;
    pub(crate) type Guard<T> = arc_swap::Guard<T>;

    /// Orders what comes before against what comes after it, as the standard library's does.
    #[inline(always)]
    pub(crate) fn fence(order: Ordering) {
        #[cfg(all(test, miri))]
        if super::lost_fence::of_this_thread() == Some(order) {
            return;
        }
        std::sync::atomic::fence(order);
    }
}
#[cfg(not(loom))]
pub(crate) use real::*;

#[cfg(loom)]
mod modelled;
#[cfg(loom)]
pub(crate) use modelled::*;

/// A defect for Miri to find: a thread whose fences of one kind are not there.
#[cfg(all(test, miri))]
pub(crate) mod lost_fence {
    use std::cell::Cell;
    use std::sync::atomic::Ordering;

    std::thread_local! {
        static LOST: Cell<Option<Ordering>> = const { Cell::new(None) };
    }

    pub(crate) fn plant(order: Option<Ordering>) {
        LOST.set(order);
    }

    pub(super) fn of_this_thread() -> Option<Ordering> {
        LOST.get()
    }
}

/// What there is one of in a process, from its beginning to its end: never part of a model.
pub(crate) mod process {
    pub(crate) type AtomicI32 = std::sync::atomic::AtomicI32;
    pub(crate) type AtomicU32 = std::sync::atomic::AtomicU32;
    pub(crate) type AtomicU64 = std::sync::atomic::AtomicU64;
    pub(crate) type Queue<T> = crossbeam_queue::SegQueue<T>;
    pub(crate) type LazyLock<T> = std::sync::LazyLock<T>;
    pub(crate) type ArcSwap<T> = arc_swap::ArcSwap<T>;
    pub(crate) type ArcSwapOption<T> = arc_swap::ArcSwapOption<T>;
}
