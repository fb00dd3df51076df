//! Types for statics and counters of the whole process: never part of a model, real under loom too.
#![allow(clippy::disallowed_types)]

use std::sync::atomic::Ordering;

/// An `Arc` that no model watches: for values that never change, and where the public interface
/// names it.
pub(crate) type PlainArc<T> = std::sync::Arc<T>;
pub(crate) type PlainWeak<T> = std::sync::Weak<T>;

pub(crate) type AtomicI32 = std::sync::atomic::AtomicI32;
pub(crate) type AtomicPtr<T> = std::sync::atomic::AtomicPtr<T>;
pub(crate) type AtomicU32 = std::sync::atomic::AtomicU32;
pub(crate) type AtomicU64 = std::sync::atomic::AtomicU64;
pub(crate) type Queue<T> = crossbeam_queue::SegQueue<T>;
pub(crate) type LazyLock<T> = std::sync::LazyLock<T>;
pub(crate) type ArcSwap<T> = arc_swap::ArcSwap<T>;
pub(crate) type ArcSwapOption<T> = arc_swap::ArcSwapOption<T>;

/// Adds one to a counter.
pub(crate) fn count(counter: &AtomicU64) {
    // SYNC none: a counter, read for display.
    counter.fetch_add(1, Ordering::Relaxed);
}
