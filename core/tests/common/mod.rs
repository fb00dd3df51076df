//! What the tests of the core share: a clock to move by hand, and a signal that tells where each frame belongs.
#![allow(dead_code, missing_docs, unreachable_pub, clippy::unwrap_used)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use capbuf::{CaptureBuffer, Length, ManualClock, Registry, SampleFormat, Spec};

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

/// Sample of frame `n`: two neighbours, or two frames less than 65 536 apart, never look alike.
pub fn sample(frame: u64) -> i16 {
    frame.wrapping_mul(40_503) as u16 as i16
}

pub fn signal(frames: std::ops::Range<u64>) -> Vec<i16> {
    frames.map(sample).collect()
}

pub fn shorts(segment: &capbuf::Segment) -> &[i16] {
    segment.samples().get::<i16>().unwrap()
}

pub fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A buffer, its clock and a writer that fills it at the nominal rate, chunk by chunk, as time goes by.
pub struct Recording {
    pub registry: Registry,
    pub clock: Arc<ManualClock>,
    pub buffer: CaptureBuffer,
    pub writer: capbuf::Writer,
    rate: u32,
}

impl Recording {
    pub fn new(seconds: f64, rate: u32) -> Self {
        let (registry, clock) = manual();
        let buffer = registry.get_or_allocate("test", mono(seconds, rate)).unwrap();
        let writer = buffer.writer().unwrap();
        Self { registry, clock, buffer, writer, rate }
    }

    /// Lets the time of so many frames pass and writes them, as they arrive.
    pub fn arrive(&mut self, frames: u64) {
        let next = self.writer.next_frame();
        self.clock.advance(Duration::from_nanos(frames * 1_000_000_000 / u64::from(self.rate)));
        self.writer.write(&signal(next..next + frames)).unwrap();
    }

    /// So many frames, as they arrive in chunks.
    pub fn arrive_in(&mut self, frames: u64, chunk: u64) {
        for at in (0..frames).step_by(chunk as usize) {
            self.arrive(chunk.min(frames - at));
        }
    }
}

pub fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(120);
    while !condition() {
        assert!(Instant::now() < deadline, "waited two minutes for: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
