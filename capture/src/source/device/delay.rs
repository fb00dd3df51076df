//! The age of a chunk when it arrives, as its host reports it.

use std::time::{Duration, Instant};

/// The time between the capture of a chunk's first frame and the arrival of the chunk.
///
/// A sound server knows its latency only after a while, and then the reported delay jumps. The
/// first chunk that is written sets the start of the timeline, so its delay is the mean of those
/// reported until then, each projected back to the start of the stream.
#[derive(Debug)]
pub(super) struct Delay {
    period_ns: f64,
    started: Option<Instant>,
    frames: u64,
    chunks: u32,
    /// The capture time of the stream's first frame in ns after `started`: the mean over all
    /// chunks.
    begin_ns: f64,
}

impl Delay {
    pub(super) fn new(sample_rate_hz: u32) -> Self {
        let period_ns = 1_000_000_000.0 / f64::from(sample_rate_hz);
        Self { period_ns, started: None, frames: 0, chunks: 0, begin_ns: 0.0 }
    }

    /// Returns the delay of a chunk of `frames` frames: the mean if `averaged`, else `reported`.
    pub(super) fn of_chunk(&mut self, frames: u64, reported: Duration, averaged: bool) -> Duration {
        if !averaged {
            return reported;
        }
        let now = Instant::now();
        let now_ns = now.duration_since(*self.started.get_or_insert(now)).as_nanos() as f64;
        let before_ns = self.frames as f64 * self.period_ns;
        self.frames += frames;
        self.chunks = self.chunks.saturating_add(1);
        let begin_ns = now_ns - reported.as_nanos() as f64 - before_ns;
        self.begin_ns += (begin_ns - self.begin_ns) / f64::from(self.chunks);
        Duration::from_nanos((now_ns - self.begin_ns - before_ns).max(0.0) as u64)
    }
}
