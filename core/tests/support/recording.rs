//! A buffer on a clock that the test moves.

use std::sync::Arc;
use std::time::Duration;

use capbuf::{CaptureBuffer, Length, ManualClock, Registry, SampleFormat, Spec, Writer};

use super::signal;

pub const START_NS: i64 = 1_790_000_000_000_000_000;
pub const SECOND_NS: i64 = 1_000_000_000;

pub fn manual() -> (Registry, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(START_NS));
    let registry = Registry::builder().clock(clock.clone()).commit_ahead(false).build();
    (registry, clock)
}

pub fn spec(seconds: f64, rate: u32, channels: u16, format: SampleFormat) -> Spec {
    Spec::new(Length::Seconds(seconds), rate, channels, format).unwrap()
}

pub fn mono(seconds: f64, rate: u32) -> Spec {
    spec(seconds, rate, 1, SampleFormat::S16)
}

pub fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A buffer with its clock, and a writer that advances the clock by the duration of what it writes.
pub struct Recording {
    pub registry: Registry,
    pub clock: Arc<ManualClock>,
    pub buffer: CaptureBuffer,
    pub writer: Writer,
    rate: u32,
}

impl Recording {
    pub fn new(seconds: f64, rate: u32) -> Self {
        let (registry, clock) = manual();
        let buffer = registry.get_or_allocate("test", mono(seconds, rate)).unwrap();
        let writer = buffer.writer().unwrap();
        Self { registry, clock, buffer, writer, rate }
    }

    /// Advances the clock by the duration of `frames`, then writes them as one chunk.
    pub fn arrive(&mut self, frames: u64) {
        let next = self.writer.next_frame();
        self.clock.advance(Duration::from_nanos(frames * 1_000_000_000 / u64::from(self.rate)));
        self.writer.write(&signal(next..next + frames)).unwrap();
    }

    /// Writes `frames` in chunks of at most `chunk` frames.
    pub fn arrive_in(&mut self, frames: u64, chunk: u64) {
        for at in (0..frames).step_by(chunk as usize) {
            self.arrive(chunk.min(frames - at));
        }
    }
}
