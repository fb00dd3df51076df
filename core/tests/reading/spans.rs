//! Which frames a span means, and errors at its ends.

use std::time::{Duration, SystemTime};

use capbuf::{Error, Missing, ReadOptions, Span};

use crate::support::{Recording, SECOND_NS, START_NS, ms, shorts, signal};

#[test]
fn full_buffer_holds_exactly_rate_times_seconds_frames() {
    for (seconds, rate) in [(120, 48_000), (64, 48_000), (2, 1024), (3, 1000), (1, 1), (7, 44_100)] {
        let mut recording = Recording::new(f64::from(seconds), rate);
        let length = u64::from(seconds * rate);
        // More than two laps.
        recording.arrive_in(2 * length + length / 3, (u64::from(rate) / 50).max(1));
        let newest = recording.writer.next_frame();
        let whole = recording.buffer.read(Span::Last(Duration::from_secs(seconds.into()))).unwrap();
        assert_eq!((whole.frames(), whole.first_frame()), (length, newest - length), "{seconds} s at {rate} Hz");
        assert_eq!(shorts(&whole), signal(newest - length..newest));
        let end_ns = whole.end_utc_ns();
        let by_time = Span::Time(end_ns - i64::from(seconds) * SECOND_NS..end_ns);
        assert_eq!(recording.buffer.read(by_time).unwrap(), whole);
        assert_eq!(recording.buffer.read(Span::Frames(newest - length..newest)).unwrap().samples(), whole.samples());
    }
}

#[test]
fn frame_past_the_newest_is_not_yet_and_frame_before_the_oldest_is_evicted() {
    let mut recording = Recording::new(2.0, 1000);
    recording.arrive_in(5000, 20);
    let buffer = &recording.buffer;
    let status = buffer.status();
    assert_eq!((status.oldest_frame, status.newest_frame), (3000, 5000));
    let (oldest_ns, newest_ns) = (status.oldest_utc_ns.unwrap(), status.newest_utc_ns.unwrap());
    assert_eq!((oldest_ns, newest_ns), (START_NS + 3 * SECOND_NS, START_NS + 5 * SECOND_NS));
    let frame_ns = SECOND_NS / 1000;
    for (whole, early, late) in [
        (Span::Frames(3000..5000), Span::Frames(2999..5000), Span::Frames(3000..5001)),
        (
            Span::Time(oldest_ns..newest_ns),
            Span::Time(oldest_ns - frame_ns..newest_ns),
            Span::Time(oldest_ns..newest_ns + frame_ns),
        ),
    ] {
        assert_eq!(buffer.read(whole).unwrap().frames(), 2000);
        assert_eq!(buffer.read(early).unwrap_err(), Error::Evicted { oldest_frame: 3000, oldest_utc_ns: oldest_ns });
        assert_eq!(
            buffer.read(late).unwrap_err(),
            Error::NotYet { newest_frame: 5000, missing_frames: 1, expected_utc_ns: Some(newest_ns + frame_ns) }
        );
    }
    assert_eq!(buffer.status().evictions, 2);
}

#[test]
fn available_read_returns_what_is_there_and_counts_the_missing_frames() {
    let mut recording = Recording::new(2.0, 1000);
    recording.arrive_in(5000, 20);
    let buffer = &recording.buffer;
    // First frame, frames, evicted frames, frames to come.
    let available = |span| {
        let segment = buffer.read_with(span, &ReadOptions::new().available()).unwrap();
        assert_eq!(shorts(&segment), signal(segment.first_frame()..segment.end_frame()));
        let Missing { evicted_frames, not_yet_frames, .. } = segment.missing();
        (segment.first_frame(), segment.frames(), evicted_frames, not_yet_frames)
    };
    let second = |second: i64| START_NS + second * SECOND_NS;
    assert_eq!(available(Span::Frames(2500..4500)), (3000, 1500, 500, 0));
    assert_eq!(available(Span::Frames(4500..5200)), (4500, 500, 0, 200));
    assert_eq!(available(Span::Frames(0..1000)), (3000, 0, 1000, 0));
    assert_eq!(available(Span::Frames(7000..9000)), (5000, 0, 0, 2000));
    assert_eq!(available(Span::Time(second(2)..second(4))), (3000, 1000, 1000, 0));
    assert_eq!(available(Span::Time(second(4)..second(6))), (4000, 1000, 0, 1000));
    assert_eq!(available(Span::Time(second(2)..second(7))), (3000, 2000, 1000, 2000));
    assert_eq!(available(Span::Time(second(0)..second(1))), (3000, 0, 1000, 0));
    assert_eq!(available(Span::Time(second(60)..second(61))), (5000, 0, 0, 1000));
    assert_eq!(available(Span::Last(ms(1500))), (3500, 1500, 0, 0));
}

#[test]
fn last_of_a_young_buffer_is_not_yet() {
    let mut recording = Recording::new(10.0, 1000);
    let last = |recording: &Recording| recording.buffer.read(Span::Last(Duration::from_secs(10)));
    assert_eq!(
        last(&recording).unwrap_err(),
        Error::NotYet { newest_frame: 0, missing_frames: 10_000, expected_utc_ns: None }
    );
    recording.arrive_in(4000, 100);
    let expected_utc_ns = Some(START_NS + 10 * SECOND_NS);
    assert_eq!(
        last(&recording).unwrap_err(),
        Error::NotYet { newest_frame: 4000, missing_frames: 6000, expected_utc_ns }
    );
    recording.arrive_in(6000, 100);
    assert_eq!(last(&recording).unwrap().frames(), 10_000);
}

#[test]
fn span_between_system_times_is_utc_also_before_the_epoch() {
    let epoch = SystemTime::UNIX_EPOCH;
    let between = Span::between(epoch - Duration::from_nanos(3), epoch + Duration::from_nanos(7));
    assert_eq!(between, Span::Time(-3..7));
}

#[test]
fn error_names_the_refused_span() {
    let recording = Recording::new(2.0, 1000);
    for (span, name) in [
        (Span::Frames(5..5), "frames 5..5"),
        (Span::Time(7..7), "time 7..7 ns UTC"),
        (Span::Last(Duration::from_secs(3)), "last 3s"),
    ] {
        let line = recording.buffer.read(span).unwrap_err().to_string();
        assert!(line.contains(name), "{line}");
    }
}

#[test]
fn empty_reversed_and_oversized_spans_are_invalid() {
    let mut recording = Recording::new(2.0, 1000);
    recording.arrive_in(5000, 20);
    #[allow(clippy::reversed_empty_ranges)]
    let invalid = [
        Span::Frames(5..5),
        Span::Frames(6..5),
        Span::Time(START_NS..START_NS),
        Span::Time(START_NS + 1..START_NS),
        Span::Time(i64::MAX..i64::MIN),
        // Less than half a frame.
        Span::Time(START_NS + 4 * SECOND_NS..START_NS + 4 * SECOND_NS + 10),
        Span::Last(Duration::ZERO),
        Span::Last(Duration::from_micros(1)),
        Span::Last(Duration::from_secs(3)),
        Span::Last(Duration::MAX),
    ];
    for span in invalid {
        for options in [ReadOptions::new(), ReadOptions::new().available(), ReadOptions::new().wait(ms(600_000))] {
            let error = recording.buffer.read_with(span.clone(), &options).unwrap_err();
            assert!(matches!(error, Error::InvalidRange { .. }), "{span}: {error}");
        }
    }
}

#[test]
fn far_spans_are_evicted_or_not_yet() {
    let mut recording = Recording::new(2.0, 1000);
    recording.arrive_in(5000, 20);
    let buffer = &recording.buffer;
    assert!(matches!(buffer.read(Span::Frames(u64::MAX - 5..u64::MAX)), Err(Error::NotYet { .. })));
    assert!(matches!(buffer.read(Span::Time(i64::MAX - 5..i64::MAX)), Err(Error::NotYet { .. })));
    assert!(matches!(buffer.read(Span::Time(i64::MIN..i64::MIN + 5)), Err(Error::Evicted { .. })));
    assert!(matches!(buffer.read(Span::Time(i64::MIN..i64::MAX)), Err(Error::Evicted { .. })));
    assert!(matches!(buffer.read(Span::Frames(0..u64::MAX)), Err(Error::Evicted { .. })));
    let by_number = buffer.read_with(Span::Frames(0..u64::MAX), &ReadOptions::new().available()).unwrap();
    assert_eq!(by_number.missing().evicted_frames, 3000);
    let everything = buffer.read_with(Span::Time(i64::MIN..i64::MAX), &ReadOptions::new().available()).unwrap();
    assert_eq!(everything.frames(), 2000);
}
