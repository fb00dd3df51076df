//! Batched updates: chunks on time that the estimate has not seen yet, passed to it as one.

use super::estimate::{Estimate, EstimatedClock, Measured};
use super::hole;

/// Once the estimate has settled, up to 1/32 of all updates so far is a batch, at most one second.
const BATCH: (u64, f64) = (32, 1.0);
/// An arrival that is early by more moves the estimate at once.
const EARLY_NS: i64 = 20_000;

/// The state that most chunks need, on one cache line.
#[derive(Debug, Default)]
#[repr(C, align(64))]
pub(super) struct Batch {
    /// From this frame on, chunks are looked at one by one.
    until_frame: u64,
    /// The estimated clock until then.
    estimated: EstimatedClock,
    /// A larger deviation is looked at, up and down.
    limits_ns: (i64, i64),
    is_arrival: bool,
    chunks: u64,
    /// Sums over the chunks: frames since the estimate, deviations, and their absolute values.
    since_frames: u64,
    error_ns: i64,
    spread_ns: i64,
    /// Frames and deviation of the earliest chunk.
    earliest: (u64, i64),
}

impl Batch {
    /// Adds a chunk that is on time. Returns false for any other, and changes nothing.
    #[inline]
    pub(super) fn add(&mut self, head: u64, point: Measured) -> bool {
        if head >= self.until_frame || point.is_arrival != self.is_arrival {
            return false;
        }
        let Some((since_frames, estimated_ns)) = self.estimated.predict(point.frame) else { return false };
        let Some(error_ns) = point.utc_ns.checked_sub(estimated_ns) else { return false };
        if error_ns > self.limits_ns.0 || error_ns < self.limits_ns.1 {
            return false;
        }
        self.chunks += 1;
        self.since_frames += since_frames;
        self.error_ns += error_ns;
        self.spread_ns += error_ns.abs();
        if self.is_arrival && error_ns < self.earliest.1 {
            self.earliest = (since_frames, error_ns);
        }
        true
    }

    /// Ends: the next chunk is looked at.
    pub(super) fn end(&mut self) {
        self.until_frame = 0;
    }

    /// Updates the estimate with the chunks.
    pub(super) fn flush(&mut self, estimated: &mut Estimate) {
        let Self { estimated: line, chunks, since_frames, error_ns, spread_ns, earliest, is_arrival, .. } =
            std::mem::take(self);
        if chunks == 0 {
            return;
        }
        let count = chunks.cast_signed();
        let (frames, error_ns) = if is_arrival { earliest } else { (since_frames / chunks, error_ns / count) };
        let frame = line.frame().saturating_add(frames);
        let utc_ns = estimated.predict(frame).saturating_add(error_ns);
        estimated.update(Measured { frame, utc_ns, is_arrival }, (spread_ns / count) as f64, chunks);
    }

    /// Begins, for chunks of `frames` frames, and at most `most_frames`.
    pub(super) fn begin(&mut self, estimated: &Estimate, head: u64, frames: u64, most_frames: u64) {
        let (part, seconds) = BATCH;
        let second = (seconds * 1e9 / estimated.nominal_ns()) as u64;
        let length = (estimated.updates() / part).saturating_mul(frames).min(most_frames).min(second);
        let limit_ns = hole::threshold_ns(estimated);
        let limits_ns = (limit_ns, if estimated.is_arrival() { -EARLY_NS } else { -limit_ns });
        *self = Self {
            until_frame: head.saturating_add(length),
            estimated: estimated.line(head),
            limits_ns,
            is_arrival: estimated.is_arrival(),
            earliest: (0, i64::MAX),
            ..Self::default()
        };
    }

    #[cfg(test)]
    pub(super) fn chunks(&self) -> u64 {
        self.chunks
    }

    #[cfg(test)]
    pub(super) fn until_frame(&self) -> u64 {
        self.until_frame
    }
}
