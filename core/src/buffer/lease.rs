//! The writer's lease: one writer in all processes, given back by the kernel if its process dies.

use super::shared::Shared;
use super::writer_view::WriterView;
use crate::domain::LivenessLock;
use crate::error::{Error, Result};
use crate::memory::WriterLine;
use crate::ring::MAX_COUNT;
use crate::sync::{Arc, AtomicU64, Ordering, fork};

/// What stands in the header while a writer of a private registry lives: there is one process only.
const PRIVATE: u64 = 1;

/// An exclusive lease on a buffer.
#[repr(C)]
pub(crate) struct Lease {
    view: WriterView,
    generation: u32,
    /// Kept: while its number stands in the header, its lock is what tells that this process lives.
    liveness: Option<Arc<LivenessLock>>,
}

impl Lease {
    /// Takes the lease, if nobody who lives holds it.
    pub(crate) fn take(shared: &Arc<Shared>) -> Result<Self> {
        fork::watch();
        let domain = shared.membership.as_ref().map(|membership| membership.domain());
        let liveness = domain.map(|domain| domain.liveness()).transpose()?;
        let own = liveness.as_ref().map_or(PRIVATE, |liveness| liveness.number());
        let lease = &shared.region.header().readers.lease;
        // In a private registry whoever holds it lives.
        let is_alive = |held| domain.is_none_or(|domain| domain.is_alive(held));
        claim(lease, own, is_alive).map_err(|held| {
            let holder = domain.and_then(|domain| domain.holder(held));
            Error::WriterBusy { source_name: shared.source.clone(), holder }
        })?;
        Ok(Self { view: WriterView::of(shared), generation: fork::generation(), liveness })
    }

    /// Says what is wrong with what the last writer left, if anything.
    pub(crate) fn check_counters(&self) -> std::result::Result<(), String> {
        let line = self.line();
        let counters = [
            ("head", &line.head),
            ("reserve", &line.reserve),
            ("anchor_head", &line.anchor_head),
            ("anchor_reserve", &line.anchor_reserve),
        ];
        // SYNC none: the lease orders one writer after the other.
        let wrong = counters.into_iter().find(|(_, counter)| counter.load(Ordering::Relaxed) > MAX_COUNT);
        if let Some((name, _)) = wrong {
            return Err(format!("its {name} is beyond {MAX_COUNT}"));
        }
        // Anchors that are announced and not there are taken for overwritten ones: so many, and no time could be told any more.
        let [head, reserve] = [&line.anchor_head, &line.anchor_reserve].map(|counter| counter.load(Ordering::Relaxed));
        if reserve.saturating_sub(head) > self.view.shared().region.layout().anchor_slots {
            return Err(format!("its anchor_reserve is {reserve}, its anchor_head {head}"));
        }
        Ok(())
    }

    /// What only who holds the lease stores to.
    #[inline]
    pub(crate) fn line(&self) -> &WriterLine {
        self.view.line()
    }

    /// The frames' memory, in which only who holds the lease stores.
    #[inline]
    pub(crate) fn words(&self) -> &[AtomicU64] {
        self.view.words()
    }

    /// Tells whether this process is a child of the one that took the lease.
    pub(crate) fn is_inherited(&self) -> bool {
        self.generation != fork::generation()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.is_inherited() {
            return;
        }
        let own = self.liveness.as_ref().map_or(PRIVATE, |liveness| liveness.number());
        let lease = &self.view.shared().region.header().readers.lease;
        release(lease, own);
    }
}

/// Puts `own` where nobody stands, or nobody who lives; who does, if that fails. Lock-free: it goes on only while others come and go.
pub(crate) fn claim(lease: &AtomicU64, own: u64, is_alive: impl Fn(u64) -> bool) -> std::result::Result<(), u64> {
    let mut expected = 0;
    // SYNC lease (take): acquires what the last writer did, also a dead one.
    while let Err(held) = lease.compare_exchange(expected, own, Ordering::Acquire, Ordering::Acquire) {
        if held != 0 && is_alive(held) {
            return Err(held);
        }
        expected = held;
    }
    Ok(())
}

/// Takes `own` away again, if it is still there.
pub(crate) fn release(lease: &AtomicU64, own: u64) {
    // SYNC lease (give back): releases what this writer did to the next one.
    let _ = lease.compare_exchange(own, 0, Ordering::Release, Ordering::Relaxed);
}
