//! Gaps: detected, reported with a length, reported without one.

use std::time::Duration;

use capbuf::{Error, GapReason, ReadOptions, Span, Writer};

use crate::jitter;
use crate::support::{Recording, SECOND_NS, START_NS, manual, mono, shorts, signal};

#[test]
fn unreported_loss_of_a_second_is_detected_as_a_gap() {
    let mut recording = Recording::new(10.0, 8000);
    recording.arrive_in(24_000, 80);
    recording.clock.advance(Duration::from_secs(1));
    recording.arrive_in(24_000, 80);
    let all = recording.buffer.read(Span::Time(START_NS..START_NS + 7 * SECOND_NS)).unwrap();
    assert_eq!((all.frames(), all.silence_frames(), all.gaps().len()), (56_000, 8000, 1));
    // It is believed once it is not made up for within half a second.
    assert_eq!((all.gaps()[0].at_frame, all.gaps()[0].gap.reason), (28_000, GapReason::Detected));
    assert_eq!(all.gaps()[0].gap.duration_ns, SECOND_NS);
}

#[test]
fn gap_of_known_length_has_that_length_under_jitter() {
    let (registry, _) = manual();
    let buffer = registry.get_or_allocate("x", mono(20.0, 8000)).unwrap();
    let mut writer = buffer.writer().unwrap();
    let mut lost_ns = 0;
    for number in 0..500_i64 {
        if number % 50 == 49 {
            writer.gap_for(GapReason::PacketLoss, Duration::from_millis(20));
            writer.gap_for(GapReason::PacketLoss, Duration::from_millis(20));
            lost_ns += 40_000_000;
        }
        let measured_ns = number * 20_000_000 + lost_ns + (jitter(number as u64) * 5e6) as i64;
        writer.write_at(&signal(0..160), START_NS + measured_ns).unwrap();
    }
    let all = buffer.read_with(Span::Last(Duration::from_secs(10)), &ReadOptions::new().available()).unwrap();
    assert!(!all.gaps().is_empty());
    for gap in all.gaps() {
        assert_eq!((gap.gap.duration_ns, gap.silence_frames, gap.gap.reason), (40_000_000, 320, GapReason::PacketLoss));
    }
    let end_ns = START_NS + 500 * 20_000_000 + lost_ns;
    let error_ms = (buffer.status().newest_utc_ns.unwrap() - end_ns) as f64 * 1e-6;
    assert!(error_ms.abs() < 5.0, "{error_ms} ms");
}

#[test]
fn gap_longer_than_reported_gets_its_measured_length() {
    let mut recording = Recording::new(30.0, 8000);
    recording.arrive_in(8000, 80);
    recording.clock.advance(Duration::from_secs(10));
    recording.writer.gap_for(GapReason::PacketLoss, Duration::from_millis(20));
    recording.arrive_in(8000, 80);
    assert_eq!(recording.buffer.status().newest_utc_ns, Some(START_NS + 12 * SECOND_NS));
    assert_eq!(recording.buffer.status().gaps, 2, "the rest is believed once it is not made up for");
}

#[test]
fn gaps_beyond_the_timeline_capacity_evict_old_frames_and_keep_times_true() {
    let (registry, clock) = manual();
    let buffer = registry.get_or_allocate("x", mono(60.0, 8000)).unwrap();
    let mut writer = buffer.writer().unwrap();
    for number in 0..3000_u64 {
        writer.gap(GapReason::PacketLoss);
        clock.advance(Duration::from_millis(30));
        writer.write(&signal(number * 80..number * 80 + 80)).unwrap();
        let status = buffer.status();
        let oldest = status.oldest_frame;
        assert!(status.newest_frame - oldest >= 80 * 200.min(number), "the timeline keeps at least 200 gaps");
        let read = buffer.read(Span::Frames(oldest..oldest + 80)).unwrap();
        assert_eq!(shorts(&read), signal(oldest..oldest + 80));
        assert_eq!(read.start_utc_ns(), START_NS + (oldest / 80 * 30 + 20) as i64 * 1_000_000);
        if oldest > 0 {
            assert!(matches!(buffer.read(Span::Frames(oldest - 1..oldest)), Err(Error::Evicted { .. })));
        }
    }
}

#[test]
fn known_gap_followed_by_an_unknown_one_has_unknown_length() {
    let mut recording = Recording::new(30.0, 8000);
    recording.arrive_in(8000, 80);
    recording.clock.advance(Duration::from_millis(500));
    recording.writer.gap_for(GapReason::PacketLoss, Duration::from_millis(20));
    recording.writer.gap(GapReason::SourceLost);
    recording.arrive(80);
    assert_eq!(recording.buffer.status().newest_utc_ns, Some(START_NS + 1_510_000_000));
}

#[test]
fn measured_rate_survives_a_gap_and_a_change_of_writer() {
    let (registry, _) = manual();
    let buffer = registry.get_or_allocate("x", mono(10.0, 8000)).unwrap();
    let mut writer = buffer.writer().unwrap();
    let write = |writer: &mut Writer, from_ns: i64| {
        for chunk in 0..6000_i64 {
            writer.write_at(&[0_i16; 80], from_ns + chunk * 10_005_000).unwrap();
        }
    };
    write(&mut writer, START_NS);
    writer.gap(GapReason::Requested);
    writer.write_at(&[0_i16; 8000], START_NS + 70 * SECOND_NS).unwrap();
    let second = buffer.read(Span::Last(Duration::from_secs(1))).unwrap();
    let took_ns = second.end_utc_ns() - second.start_utc_ns();
    assert!((took_ns - 1_000_500_000).abs() < 60_000, "a second took {took_ns} ns");
    drop(writer);
    let mut writer = buffer.writer().unwrap();
    writer.write_at(&[0_i16; 8000], START_NS + 80 * SECOND_NS).unwrap();
    let second = buffer.read(Span::Last(Duration::from_secs(1))).unwrap();
    let took_ns = second.end_utc_ns() - second.start_utc_ns();
    assert!((took_ns - 1_000_500_000).abs() < 60_000, "with the next writer a second took {took_ns} ns");
}
