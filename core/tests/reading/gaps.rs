//! Reads across gaps: silence keeps the length of a clip.

use std::sync::Arc;
use std::time::Duration;

use capbuf::{Error, GapReason, ManualClock, ReadOptions, Registry, Span};

use crate::support::{Recording, SECOND_NS, START_NS, mono, ms, sample, shorts, signal};

#[test]
fn audio_around_gaps_keeps_its_times_and_length_in_every_lap() {
    let mut recording = Recording::new(10.0, 1000);
    // Three seconds of audio, one second missing, and so on. Start time and first frame of each
    // second of audio.
    let mut heard = Vec::new();
    for second in 0..40_i64 {
        if second % 4 == 3 {
            recording.clock.advance(Duration::from_secs(1));
            recording.writer.gap(GapReason::SourceLost);
            continue;
        }
        let first = recording.writer.next_frame();
        recording.arrive_in(1000, 10);
        heard.push((START_NS + second * SECOND_NS, first));
        // The newest seconds of audio keep their times and frames.
        for (start_ns, first) in heard.iter().rev().take(7) {
            let segment = recording.buffer.read(Span::Time(*start_ns..start_ns + SECOND_NS)).unwrap();
            assert_eq!((segment.first_frame(), segment.frames(), segment.gaps().len()), (*first, 1000, 0));
            assert_eq!(segment.start_utc_ns(), *start_ns);
            assert_eq!(shorts(&segment), signal(*first..first + 1000));
        }
        if second > 8 {
            let from_ns = START_NS + (second - 5) * SECOND_NS;
            let across = recording.buffer.read(Span::Time(from_ns..from_ns + 6 * SECOND_NS)).unwrap();
            assert_eq!(across.frames(), 6000);
            let silent = (second - 5..=second).filter(|second| second % 4 == 3).count() as u64;
            assert_eq!(across.silence_frames(), silent * 1000);
            assert_eq!(across.gaps().len() as u64, silent);
            for gap in across.gaps() {
                assert_eq!(
                    (gap.gap.duration_ns, gap.silence_frames, gap.gap.reason),
                    (SECOND_NS, 1000, GapReason::SourceLost)
                );
                let at = gap.at_frame as usize;
                assert!(shorts(&across)[at..at + 1000].iter().all(|sample| *sample == 0));
                assert_eq!(across.start_utc_ns() + gap.at_frame as i64 * SECOND_NS / 1000, gap.gap.start_utc_ns);
                if at + 1000 < 6000 {
                    assert_eq!(shorts(&across)[at + 1000], sample(gap.gap.first_frame));
                }
            }
        }
    }
    assert_eq!(recording.buffer.status().gaps, 9);
}

/// Audio of 3 s, a gap of 4 s, audio of 3 s.
fn recording_with_gap() -> Recording {
    let mut recording = Recording::new(20.0, 1000);
    recording.arrive_in(3000, 10);
    recording.clock.advance(Duration::from_secs(4));
    recording.writer.gap(GapReason::Overrun);
    recording.arrive_in(3000, 10);
    recording
}

#[test]
fn span_of_time_may_start_end_or_lie_in_a_gap() {
    let recording = recording_with_gap();
    let at = |tenths: i64| START_NS + tenths * SECOND_NS / 10;
    for (from, to, first, captured, silence, gaps) in [
        (25, 50, 2500, 500, 2000, 1),
        (40, 80, 3000, 1000, 3000, 1),
        (40, 60, 3000, 0, 2000, 1),
        (30, 70, 3000, 0, 4000, 1),
        (20, 80, 2000, 2000, 4000, 1),
        (20, 30, 2000, 1000, 0, 0),
        (70, 80, 3000, 1000, 0, 0),
    ] {
        let span = Span::Time(at(from)..at(to));
        let filled = recording.buffer.read(span.clone()).unwrap();
        let filled_captured = filled.frames() - filled.silence_frames();
        assert_eq!(
            (filled.first_frame(), filled_captured, filled.silence_frames(), filled.gaps().len()),
            (first, captured, silence, gaps),
            "{from} to {to}"
        );
        assert_eq!((filled.start_utc_ns(), filled.end_utc_ns()), (at(from), at(to)));
        let bare = recording.buffer.read_with(span, &ReadOptions::new().silence(false)).unwrap();
        assert_eq!((bare.frames(), bare.silence_frames()), (captured, 0));
        assert_eq!(shorts(&bare), signal(first..first + captured));
    }
}

#[test]
fn last_counts_the_silence_of_a_gap() {
    let buffer = recording_with_gap().buffer;
    let last = buffer.read(Span::Last(Duration::from_secs(5))).unwrap();
    assert_eq!((last.first_frame(), last.frames(), last.silence_frames()), (3000, 5000, 2000));
    assert!(shorts(&last)[..2000].iter().all(|sample| *sample == 0));
    assert_eq!(shorts(&last)[2000..], signal(3000..6000));
    let last = buffer.read(Span::Last(Duration::from_secs(8))).unwrap();
    assert_eq!((last.first_frame(), last.frames(), last.silence_frames()), (2000, 8000, 4000));
}

#[test]
fn span_of_frames_lists_a_gap_and_adds_no_silence() {
    let buffer = recording_with_gap().buffer;
    let frames = buffer.read(Span::Frames(2000..5000)).unwrap();
    assert_eq!((frames.frames(), frames.silence_frames(), frames.gaps()[0].at_frame), (3000, 0, 1000));
}

#[test]
fn last_reaches_back_to_the_gap_before_the_oldest_frame_with_a_known_time() {
    // More gaps than the timeline has segments for: 10 ms before each frame of 1 ms.
    let mut recording = Recording::new(100.0, 1000);
    for _ in 0..5000 {
        recording.clock.advance(ms(10));
        recording.writer.gap_for(GapReason::PacketLoss, ms(10));
        recording.arrive(1);
    }
    let buffer = &recording.buffer;
    let readable = buffer.frames();
    assert!(readable.start > 0, "{readable:?}");
    assert_eq!(readable.end, 5000);
    let last = buffer.read_with(Span::Last(Duration::from_secs(100)), &ReadOptions::new().available()).unwrap();
    let frames = (readable.end - readable.start) * 11;
    assert_eq!((last.frames(), last.missing().evicted_frames), (frames, 100_000 - frames));
    assert_eq!(last.gaps().first().map(|gap| (gap.at_frame, gap.silence_frames)), Some((0, 10)));
}

#[test]
fn silence_beyond_the_buffer_limit_is_refused() {
    let registry = Registry::builder().clock(Arc::new(ManualClock::new(START_NS))).max_buffer_bytes(1 << 20).build();
    let buffer = registry.get_or_allocate("x", mono(2.0, 1000)).unwrap();
    let mut writer = buffer.writer().unwrap();
    writer.write_at(&signal(0..1000), START_NS).unwrap();
    writer.gap(GapReason::SourceLost);
    writer.write_at(&signal(1000..2000), START_NS + 3600 * SECOND_NS).unwrap();
    let across = Span::Time(START_NS..START_NS + 3601 * SECOND_NS);
    let error = buffer.read(across.clone()).unwrap_err();
    assert!(matches!(error, Error::OverBudget { requested_bytes: 7_202_000, limit_bytes: 1_048_576, .. }), "{error}");
    assert_eq!(buffer.read_with(across, &ReadOptions::new().silence(false)).unwrap().frames(), 2000);
}

#[test]
fn span_ending_near_the_end_of_a_gap_keeps_its_length() {
    let recording = recording_with_gap();
    for end_us in [6_999_000_i64, 6_999_400, 6_999_600, 7_000_000, 7_000_400, 7_000_600, 7_001_000] {
        let span = Span::Time(START_NS + 2 * SECOND_NS..START_NS + end_us * 1000);
        let segment = recording.buffer.read(span).unwrap();
        assert!(segment.frames().abs_diff(5000) <= 1, "{} frames to {end_us} us", segment.frames());
        assert_eq!(segment.gaps().len(), 1);
    }
}
