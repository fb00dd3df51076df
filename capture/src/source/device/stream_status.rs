//! The status of a running stream, set by the audio thread and read by others.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use capbuf::GapReason;

/// Flags and counters of a stream. Clones share them.
///
/// All accesses are relaxed: each flag is read on its own, none orders other memory.
#[derive(Debug, Clone, Default)]
pub(super) struct StreamStatus {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    chunks: AtomicU64,
    frames: AtomicU64,
    /// The index in `GapReason::ALL` plus one; zero without a gap.
    gap: AtomicU32,
    /// The index in `Lost::ALL` plus one; zero while the device is there.
    lost: AtomicU32,
    closing: AtomicBool,
    removed: AtomicBool,
}

/// The ways to lose a device, or to find it unusable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lost {
    Gone,
    Moved,
    ServerGone,
    Busy,
    Denied,
    Exhausted,
    Failed,
}

impl Lost {
    const ALL: [Self; 7] =
        [Self::Gone, Self::Moved, Self::ServerGone, Self::Busy, Self::Denied, Self::Exhausted, Self::Failed];

    /// Returns the reason for errors.
    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::Gone => "it is gone",
            Self::Moved => "the sound server closed the stream, or moved it to another device",
            Self::ServerGone => "the sound server is gone",
            Self::Busy => "it is busy: another program has it open",
            Self::Denied => "permission denied",
            Self::Exhausted => "the system has no resources left for it",
            Self::Failed => "it failed",
        }
    }
}

impl StreamStatus {
    /// Marks that frames were lost before the next chunk. Of several reasons the last remains.
    pub(super) fn set_gap(&self, reason: GapReason) {
        let index = GapReason::ALL.iter().position(|known| *known == reason).unwrap_or(0);
        self.shared.gap.store(index as u32 + 1, Ordering::Relaxed);
    }

    /// Returns why frames were lost since the last call, if they were.
    pub(super) fn take_gap(&self) -> Option<GapReason> {
        let index = self.shared.gap.swap(0, Ordering::Relaxed) as usize;
        GapReason::ALL.get(index.checked_sub(1)?).copied()
    }

    /// Marks the device as lost.
    pub(super) fn set_lost(&self, lost: Lost) {
        let index = Lost::ALL.iter().position(|known| *known == lost).unwrap_or(Lost::ALL.len() - 1);
        self.shared.lost.store(index as u32 + 1, Ordering::Relaxed);
    }

    /// Asks the audio thread to end.
    pub(super) fn set_closing(&self) {
        self.shared.closing.store(true, Ordering::Relaxed);
    }

    /// Returns whether the audio thread is to end.
    pub(super) fn is_closing(&self) -> bool {
        self.shared.closing.load(Ordering::Relaxed)
    }

    /// Returns why the device is lost, if it is.
    pub(super) fn lost(&self) -> Option<String> {
        let lost = self.shared.lost.load(Ordering::Relaxed) as usize;
        Lost::ALL.get(lost.checked_sub(1)?).map(|lost| lost.reason().to_owned())
    }

    /// Marks that the buffer refuses frames, because it was removed.
    pub(super) fn set_removed(&self) {
        self.shared.removed.store(true, Ordering::Relaxed);
    }

    /// Returns whether the buffer was removed.
    pub(super) fn is_removed(&self) -> bool {
        self.shared.removed.load(Ordering::Relaxed)
    }

    /// Counts a chunk.
    pub(super) fn add_chunk(&self, frames: u64) {
        self.shared.frames.fetch_add(frames, Ordering::Relaxed);
        self.shared.chunks.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the number of chunks delivered.
    pub(super) fn chunks(&self) -> u64 {
        self.shared.chunks.load(Ordering::Relaxed)
    }

    /// Returns the number of frames delivered.
    pub(super) fn frames(&self) -> u64 {
        self.shared.frames.load(Ordering::Relaxed)
    }
}
