//! Sources whose rate or whose reported gaps are wrong: the error of times stays bounded.
#![allow(clippy::print_stdout)]

use std::time::Duration;

use capbuf::{Clock as _, GapReason, Span};

use crate::jitter;
use crate::support::{SECOND_NS, START_NS, manual, mono};

/// Records an hour from a source whose clock is `ppm` fast, in chunks of `chunk` frames with
/// jitter. Returns the largest error of a frame's time after the first minute and after ten
/// minutes, in ms. `arrival`: times are those of arrival, none are passed.
fn worst_error_ms(ppm: f64, chunk: u64, jitter_ms: f64, arrival: bool) -> (f64, f64) {
    let rate = 48_000_u32;
    let period_ns = 1e9 / f64::from(rate) / (1.0 + ppm * 1e-6);
    let (registry, clock) = manual();
    let buffer = registry.get_or_allocate("x", mono(10.0, rate)).unwrap();
    let mut writer = buffer.writer().unwrap();
    let audio = vec![0_i16; chunk as usize];
    let (mut after_minute, mut after_ten, mut last_ns) = (0.0_f64, 0.0_f64, i64::MIN);
    for number in 0..u64::from(rate) * 3600 / chunk {
        let frame = number * chunk;
        let true_ns = frame as f64 * period_ns;
        let mut measured_ns = true_ns + jitter(number) * jitter_ms * 1e6;
        if arrival {
            // Late, and never early.
            measured_ns += jitter_ms * 1e6;
            let arrives_ns = (measured_ns + chunk as f64 * period_ns) as i64;
            let elapsed_ns = clock.utc_ns() - START_NS;
            clock.advance(Duration::from_nanos((arrives_ns - elapsed_ns).max(0) as u64));
            writer.write(&audio).unwrap();
        } else {
            writer.write_at(&audio, START_NS + measured_ns as i64).unwrap();
        }
        let first = buffer.read(Span::Frames(frame..frame + 1)).unwrap();
        assert!(first.start_utc_ns() >= last_ns, "times ran backwards");
        last_ns = first.end_utc_ns();
        let error_ms = ((first.start_utc_ns() - START_NS) as f64 - true_ns).abs() * 1e-6;
        if true_ns >= 60e9 {
            after_minute = after_minute.max(error_ms);
        }
        if true_ns >= 600e9 {
            after_ten = after_ten.max(error_ms);
        }
    }
    assert_eq!(buffer.status().gaps, 0, "jitter is no gap");
    (after_minute, after_ten)
}

#[test]
fn drift_of_100_ppm_with_20_ms_of_jitter_is_within_2_ms_after_a_minute() {
    for (ppm, chunk, arrival) in [(100.0, 480, false), (-100.0, 480, false), (100.0, 480, true), (100.0, 1920, true)] {
        let (after_minute, after_ten) = worst_error_ms(ppm, chunk, 20.0, arrival);
        println!(
            "{ppm} ppm, ±20 ms, {chunk} frames a chunk, arrival {arrival}: {after_minute:.2} ms, then {after_ten:.2} ms"
        );
        assert!(after_minute < 2.0, "{ppm} ppm: {after_minute} ms");
        assert!(after_ten < 1.0, "{ppm} ppm: {after_ten} ms");
    }
}

#[test]
fn bursts_of_500_ms_with_300_ms_of_jitter_are_within_their_jitter() {
    let (after_minute, after_ten) = worst_error_ms(100.0, 24_000, 300.0, false);
    println!("100 ppm, ±300 ms, 500 ms bursts: {after_minute:.1} ms, then {after_ten:.1} ms");
    assert!(after_minute < 300.0, "{after_minute} ms");
    assert!(after_ten < 60.0, "{after_ten} ms");
}

/// Gaps, one every `every` chunks of 10 ms, reported as `reported_ms` long.
#[derive(Clone, Copy)]
struct WrongGaps {
    every: u64,
    reported_ms: u64,
    real_ms: u64,
}

/// Records an hour from a source whose frames take `percent` longer than nominal. Returns the
/// largest error of a frame's time in s.
fn worst_error_s(percent: f64, gaps: Option<WrongGaps>) -> f64 {
    let (registry, _) = manual();
    let buffer = registry.get_or_allocate("x", mono(10.0, 8000)).unwrap();
    let mut writer = buffer.writer().unwrap();
    let (mut worst_s, mut lost_ns) = (0.0_f64, 0.0);
    for chunk in 0..360_000_u64 {
        if let Some(WrongGaps { every, reported_ms, real_ms }) = gaps
            && chunk % every == every - 1
        {
            writer.gap_for(GapReason::PacketLoss, Duration::from_millis(reported_ms));
            lost_ns += real_ms as f64 * 1e6;
        }
        let true_ns = chunk as f64 * 1e7 * (1.0 + percent / 100.0) + lost_ns;
        writer.write_at(&[0_i16; 80], START_NS + true_ns as i64).unwrap();
        let reported_ns = buffer.read(Span::Frames(chunk * 80..chunk * 80 + 1)).unwrap().start_utc_ns() - START_NS;
        worst_s = worst_s.max((reported_ns as f64 - true_ns).abs() * 1e-9);
    }
    worst_s
}

#[test]
fn rate_error_beyond_any_real_clock_is_followed() {
    for (percent, bound_s) in [(-1.0, 2.5), (-0.5, 1.0), (0.2, 0.5), (0.5, 1.0), (1.0, 1.5), (1.4, 1.5), (2.0, 1.5)] {
        let worst_s = worst_error_s(percent, None);
        println!("period {percent:+} % off: {worst_s:.2} s");
        assert!(worst_s < bound_s, "{percent} %: {worst_s} s");
    }
}

#[test]
fn errors_in_reported_gap_lengths_do_not_add_up() {
    for (reported_ms, real_ms, bound_s) in [(20, 30, 0.5), (20, 15, 0.75), (20, 20, 0.75)] {
        let worst_s = worst_error_s(0.0, Some(WrongGaps { every: 100, reported_ms, real_ms }));
        println!("each second a gap of {real_ms} ms reported as {reported_ms} ms: {worst_s:.2} s");
        assert!(worst_s < bound_s, "{reported_ms} {real_ms}: {worst_s} s");
    }
}

#[test]
fn unreported_losses_do_not_add_up() {
    let (registry, _) = manual();
    let buffer = registry.get_or_allocate("x", mono(10.0, 8000)).unwrap();
    let mut writer = buffer.writer().unwrap();
    for chunk in 0..360_000_i64 {
        let true_ns = chunk * 10_000_000 + (chunk + 1) / 6000 * SECOND_NS / 2;
        writer.write_at(&[0_i16; 80], START_NS + true_ns).unwrap();
        if chunk % 6000 == 5998 {
            let end_ns = buffer.status().newest_utc_ns.unwrap();
            let late_ms = (end_ns - START_NS - true_ns - 10_000_000) / 1_000_000;
            assert!(late_ms.abs() < 1300, "{late_ms} ms after {} minutes", chunk / 6000 + 1);
        }
    }
}
