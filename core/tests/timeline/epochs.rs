//! Epochs: times after a clock was set back.

use std::ops::Range;
use std::time::Duration;

use capbuf::{CaptureBuffer, Clock as _, Error, GapReason, ReadOptions, Span};

use crate::support::{Recording, SECOND_NS, START_NS, manual, mono, shorts, signal};

const HOUR_NS: i64 = 3600 * SECOND_NS;

/// A time, in seconds since the start.
fn at(seconds: f64) -> i64 {
    START_NS + (seconds * 1e9) as i64
}

fn by_time(buffer: &CaptureBuffer, seconds: Range<f64>) -> Result<capbuf::Segment, Error> {
    buffer.read(Span::Time(at(seconds.start)..at(seconds.end)))
}

/// A buffer of 20 s at 1 kHz with 8 s from a writer whose clock was `ahead_ns` ahead, and 6 s from
/// a later one, from second 10 on, whose clock was right. Each write is of `chunk` frames.
fn corrected(ahead_ns: i64, chunk: u64, arrival: bool) -> CaptureBuffer {
    let (registry, clock) = manual();
    let buffer = registry.get_or_allocate("x", mono(20.0, 1000)).unwrap();
    for (frames, begin_ns, wrong_ns) in [(0..8000, START_NS, ahead_ns), (8000..14_000, at(10.0), 0)] {
        let mut writer = buffer.writer().unwrap();
        for first in frames.clone().step_by(chunk as usize) {
            let frames_ns = ((first - frames.start) as i64) * 1_000_000;
            if arrival {
                if frames_ns == 0 {
                    clock.step_utc(begin_ns + wrong_ns - clock.utc_ns());
                }
                clock.advance(Duration::from_millis(chunk));
                writer.write(&signal(first..first + chunk)).unwrap();
            } else {
                writer.write_at(&signal(first..first + chunk), begin_ns + wrong_ns + frames_ns).unwrap();
            }
        }
    }
    buffer
}

#[test]
fn writer_behind_the_end_begins_an_epoch_with_right_times() {
    for (arrival, chunk) in [(false, 10), (false, 1000), (true, 10), (true, 2000)] {
        let buffer = corrected(HOUR_NS, chunk, arrival);
        let status = buffer.status();
        assert_eq!((status.epoch_frame, status.epoch_utc_ns), (8000, Some(at(10.0))), "chunks of {chunk}");
        assert_eq!(status.epoch_step_ns, at(10.0) - (at(8.0) + HOUR_NS));
        assert_eq!(status.newest_utc_ns, Some(at(16.0)));
        assert_eq!(status.oldest_utc_ns, Some(at(10.0)), "the older epoch begins later");
        // From its first chunk on.
        let first = by_time(&buffer, 10.0..10.5).unwrap();
        assert_eq!((first.first_frame(), first.frames(), first.start_utc_ns()), (8000, 500, at(10.0)));
        let around = by_time(&buffer, 14.0..15.0).unwrap();
        assert_eq!(shorts(&around), signal(12_000..13_000));
        // Before it there is nothing, and an hour later is in the future.
        let early = by_time(&buffer, 9.0..11.0).unwrap_err();
        assert_eq!(early, Error::Evicted { oldest_frame: 8000, oldest_utc_ns: at(10.0) });
        let hour_ns = at(2.0) + HOUR_NS;
        assert!(matches!(buffer.read(Span::Time(hour_ns..hour_ns + SECOND_NS)), Err(Error::NotYet { .. })));
        // By number and as the newest, all audio is there, and old times stay as they were.
        let all = buffer.read(Span::Frames(0..14_000)).unwrap();
        assert_eq!(shorts(&all), signal(0..14_000));
        assert_eq!((all.start_utc_ns(), all.end_utc_ns()), (START_NS + HOUR_NS, at(16.0)));
        let [gap] = all.gaps() else { panic!("{:?}", all.gaps()) };
        assert_eq!((gap.gap.first_frame, gap.gap.reason, gap.at_frame), (8000, GapReason::WriterChanged, 8000));
        assert_eq!((gap.gap.start_utc_ns, gap.gap.duration_ns), (at(8.0) + HOUR_NS, 0));
        assert_eq!(gap.gap.clock_step_ns, status.epoch_step_ns);
        let last = buffer.read(Span::Last(Duration::from_secs(5))).unwrap();
        assert_eq!((last.first_frame(), last.start_utc_ns(), last.end_utc_ns()), (9000, at(11.0), at(16.0)));
    }
}

#[test]
fn older_epoch_is_cut_where_the_newer_one_begins() {
    // The first one's times are 5 s ahead: 5..13 s, and the next one begins at 10 s.
    let buffer = corrected(5 * SECOND_NS, 10, false);
    let old = by_time(&buffer, 6.0..8.0).unwrap();
    assert_eq!((shorts(&old).to_vec(), old.start_utc_ns()), (signal(1000..3000), at(6.0)));
    let across = by_time(&buffer, 8.0..12.0).unwrap();
    assert_eq!((across.frames(), across.start_utc_ns(), across.end_utc_ns()), (4000, at(8.0), at(12.0)));
    assert_eq!(shorts(&across)[..2000], signal(3000..5000));
    assert_eq!(shorts(&across)[2000..], signal(8000..10_000));
    assert_eq!((across.first_frame(), across.end_frame()), (3000, 10_000));
    let [gap] = across.gaps() else { panic!("{:?}", across.gaps()) };
    assert_eq!((gap.at_frame, gap.silence_frames, gap.gap.first_frame), (2000, 0, 8000));
    // A time that both have is the newer one's. What is cut off is read by number.
    let both = by_time(&buffer, 11.0..12.0).unwrap();
    assert_eq!(shorts(&both), signal(9000..10_000));
    assert_eq!(shorts(&buffer.read(Span::Frames(5000..8000)).unwrap()), signal(5000..8000));
    assert_eq!(buffer.status().oldest_utc_ns, Some(at(5.0)));
    let mut out = [0_i16; 4000];
    let into = buffer.read_into(Span::Time(at(8.0)..at(12.0)), &ReadOptions::new(), &mut out).unwrap();
    assert_eq!((into.frames, into.captured_frames, &out[..]), (4000, 4000, shorts(&across)));
}

#[test]
fn epoch_that_begins_before_all_others_hides_them() {
    let (registry, _) = manual();
    let buffer = registry.get_or_allocate("x", mono(20.0, 1000)).unwrap();
    // 0..2, 100..102, 50..52, 10..12, 11..13 s: the two in the middle are hidden.
    for (number, seconds) in [0.0, 100.0, 50.0, 10.0, 5.0].into_iter().enumerate() {
        let first = number as u64 * 2000;
        buffer.writer().unwrap().write_at(&signal(first..first + 2000), at(seconds)).unwrap();
    }
    let all = by_time(&buffer, 0.0..7.0).unwrap();
    // A gap leads to the epoch that is hidden: it ends where the newest one begins.
    assert_eq!((all.frames(), all.silence_frames(), all.end_utc_ns()), (7000, 3000, at(7.0)));
    assert_eq!(shorts(&all)[..2000], signal(0..2000));
    assert_eq!(shorts(&all)[5000..], signal(8000..10_000));
    let inside = by_time(&buffer, 3.0..4.0).unwrap();
    assert_eq!((inside.frames(), inside.silence_frames()), (1000, 1000));
    let out_of_gap = by_time(&buffer, 4.0..6.0).unwrap();
    assert_eq!((out_of_gap.first_frame(), out_of_gap.silence_frames()), (8000, 1000));
    assert!(matches!(by_time(&buffer, 10.0..11.0), Err(Error::NotYet { .. })));
    assert_eq!(buffer.status().gaps, 4);
}

#[test]
fn quick_restart_within_the_tolerance_begins_no_epoch() {
    for (behind_ms, begins) in [(0, false), (200, false), (750, false), (760, true), (2000, true)] {
        for reported in [None, Some(Duration::from_millis(100))] {
            let mut recording = Recording::new(20.0, 1000);
            recording.arrive_in(4000, 10);
            let Recording { clock, buffer, writer, .. } = recording;
            drop(writer);
            clock.step_utc(-behind_ms * 1_000_000);
            let mut writer = buffer.writer().unwrap();
            reported.into_iter().for_each(|duration| writer.gap_for(GapReason::SourceLost, duration));
            writer.write(&signal(4000..4010)).unwrap();
            let status = buffer.status();
            assert_eq!(status.epoch_frame > 0, begins, "{behind_ms} ms behind, {reported:?}");
            let newest_ns = status.newest_utc_ns.unwrap();
            assert!(!begins || newest_ns == at(4.0) - behind_ms * 1_000_000, "{behind_ms} ms behind: {newest_ns}");
        }
    }
}

#[test]
fn burst_of_old_audio_begins_no_epoch() {
    let mut recording = Recording::new(20.0, 1000);
    recording.arrive_in(4000, 10);
    let Recording { buffer, writer, .. } = recording;
    drop(writer);
    // A second of audio arrives at once: it was captured before the end.
    buffer.writer().unwrap().write(&signal(4000..5000)).unwrap();
    assert_eq!(buffer.status().epoch_frame, 0);
}

#[test]
fn clock_set_back_under_a_writer_begins_an_epoch_at_once() {
    let mut recording = Recording::new(20.0, 1000);
    recording.arrive_in(6000, 10);
    recording.clock.step_utc(-2 * SECOND_NS);
    recording.arrive_in(3000, 10);
    let buffer = &recording.buffer;
    let status = buffer.status();
    assert_eq!((status.epoch_frame, status.timeline_ahead_ns / 1_000_000), (6000, 0));
    assert!(status.epoch_utc_ns.unwrap().abs_diff(at(4.0)) < 1_000_000, "{:?}", status.epoch_utc_ns);
    assert!(status.newest_utc_ns.unwrap().abs_diff(at(7.0)) < 1_000_000, "{:?}", status.newest_utc_ns);
    // The clock showed 4 to 6 s twice: the second time counts.
    let now = by_time(buffer, 5.0..6.5).unwrap();
    assert_eq!((shorts(&now).to_vec(), now.gaps().len()), (signal(7000..8500), 0));
    let across = by_time(buffer, 3.0..5.0).unwrap();
    assert_eq!([&shorts(&across)[..1000], &shorts(&across)[1000..]], [&signal(3000..4000)[..], &signal(6000..7000)]);
}

#[test]
fn clock_set_back_while_the_source_was_lost_begins_an_epoch_with_the_first_chunk() {
    let mut recording = Recording::new(20.0, 1000);
    recording.arrive_in(6000, 10);
    recording.writer.gap(GapReason::SourceLost);
    recording.clock.step_utc(-HOUR_NS);
    recording.clock.advance(Duration::from_secs(5));
    recording.arrive_in(1000, 10);
    let status = recording.buffer.status();
    assert_eq!((status.epoch_frame, status.epoch_utc_ns), (6000, Some(at(11.0) - HOUR_NS)));
    let all = recording.buffer.read(Span::Frames(0..7000)).unwrap();
    let gap = all.gaps()[0].gap;
    assert_eq!((gap.reason, gap.clock_step_ns), (GapReason::SourceLost, 5 * SECOND_NS - HOUR_NS));
}

/// Writes `seconds` of audio whose capture times are `off_ns` off the wall clock.
fn captured(recording: &mut Recording, seconds: u64, off_ns: i64) {
    for _ in 0..seconds * 100 {
        let (next, utc_ns) = (recording.writer.next_frame(), recording.clock.utc_ns() + off_ns);
        recording.clock.advance(Duration::from_millis(10));
        recording.writer.write_at(&signal(next..next + 10), utc_ns).unwrap();
    }
}

type Play = fn(&mut Recording);

#[test]
fn step_on_record_is_how_far_times_go_back() {
    let corrected = |recording: &mut Recording| captured(recording, 30, -10 * SECOND_NS);
    let with_loss = |recording: &mut Recording| {
        recording.clock.step_utc(-10 * SECOND_NS);
        recording.clock.advance(Duration::from_secs(3));
        captured(recording, 1, 0);
    };
    let source_lost = |recording: &mut Recording| {
        recording.writer.gap(GapReason::SourceLost);
        recording.clock.step_utc(SECOND_NS);
        captured(recording, 1, -6 * SECOND_NS);
    };
    let cases: [(Play, GapReason, f64); 3] = [
        (corrected, GapReason::Detected, 10.0),
        (with_loss, GapReason::ClockStep, 7.0),
        (source_lost, GapReason::SourceLost, 5.0),
    ];
    for (play, reason, back_s) in cases {
        let mut recording = Recording::new(60.0, 1000);
        captured(&mut recording, 8, 0);
        play(&mut recording);
        let buffer = &recording.buffer;
        let all = buffer.read(Span::Frames(0..buffer.frames().end)).unwrap();
        let [gap] = all.gaps() else { panic!("{:?}", all.gaps()) };
        let (gap, status) = (gap.gap, buffer.status());
        assert_eq!((gap.reason, gap.first_frame, gap.duration_ns), (reason, status.epoch_frame, 0));
        assert_eq!(gap.start_utc_ns + gap.clock_step_ns, status.epoch_utc_ns.unwrap());
        assert_eq!(gap.clock_step_ns, status.epoch_step_ns);
        let found_s = gap.clock_step_ns as f64 * -1e-9;
        assert!((found_s - back_s).abs() < 0.05, "{found_s} s of {back_s} s");
    }
}

#[test]
fn wall_clock_set_back_by_less_than_was_lost_records_no_step_back() {
    let mut recording = Recording::new(20.0, 1000);
    captured(&mut recording, 8, 0);
    recording.clock.step_utc(-SECOND_NS);
    recording.clock.advance(Duration::from_secs(3));
    captured(&mut recording, 1, 0);
    let all = recording.buffer.read(Span::Frames(0..9000)).unwrap();
    let [gap] = all.gaps() else { panic!("{:?}", all.gaps()) };
    assert_eq!((gap.gap.reason, gap.gap.duration_ns, gap.gap.clock_step_ns), (GapReason::ClockStep, 2 * SECOND_NS, 0));
    assert_eq!(recording.buffer.status().epoch_frame, 0);
}
