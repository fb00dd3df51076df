//! Reports of a server that lies: times stay true, and only a real loss is found.

use std::time::{Duration, Instant};

use super::capture_times::{CaptureTimes, TimingReport};

const QUEUE_FRAMES: u64 = 5000;

/// A generator of numbers, the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// A server of 1 kHz whose source is 100 ppm slow, and that lies in every third report.
struct Liar {
    started: Instant,
    numbers: Numbers,
    lies: bool,
}

impl Liar {
    /// The report of a time in ms with all frames sent up to `sent`, and `lost` ms before.
    fn report(&mut self, at_ms: u64, sent: u64, lost_ms: u64) -> TimingReport {
        let numbers = &mut self.numbers;
        let latency_us = 30_000 + numbers.below(1000) - 500;
        let written = at_ms - 30 - lost_ms;
        let at = self.started + Duration::from_millis(at_ms);
        let honest = TimingReport { at, latency: Duration::from_micros(latency_us), written, read: sent };
        if !self.lies || numbers.below(3) > 0 {
            return honest;
        }
        let latency = Duration::from_micros;
        match numbers.below(8) {
            0 => TimingReport { latency: latency(9_223_372_036_852_682_183), ..honest },
            1 => TimingReport { latency: latency(u64::MAX - numbers.below(1000)), ..honest },
            2 => TimingReport { latency: latency(numbers.below(3_000_000)), ..honest },
            3 => TimingReport { latency: Duration::ZERO, ..honest },
            4 => TimingReport { written: written.saturating_sub(numbers.below(2000)), ..honest },
            5 => TimingReport { at: at - Duration::from_millis(numbers.below(90)), ..honest },
            6 => TimingReport { read: numbers.below(written), ..honest },
            _ => TimingReport { written: written + numbers.below(1000), ..honest },
        }
    }
}

/// Plays ten seconds with a report each 100 ms, the first ones sooner, and returns the largest
/// error of an age in ms.
fn worst_error_ms(liar: &mut Liar, times: &mut CaptureTimes) -> f64 {
    let mut worst = 0.0_f64;
    let mut next = 110;
    for at_ms in 110..10_000 {
        let sent = at_ms - 50;
        if at_ms >= next {
            let report = liar.report(at_ms, sent, 0);
            times.update(report, sent);
            next = at_ms + times.request_after().as_millis() as u64;
        }
        let (delay, after_loss) = times.delay_of(sent, liar.started + Duration::from_millis(at_ms));
        assert!(!after_loss, "a false loss at {at_ms} ms");
        if let Some(delay) = delay.filter(|_| at_ms > 400) {
            worst = worst.max((delay.as_nanos() as f64 / 1e6 - 50.0).abs());
        }
    }
    worst
}

#[test]
fn lying_reports_neither_move_times_nor_make_gaps() {
    for seed in 0..200 {
        let started = Instant::now();
        let mut liar = Liar { started, numbers: Numbers(seed), lies: true };
        let mut times = CaptureTimes::new(1000, QUEUE_FRAMES, started);
        let worst = worst_error_ms(&mut liar, &mut times);
        assert!(worst < 1.0, "seed {seed}: {worst} ms");
    }
}

#[test]
fn real_loss_is_found_among_lying_reports() {
    for seed in 0..200 {
        let started = Instant::now();
        let mut liar = Liar { started, numbers: Numbers(seed), lies: true };
        let mut times = CaptureTimes::new(1000, QUEUE_FRAMES, started);
        worst_error_ms(&mut liar, &mut times);
        // The client is held up from 10 s to 18 s. The queue is full at 14.95 s: 3.02 s are lost.
        let (full, lost_ms) = (9949 + QUEUE_FRAMES, 18_000 - 30 - 9949 - QUEUE_FRAMES);
        let mut losses = 0;
        let mut sent = 9950;
        let mut next = 18_000;
        for at_ms in 18_000..21_000 {
            if at_ms >= next {
                let report = liar.report(at_ms, sent, lost_ms);
                times.update(report, sent);
                next = at_ms + times.request_after().as_millis() as u64;
            }
            // The queue empties ten times as fast as real time.
            sent = (sent + 10).min(at_ms - 50 - lost_ms);
            let (delay, after_loss) = times.delay_of(sent, started + Duration::from_millis(at_ms));
            losses += u32::from(after_loss);
            let age_ms = delay.map_or(0.0, |delay| delay.as_nanos() as f64 / 1e6);
            let captured_ms = at_ms as f64 - age_ms;
            let truth_ms = if sent < full { sent } else { sent + lost_ms } as f64;
            if at_ms > 19_000 {
                assert!((captured_ms - truth_ms).abs() < 1.0, "seed {seed}: {captured_ms}, not {truth_ms}");
            }
        }
        assert_eq!(losses, 1, "seed {seed}");
    }
}

#[test]
fn absurd_latencies_alone_leave_the_times_of_arrival() {
    let started = Instant::now();
    let mut times = CaptureTimes::new(1000, QUEUE_FRAMES, started);
    let mut numbers = Numbers(1);
    for at_ms in (100..20_000).step_by(20) {
        // Each frame is written within 10 ms of its capture, most are later.
        let late_ms = numbers.below(10);
        let report = TimingReport {
            at: started + Duration::from_millis(at_ms),
            latency: Duration::from_micros(9_223_372_036_852_682_183 - at_ms * 1000),
            written: at_ms - late_ms,
            read: at_ms - late_ms,
        };
        times.update(report, at_ms - late_ms);
        let now = started + Duration::from_millis(at_ms);
        let (delay, after_loss) = times.delay_of(at_ms - 20, now);
        assert!(!after_loss);
        if at_ms > 1000 {
            assert!(delay.is_some_and(|age| age.as_micros().abs_diff(20_000) < 1000), "{delay:?} at {at_ms}");
        }
    }
}
