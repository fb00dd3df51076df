//! The status of a running stream, set by the audio thread and read by others.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

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
    overrun: AtomicBool,
    /// The index in `LOST` plus one; zero while the device is there.
    lost: AtomicU32,
    removed: AtomicBool,
}

/// The ways to lose a device.
const LOST: [(cpal::ErrorKind, &str); 7] = [
    (cpal::ErrorKind::DeviceNotAvailable, "it is gone"),
    (cpal::ErrorKind::StreamInvalidated, "the sound server closed the stream, or moved it to another device"),
    (cpal::ErrorKind::HostUnavailable, "the sound server is gone"),
    (cpal::ErrorKind::DeviceBusy, "it is in use"),
    (cpal::ErrorKind::PermissionDenied, "permission denied"),
    (cpal::ErrorKind::ResourceExhausted, "the system has no resources left for it"),
    (cpal::ErrorKind::BackendError, "it failed"),
];

impl StreamStatus {
    /// Records an error of the stream. Costs one store: errors may come at any rate.
    pub(super) fn record(&self, error: &cpal::Error) {
        use cpal::ErrorKind::{DeviceChanged, RealtimeDenied, Xrun};
        match error.kind() {
            Xrun => self.set_overrun(),
            // The stream continues.
            DeviceChanged | RealtimeDenied => {}
            kind => self.set_lost(kind),
        }
    }

    /// Marks that frames were lost before the next chunk.
    pub(super) fn set_overrun(&self) {
        self.shared.overrun.store(true, Ordering::Relaxed);
    }

    /// Returns whether frames were lost since the last call.
    pub(super) fn take_overrun(&self) -> bool {
        self.shared.overrun.swap(false, Ordering::Relaxed)
    }

    /// Marks the device as lost.
    pub(super) fn set_lost(&self, kind: cpal::ErrorKind) {
        let known = LOST.iter().position(|(lost, _)| *lost == kind).unwrap_or(LOST.len() - 1);
        self.shared.lost.store(known as u32 + 1, Ordering::Relaxed);
    }

    /// Returns why the device is lost, if it is.
    pub(super) fn lost(&self) -> Option<String> {
        let lost = self.shared.lost.load(Ordering::Relaxed) as usize;
        LOST.get(lost.checked_sub(1)?).map(|(_, reason)| (*reason).to_owned())
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
