//! The writer's lease: one writer in all processes, released by the kernel if its process dies.

use super::in_process::InProcess;
use super::shared::Shared;
use super::writer_view::WriterView;
use crate::domain::LivenessLock;
use crate::error::{Error, Result};
use crate::holder::Holder;
use crate::memory::WriterLine;
use crate::ring::MAX_COUNT;
use crate::sync::{Arc, AtomicU64, Ordering, fork};

/// The holder in the header of a private registry, which has one process only.
const PRIVATE: u64 = 1;

/// An exclusive lease on a buffer.
#[repr(C)]
pub(crate) struct Lease {
    view: WriterView,
    /// The word in the header while this lease is valid.
    own: u64,
    generation: u32,
    /// Held because its number stands in the header: its lock shows that this process lives.
    _liveness: Option<Arc<LivenessLock>>,
    /// `None` in a private registry, in whose memory no other process stores.
    _in_process: Option<InProcess>,
}

impl Lease {
    /// Takes the lease unless a living process holds it.
    pub(crate) fn take(shared: &Arc<Shared>) -> Result<Self> {
        fork::watch();
        shared.check_writable()?;
        let domain = shared.membership.as_ref().map(|membership| membership.domain());
        let liveness = domain.map(|domain| domain.liveness()).transpose()?;
        let own = liveness.as_ref().map_or(PRIVATE, |liveness| liveness.number());
        let busy = |holder| Error::WriterBusy { source_name: shared.source.clone(), holder };
        let in_process = domain.map(|_| InProcess::enter(shared.id).ok_or_else(|| busy(Some(Holder::this_process()))));
        let in_process = in_process.transpose()?;
        let lease = &shared.region.header().readers.lease;
        // In a private registry every holder lives.
        let is_alive = |held| domain.is_none_or(|domain| domain.is_alive(held));
        claim(lease, own, is_alive).map_err(|held| busy(domain.and_then(|domain| domain.holder(held))))?;
        let (view, generation) = (WriterView::of(shared), fork::generation());
        let own = Self { view, own, generation, _liveness: liveness, _in_process: in_process };
        if let Some(membership) = &shared.membership
            && !membership.take_over(&shared.region)?
        {
            return Err(shared.removed());
        }
        Ok(own)
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

    /// False if another process, which believed this one dead, took or released the lease. A load.
    #[inline]
    pub(crate) fn is_own(&self) -> bool {
        // SYNC none: a writer that sees it late writes one more chunk.
        self.view.lease().load(Ordering::Relaxed) == self.own
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
        // A lease in memory that is gone needs no release.
        let _ = self.view.shared().check_whole();
        release(self.view.lease(), self.own);
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
