//! Timekeepers, chunk by chunk.

use std::time::Duration;

use super::batch::Batch;
use super::estimate::Measured;
use super::timekeeper::{ChunkTime, Timekeeper};
use crate::clock::{Clock, ManualClock};
use crate::gap::GapReason;
use crate::ring::Anchor;
use crate::timing::ClockSource;

const CHUNK: u64 = 10;

fn captured(frame: u64, late_ns: i64) -> ChunkTime {
    ChunkTime::Captured(frame.cast_signed() * 1_000_000 + late_ns)
}

/// A timekeeper that took `seconds` seconds of a 1 kHz source on time, with a batch just begun;
/// and the next frame.
fn after(seconds: u64, clock: &ManualClock) -> (Timekeeper, u64) {
    let mut keeper = Timekeeper::new(1000, None);
    for chunk in 0..(seconds + 6) * 100 {
        let head = chunk * CHUNK;
        keeper.chunk(head, CHUNK, captured(head, 0), clock);
        if keeper.batch.until_frame() > 0 && keeper.batch.chunks() == 0 && head >= seconds * 1000 {
            return (keeper, head + CHUNK);
        }
    }
    unreachable!("the filter settles in six seconds, and then begins batches")
}

#[test]
fn a_batch_is_a_32nd_of_all_updates_or_a_second_or_ends_when_an_anchor_is_due() {
    let clock = ManualClock::new(0);
    let until = |seconds: u64, frames: u64, most: u64| {
        let (keeper, head) = after(seconds, &clock);
        let mut batch = Batch::default();
        batch.begin(keeper.estimated.as_ref().unwrap(), head, frames, most);
        batch.until_frame() - head
    };
    assert_eq!([0, 20].map(|seconds| until(seconds, CHUNK, 5000)), [16 * CHUNK, 62 * CHUNK]);
    assert_eq!(until(20, 200, 5000), 1000, "62 would be twelve seconds");
    assert_eq!(until(20, 200, 300), 300, "an anchor is due");
}

#[test]
fn few_chunks_of_a_settled_source_leave_the_batch() {
    let clock = ManualClock::new(0);
    let (mut keeper, begin) = after(45, &clock);
    let looked_at = (begin..begin + 10_000).step_by(CHUNK as usize).filter(|head| {
        keeper.chunk(*head, CHUNK, captured(*head, 1000), &clock);
        keeper.batch.chunks() == 0
    });
    let looked_at = looked_at.count();
    assert!((19..35).contains(&looked_at), "{looked_at} of 1000: two each second, and at each anchor");
}

#[test]
fn batch_updates_the_estimate_as_its_mean() {
    let clock = ManualClock::new(0);
    let (mut keeper, begin) = after(0, &clock);
    let (mut other, _) = after(0, &clock);
    let errors = [3000, -6000, 9000];
    for (head, error_ns) in (begin..).step_by(CHUNK as usize).zip(errors) {
        assert!(keeper.chunk(head, CHUNK, captured(head, error_ns), &clock).is_none());
    }
    assert_eq!(keeper.batch.chunks(), 3, "the estimate has seen none yet");
    let estimated = keeper.estimated.as_mut().unwrap();
    keeper.batch.flush(estimated);
    let middle = begin + CHUNK;
    let mean = Measured { frame: middle, utc_ns: middle.cast_signed() * 1_000_000 + 2000, is_arrival: false };
    let reported = other.estimated.as_mut().unwrap();
    reported.update(mean, 6000.0, 3);
    assert_eq!(estimated.predict(1 << 30), reported.predict(1 << 30));
}

#[test]
fn batch_of_arrivals_updates_the_estimate_as_its_earliest() {
    let clock = ManualClock::new(0);
    let mut keeper = Timekeeper::new(1000, None);
    let arrived = |head: u64, late_ns: i64| ChunkTime::Arrived((head + CHUNK).cast_signed() * 1_000_000 + late_ns);
    let late = |head: u64| (head as i64 / 10 * 7_919 % 5_003) * 1000;
    let mut head = 0;
    while keeper.batch.until_frame() <= head + 3 * CHUNK {
        keeper.chunk(head, CHUNK, arrived(head, late(head)), &clock);
        head += CHUNK;
    }
    let before = keeper.estimated.as_ref().unwrap().predict(1 << 20);
    for late_ns in [4_000_000, -15_000, 2_000_000] {
        assert!(keeper.chunk(head, CHUNK, arrived(head, late_ns), &clock).is_none());
        head += CHUNK;
    }
    let estimated = keeper.estimated.as_mut().unwrap();
    assert_eq!((keeper.batch.chunks() > 2, estimated.predict(1 << 20)), (true, before));
    keeper.batch.flush(estimated);
    assert_eq!(before - estimated.predict(1 << 20), 15_000, "the line goes through the earliest");
}

#[test]
fn clock_step_between_anchors_is_distinguished_from_lost_audio() {
    // Step of the clock and lateness of the chunk in seconds, and whether the learned period
    // stays.
    for (step, late, reason, stays) in [
        (5, 5, GapReason::ClockStep, true),
        (5, 7, GapReason::ClockStep, false),
        (-5, -5, GapReason::ClockStep, true),
        (0, 5, GapReason::Detected, false),
    ] {
        let clock = ManualClock::new(0);
        let (mut keeper, head) = after(45, &clock);
        clock.step_utc(step * 1_000_000_000);
        let anchor = keeper.chunk(head, CHUNK, captured(head, late * 1_000_000_000), &clock).unwrap();
        assert_eq!((anchor.gap, anchor.clock_step_ns), (Some(reason), step * 1_000_000_000));
        let estimated = keeper.estimated.unwrap();
        assert_eq!(estimated.predict(head), head.cast_signed() * 1_000_000 + late * 1_000_000_000);
        assert_eq!(estimated.locked_s() > 40.0, stays, "set by {step} s, late by {late} s");
    }
}

#[test]
fn clock_step_shorter_than_a_gap_is_found_within_a_second() {
    for step_ms in [20, 50, 500, -20, -50, -500] {
        let clock = ManualClock::new(0);
        let (mut keeper, begin) = after(45, &clock);
        let step_ns = step_ms * 1_000_000;
        clock.step_utc(step_ns);
        let mut heads = (begin..begin + 1000).step_by(CHUNK as usize);
        let mut anchors = heads.find_map(|head| {
            keeper.chunk(head, CHUNK, captured(head, step_ns), &clock).filter(|anchor| anchor.gap.is_some())
        });
        let anchor = anchors.take().unwrap_or_else(|| panic!("{step_ms} ms are not found"));
        assert_eq!((anchor.gap, anchor.clock_step_ns), (Some(GapReason::ClockStep), step_ns));
        assert_eq!(anchor.utc_ns, anchor.first_frame.cast_signed() * 1_000_000 + step_ns);
    }
}

#[test]
fn anchor_distance_grows_from_one_second_to_ten() {
    let clock = ManualClock::new(0);
    let mut keeper = Timekeeper::new(1000, None);
    let heads = (0..200_000).step_by(CHUNK as usize);
    let set: Vec<u64> = heads.filter(|head| keeper.chunk(*head, CHUNK, captured(*head, 0), &clock).is_some()).collect();
    let spacing_after = |frame: u64| set.windows(2).find(|pair| pair[0] >= frame).map(|pair| (pair[1] - pair[0]) / 100);
    let spacings = [0, 40_000, 100_000].map(spacing_after);
    assert!(matches!(spacings, [Some(10), Some(50..70), Some(100)]), "tenths of a second: {spacings:?}");
}

#[test]
fn no_time_gap_or_clock_makes_published_times_run_backwards_within_an_epoch() {
    let mut state = 1_u64;
    let mut random = |below: u64| {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (state >> 33) % below
    };
    for rate in [1, 8000, 44_100, 768_000] {
        for _ in 0..60 {
            let clock = ManualClock::new([0, 1_790_000_000_000_000_000, i64::MAX - 1_000_000_000][random(3) as usize]);
            let mut keeper = Timekeeper::new(rate, None);
            let (mut head, mut newest): (u64, Option<Anchor>) = (random(2) << 40, None);
            for _ in 0..400 {
                let frames = [1, 160, 4800, 1 << 20][random(4) as usize];
                clock.advance(Duration::from_nanos(random(frames * 2_000_000_000 / u64::from(rate))));
                match random(40) {
                    0 => clock
                        .step_utc([25_000_000, -25_000_000, 3_600_000_000_000, -3_600_000_000_000][random(4) as usize]),
                    1 => keeper.gap(GapReason::PacketLoss, Some([0, 20_000_000, -5, i64::MAX][random(4) as usize])),
                    2 => keeper.gap(GapReason::SourceLost, None),
                    3 => keeper.set_clock(ClockSource::ALL[random(4) as usize]),
                    4 => keeper.set_latency([0, 1_500_000_000, i64::MIN, i64::MAX][random(4) as usize]),
                    _ => {}
                }
                let now_ns = clock.utc_ns().saturating_add(random(40_000_000) as i64 - 20_000_000);
                let time = match random(30) {
                    0 => ChunkTime::Captured([i64::MIN, i64::MAX, 0][random(3) as usize]),
                    1..12 => ChunkTime::Captured(now_ns),
                    12 => ChunkTime::Arrived([i64::MIN, i64::MAX, 0][random(3) as usize]),
                    _ => ChunkTime::Arrived(now_ns),
                };
                if let Some(anchor) = keeper.chunk(head, frames, time, &clock) {
                    let end_ns = newest.map_or(i64::MIN, |newest: Anchor| newest.utc_at(head));
                    assert_eq!(anchor.first_frame, head);
                    assert!(anchor.utc_ns >= end_ns || anchor.back_ns > 0, "{anchor:?} after {newest:?}");
                    assert!(anchor.timing.uncertainty_ns >= 0 && anchor.gap_ns >= 0, "{anchor:?}");
                    newest = Some(anchor);
                }
                head += frames;
            }
        }
    }
}
