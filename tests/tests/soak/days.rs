//! Ten days of a source that is lost, drops chunks and jitters: each second of them is audio or a
//! gap.

use std::sync::Arc;
use std::time::Duration;

use capbuf::{Clock as _, GapReason, Length, ManualClock, ReadOptions, Registry, SampleFormat, Span, Spec};

const START_NS: i64 = 1_790_000_000_000_000_000;
const RATE: u64 = 200;
/// Half a second.
const CHUNK: u64 = RATE / 2;
const CHUNK_NS: i64 = 500_000_000;

/// Pseudo-random numbers below a bound, the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

#[test]
fn frames_and_gaps_of_ten_days_add_up_to_the_time() {
    let clock = Arc::new(ManualClock::new(START_NS));
    let registry = Registry::builder().clock(clock.clone()).commit_ahead(false).build();
    let spec = Spec::new(Length::Seconds(60.0), RATE as u32, 1, SampleFormat::S16).unwrap();
    let buffer = registry.get_or_allocate("camera", spec).unwrap();
    let mut writer = Some(buffer.writer().unwrap());
    let audio = vec![7_i16; CHUNK as usize];
    let mut numbers = Numbers(1);
    let (mut received, mut missing_ns, mut recorded_ns, mut worst_ns, mut seen) = (0_u64, 0_i64, 0_i64, 0_i64, 0_u64);
    let days = 10 * 24 * 3600 * 2;
    let mut chunk = 0_u64;
    while chunk < days {
        // Lost for up to ten minutes about once an hour; some chunks dropped every few minutes.
        let lost_chunks = match numbers.below(7200) {
            0 => 1 + numbers.below(1200),
            1..60 => 1 + numbers.below(4),
            _ => 0,
        };
        if lost_chunks > 0 {
            let ns = lost_chunks as i64 * CHUNK_NS;
            clock.advance(Duration::from_nanos(ns.unsigned_abs()));
            (chunk, missing_ns) = (chunk + lost_chunks, missing_ns + ns);
            if lost_chunks > 4 {
                // A new writer continues.
                drop(writer.take());
            } else if let Some(writer) = &mut writer {
                writer.gap_for(GapReason::PacketLoss, Duration::from_nanos(ns.unsigned_abs()));
            }
        }
        let writer = writer.get_or_insert_with(|| {
            let mut writer = buffer.writer().unwrap();
            writer.gap(GapReason::SourceLost);
            writer
        });
        // Late by up to 30 ms.
        let late_ns = numbers.below(30_000_000) as i64;
        let true_ns = START_NS + chunk as i64 * CHUNK_NS;
        clock.advance(Duration::from_nanos(CHUNK_NS.unsigned_abs()));
        writer.write_at(&audio, true_ns + late_ns).unwrap();
        (chunk, received) = (chunk + 1, received + CHUNK);
        let end_ns = buffer.read(Span::Frames(received - 1..received)).unwrap().end_utc_ns();
        worst_ns = worst_ns.max((end_ns - (true_ns + CHUNK_NS)).abs());
        if received % (40 * CHUNK) == 0 {
            // Adds the gaps since the last time, each once.
            let frames = buffer.frames();
            let all = buffer.read_with(Span::Frames(frames), &ReadOptions::new().available()).unwrap();
            let seen_before = seen;
            for gap in all.gaps().iter().map(|gap| gap.gap).filter(|gap| gap.first_frame > seen_before) {
                recorded_ns += gap.duration_ns;
                seen = gap.first_frame;
            }
        }
    }
    let all = buffer.read_with(Span::Frames(buffer.frames()), &ReadOptions::new().available()).unwrap();
    recorded_ns += all
        .gaps()
        .iter()
        .map(|gap| gap.gap)
        .filter(|gap| gap.first_frame > seen)
        .map(|gap| gap.duration_ns)
        .sum::<i64>();
    assert_eq!(buffer.status().newest_frame, received);
    let (audio_ns, time_ns) = (received as i64 * (1_000_000_000 / RATE as i64), clock.utc_ns() - START_NS);
    let hours = |ns: i64| ns as f64 / 3.6e12;
    println!(
        "{:.2} h of audio, {:.2} h of gaps (planted: {:.2} h), {:.2} h in all; a time is off by at most {:.0} ms",
        hours(audio_ns),
        hours(recorded_ns),
        hours(missing_ns),
        hours(time_ns),
        worst_ns as f64 / 1e6
    );
    assert_eq!(audio_ns + missing_ns, time_ns, "the test's own count");
    // Jitter moves audio between the sides of a gap, which does not accumulate.
    assert!(
        (audio_ns + recorded_ns - time_ns).abs() < 1_000_000_000,
        "{} ms",
        (audio_ns + recorded_ns - time_ns) / 1_000_000
    );
    assert!(worst_ns < 100_000_000, "{worst_ns} ns");
    assert_eq!(registry.stats().rings_mapped, 1);
}
