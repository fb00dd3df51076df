//! The writer's lease: one writer in all processes, released by the kernel if its process dies.

use super::shared::Shared;
use super::writer_view::WriterView;
use crate::domain::LivenessLock;
use crate::error::{Error, Result};
use crate::memory::WriterLine;
use crate::ring::MAX_COUNT;
use crate::sync::{Arc, AtomicU64, Ordering, fork};

/// The holder in the header of a private registry, which has one process only.
const PRIVATE: u64 = 1;

/// An exclusive lease on a buffer.
#[repr(C)]
pub(crate) struct Lease {
    view: WriterView,
    generation: u32,
    /// Held because its number stands in the header: its lock shows that this process lives.
    liveness: Option<Arc<LivenessLock>>,
}

impl Lease {
    /// Takes the lease unless a living process holds it.
    pub(crate) fn take(shared: &Arc<Shared>) -> Result<Self> {
        fork::watch();
        shared.check_writable()?;
        let domain = shared.membership.as_ref().map(|membership| membership.domain());
        let liveness = domain.map(|domain| domain.liveness()).transpose()?;
        let own = liveness.as_ref().map_or(PRIVATE, |liveness| liveness.number());
        let lease = &shared.region.header().readers.lease;
        // In a private registry every holder lives.
        let is_alive = |held| domain.is_none_or(|domain| domain.is_alive(held));
        claim(lease, own, is_alive).map_err(|held| {
            let holder = domain.and_then(|domain| domain.holder(held));
            Error::WriterBusy { source_name: shared.source.clone(), holder }
        })?;
        Ok(Self { view: WriterView::of(shared), generation: fork::generation(), liveness })
    }

    /// Checks the counters that the last writer left.
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
        // Announced anchors that do not exist would count as overwritten ones, and leave frames
        // without times.
        let [head, reserve] = [&line.anchor_head, &line.anchor_reserve].map(|counter| counter.load(Ordering::Relaxed));
        if reserve.saturating_sub(head) > self.view.shared().region.layout().anchor_slots {
            return Err(format!("its anchor_reserve is {reserve}, its anchor_head {head}"));
        }
        Ok(())
    }

    /// The line of the header that only the holder of the lease stores to.
    #[inline]
    pub(crate) fn line(&self) -> &WriterLine {
        self.view.line()
    }

    /// The memory of the frames, in which only the holder of the lease stores.
    #[inline]
    pub(crate) fn words(&self) -> &[AtomicU64] {
        self.view.words()
    }

    /// True in a child of the process that took the lease.
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

/// Stores `own` if no living process holds the lease; otherwise returns the holder. Lock-free: it
/// retries only while holders change.
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

/// Stores 0 if `own` still holds the lease.
pub(crate) fn release(lease: &AtomicU64, own: u64) {
    // SYNC lease (give back): releases what this writer did to the next one.
    let _ = lease.compare_exchange(own, 0, Ordering::Release, Ordering::Relaxed);
}
