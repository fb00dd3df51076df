//! Fifty failing sources in real time: no resource grows, and all time is audio or a gap.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use capbuf::{CaptureBuffer, ReadOptions, Registry, SampleFormat, Span, Writer};
use capbuf_capture::{
    Backoff, CaptureOptions, CircuitBreaker, Error, Format, RequestedFormat, Result, RunOutcome, Source, Stop,
    Supervised, Watchdog,
};
use capbuf_tests::processes::{Resources, cpu_time};

const SOURCES: u64 = 50;
const FORMAT: Format = Format { sample_rate_hz: 48_000, channels: 1, sample_format: SampleFormat::S16 };
const CHUNK_FRAMES: u64 = 4800;

/// A microphone that fails every few seconds, in a way chosen by pseudo-random numbers.
struct Microphone {
    numbers: u64,
    written: Arc<AtomicU64>,
}

impl Microphone {
    fn below(&mut self, bound: u64) -> u64 {
        self.numbers = self.numbers.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.numbers >> 33) % bound
    }

    fn gone(&self) -> Error {
        Error::Device { name: format!("microphone {}", self.numbers % 100), reason: "it is gone".to_owned() }
    }
}

impl Source for Microphone {
    fn open(&mut self, _: &RequestedFormat, stop: &Stop) -> Result<Format> {
        match self.below(4) {
            0 => Err(self.gone()),
            1 => {
                stop.sleep(Duration::from_millis(300));
                Err(self.gone())
            }
            _ => Ok(FORMAT),
        }
    }

    fn run(&mut self, mut writer: Writer, stop: &Stop) -> Result<RunOutcome> {
        let chunks = 5 + self.below(60);
        let audio = [self.numbers as i16 | 1; CHUNK_FRAMES as usize];
        let began = Instant::now();
        for chunk in 1..=chunks {
            let due = Duration::from_millis(100) * chunk as u32;
            if stop.sleep(due.saturating_sub(began.elapsed())) {
                return Ok(RunOutcome::Stopped);
            }
            writer.write(&audio)?;
            self.written.fetch_add(CHUNK_FRAMES, Ordering::Relaxed);
        }
        match self.below(3) {
            // Silent until the watchdog ends it.
            0 => {
                stop.sleep(Duration::MAX);
                Ok(RunOutcome::Stopped)
            }
            _ => Err(self.gone()),
        }
    }
}

fn resources() -> Resources {
    Resources::of(std::process::id()).unwrap()
}

/// Asserts that the audio and its gaps add up to the time from begin to end.
fn assert_accounted(buffer: &CaptureBuffer, written: u64) {
    let frames = buffer.frames();
    assert_eq!(frames.end, written, "frames were lost between source and ring");
    let all = buffer.read_with(Span::Frames(frames), &ReadOptions::new().available()).unwrap();
    let audio_ns = all.frames() as i64 * 1_000_000_000 / i64::from(FORMAT.sample_rate_hz);
    let gaps_ns: i64 = all.gaps().iter().map(|gap| gap.gap.duration_ns).sum();
    let off_ms = (all.end_utc_ns() - all.start_utc_ns() - audio_ns - gaps_ns) / 1_000_000;
    // The estimated rate is within 0.1 %, and times are rounded at each gap.
    assert!(
        off_ms.abs() <= audio_ns / 1_000_000 / 500 + 5,
        "{off_ms} ms of {} are neither audio nor gap",
        audio_ns / 1_000_000
    );
}

#[test]
fn fifty_failing_sources_leak_nothing() {
    let seconds = std::env::var("CAPBUF_SOAK_SECONDS").ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(15);
    let registry = Registry::builder().commit_ahead(false).build();
    let options = CaptureOptions::new()
        .length(capbuf::Length::Seconds(20.0))
        .backoff(Backoff::new(Duration::from_millis(20), Duration::from_millis(500)).jitter(0.2))
        .circuit_breaker(CircuitBreaker::new(4, Duration::from_millis(700)))
        .watchdog(Watchdog::new().nothing_for(Duration::from_secs(1)));
    let begin = |number: u64| {
        let written = Arc::new(AtomicU64::new(0));
        let source = Box::new(Microphone { numbers: number * 7919 + 1, written: Arc::clone(&written) });
        (Supervised::begin_source(&registry, &format!("microphone {number}"), source, &options).unwrap(), written)
    };
    let sources: Vec<_> = (0..SOURCES).map(begin).collect();
    let began = Instant::now();
    let mut before = None;
    // A third to warm up, in which the rings fill.
    let warm = Duration::from_secs(u64::min(seconds / 3, 30));
    let restarts = || sources.iter().map(|(supervised, _)| supervised.restarts()).sum::<u64>();
    // And until each source has failed about once.
    while began.elapsed() < Duration::from_secs(seconds)
        || before.is_none()
        || (restarts() <= SOURCES && began.elapsed() < Duration::from_secs(seconds + 60))
    {
        std::thread::sleep(Duration::from_millis(500));
        if before.is_none() && began.elapsed() > warm {
            before = Some((resources(), cpu_time(std::process::id()), Instant::now()));
        }
    }
    let (before, computed_before, since) = before.unwrap();
    let (after, took) = (resources(), since.elapsed());
    let computed = cpu_time(std::process::id()) - computed_before;
    let restarts = restarts();
    println!(
        "{SOURCES} sources, {restarts} restarts in {seconds} s; {before:?}, then {after:?}; {:.1} % of a processor",
        computed.as_secs_f64() / took.as_secs_f64() * 100.0
    );
    assert!(restarts > SOURCES, "only {restarts} restarts");
    assert_eq!(after.descriptors, before.descriptors);
    assert_eq!(after.threads, before.threads);
    // Rings are committed as they are written: at most 2 MB each.
    assert!(after.resident_kb < before.resident_kb + 110_000, "{before:?}, {after:?}");
    for (supervised, written) in &sources {
        assert!(supervised.history().len() <= 64);
        supervised.request_stop();
        assert!(supervised.stop());
        if let Some(buffer) = supervised.buffer() {
            assert_accounted(&buffer, written.load(Ordering::Relaxed));
        }
    }
    assert!(registry.stats().rings_mapped <= SOURCES);
    drop(sources);
    for number in 0..SOURCES {
        let _ = registry.remove(&format!("microphone {number}"));
    }
    assert_eq!(registry.stats().bytes, 0);
}
