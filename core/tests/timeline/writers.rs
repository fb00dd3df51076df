//! Times across a change of writer.

use std::time::Duration;

use capbuf::{GapReason, Span};

use crate::support::{Recording, START_NS, manual, mono, signal};

#[test]
fn next_writer_continues_in_the_same_ring_after_a_recorded_gap() {
    let mut recording = Recording::new(10.0, 8000);
    recording.arrive_in(16_000, 80);
    let Recording { clock, buffer, writer, .. } = recording;
    drop(writer);
    clock.advance(Duration::from_secs(2));
    let mut writer = buffer.writer().unwrap();
    assert_eq!(writer.next_frame(), 16_000);
    writer.gap(GapReason::SourceLost);
    clock.advance(Duration::from_secs(1));
    writer.write(&signal(16_000..24_000)).unwrap();
    let all = buffer.read(Span::Last(Duration::from_secs(5))).unwrap();
    assert_eq!((all.frames(), all.silence_frames(), all.start_utc_ns()), (40_000, 16_000, START_NS));
    assert_eq!(all.gaps()[0].gap.reason, GapReason::SourceLost);
}

#[test]
fn new_writer_with_a_gap_reported_too_short_starts_at_the_measured_time() {
    for (reported_ms, expected_ms) in [(20, 11_010), (9_800, 10_810)] {
        let mut recording = Recording::new(30.0, 8000);
        recording.arrive_in(8000, 80);
        let Recording { clock, buffer, writer, .. } = recording;
        drop(writer);
        clock.advance(Duration::from_secs(10));
        let mut writer = buffer.writer().unwrap();
        writer.gap_for(GapReason::PacketLoss, Duration::from_millis(reported_ms));
        clock.advance(Duration::from_millis(10));
        writer.write(&signal(8000..8080)).unwrap();
        assert_eq!(
            buffer.status().newest_utc_ns,
            Some(START_NS + expected_ms * 1_000_000),
            "reported {reported_ms} ms"
        );
    }
}

#[test]
fn corrections_of_short_lived_writers_do_not_add_up() {
    let (registry, _) = manual();
    let buffer = registry.get_or_allocate("x", mono(2.0, 1000)).unwrap();
    for number in 0..40_i64 {
        // Each writer finds the timeline 1 ms further ahead of its measured time.
        let utc_ns = START_NS + number * 10_000_000 - number * 1_000_000;
        buffer.writer().unwrap().write_at(&signal(0..10), utc_ns).unwrap();
    }
    let end = buffer.frames().end;
    let last = buffer.read(Span::Frames(end - 10..end)).unwrap();
    let took_ns = last.end_utc_ns() - last.start_utc_ns();
    assert!((took_ns - 10_000_000).abs() <= 20_000, "10 ms took {took_ns} ns");
}
