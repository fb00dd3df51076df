//! The one place that names atomics, `Arc` and the arc-swap cell, so that a model checker can take their place.

pub(crate) use std::sync::atomic::{AtomicI32, AtomicI64, AtomicU32, AtomicU64, Ordering, fence};
pub(crate) use std::sync::{Arc, OnceLock, Weak};

pub(crate) use arc_swap::cache::Cache;
pub(crate) use arc_swap::{ArcSwap, ArcSwapOption};
