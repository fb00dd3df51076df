//! What a writer stores to, found once, so that a write looks at nothing else of its buffer.

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

    /// A handle on a buffer that has found what its writer stores to, so that a write looks at nothing else of the buffer.
    #[repr(C)]
    pub(crate) struct WriterView {
        line: NonNull<WriterLine>,
        words: NonNull<[AtomicU64]>,
        shared: Arc<Shared>,
    }

    // SAFETY: what it points to are atomics, for which any thread is allowed, kept by what any thread may hold.
    unsafe impl Send for WriterView {}
    // SAFETY: as above.
    unsafe impl Sync for WriterView {}

    impl WriterView {
        pub(crate) fn of(shared: &Arc<Shared>) -> Self {
            let (line, words) = (&shared.region.header().writer, shared.region.words());
            Self { line: NonNull::from(line), words: NonNull::from(words), shared: Arc::clone(shared) }
        }

        pub(crate) fn shared(&self) -> &Arc<Shared> {
            &self.shared
        }

        /// What only the writer stores to.
        #[inline]
        pub(crate) fn line(&self) -> &WriterLine {
            // SAFETY: it was a reference into the mapping, which `shared` keeps: it is taken from there only by who drops the last handle.
            unsafe { self.line.as_ref() }
        }

        /// The frames' memory.
        #[inline]
        pub(crate) fn words(&self) -> &[AtomicU64] {
            // SAFETY: as above.
            unsafe { self.words.as_ref() }
        }
    }
}

/// The model checker watches the references themselves.
#[cfg(loom)]
mod modelled {
    use super::*;

    /// A handle on a buffer. Here nothing is found once and for all: the model checker watches.
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

        pub(crate) fn words(&self) -> &[AtomicU64] {
            self.0.region.words()
        }
    }
}
