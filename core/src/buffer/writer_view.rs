//! The memory that a writer stores to, located once: a write reads nothing else of its buffer.

use super::shared::Shared;
use crate::memory::WriterLine;
use crate::sync::{Arc, AtomicU64};

#[cfg(loom)]
pub(crate) use modelled::WriterView;
#[cfg(not(loom))]
pub(crate) use real::WriterView;

#[cfg(not(loom))]
mod real {
    use std::ptr::NonNull;

    use super::*;

    /// A handle with the located memory of the writer.
    #[repr(C)]
    pub(crate) struct WriterView {
        line: NonNull<WriterLine>,
        lease: NonNull<AtomicU64>,
        words: NonNull<[AtomicU64]>,
        shared: Arc<Shared>,
    }

    // SAFETY: the pointers refer to atomics, which any thread may use, and `shared` keeps them
    // alive.
    unsafe impl Send for WriterView {}
    // SAFETY: as for `Send`.
    unsafe impl Sync for WriterView {}

    impl WriterView {
        pub(crate) fn of(shared: &Arc<Shared>) -> Self {
            let (header, words) = (shared.region.header(), shared.region.words());
            let (line, lease) = (NonNull::from(&header.writer), NonNull::from(&header.readers.lease));
            Self { line, lease, words: NonNull::from(words), shared: Arc::clone(shared) }
        }

        pub(crate) fn shared(&self) -> &Arc<Shared> {
            &self.shared
        }

        /// The line of the header that only the writer stores to.
        #[inline]
        pub(crate) fn line(&self) -> &WriterLine {
            // SAFETY: the pointer was a reference into the mapping, which `shared` keeps until the
            // last handle is dropped.
            unsafe { self.line.as_ref() }
        }

        /// The word that names the holder of the lease.
        #[inline]
        pub(crate) fn lease(&self) -> &AtomicU64 {
            // SAFETY: as for `line`.
            unsafe { self.lease.as_ref() }
        }

        /// The memory of the frames.
        #[inline]
        pub(crate) fn words(&self) -> &[AtomicU64] {
            // SAFETY: as for `line`.
            unsafe { self.words.as_ref() }
        }
    }
}

/// Under loom, which watches the references themselves.
#[cfg(loom)]
mod modelled {
    use super::*;

    /// A handle without located memory.
    pub(crate) struct WriterView(Arc<Shared>);

    impl WriterView {
        pub(crate) fn of(shared: &Arc<Shared>) -> Self {
            Self(Arc::clone(shared))
        }

        pub(crate) fn shared(&self) -> &Arc<Shared> {
            &self.0
        }

        pub(crate) fn line(&self) -> &WriterLine {
            &self.0.region.header().writer
        }

        pub(crate) fn lease(&self) -> &AtomicU64 {
            &self.0.region.header().readers.lease
        }

        pub(crate) fn words(&self) -> &[AtomicU64] {
            self.0.region.words()
        }
    }
}
