//! What a read returns: the frames asked for, or why not.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread;
use std::time::Duration;

use capbuf::{Clock, Error, GapReason, Missing, ReadOptions, Registry, SampleFormat, Span};
use common::{Recording, SECOND_NS, START_NS, manual, mono, ms, sample, shorts, signal, spec};

#[test]
fn a_full_window_is_exactly_rate_times_seconds_frames() {
    for (seconds, rate) in [(120, 48_000), (64, 48_000), (2, 1024), (3, 1000), (1, 1), (7, 44_100)] {
        let mut recording = Recording::new(f64::from(seconds), rate);
        let length = u64::from(seconds * rate);
        // Twice around and a bit.
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
fn one_frame_past_the_newest_is_not_yet_and_one_before_the_oldest_evicted() {
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
fn what_is_available_comes_with_what_is_missing_and_why() {
    let mut recording = Recording::new(2.0, 1000);
    recording.arrive_in(5000, 20);
    let buffer = &recording.buffer;
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
fn the_last_ten_seconds_of_a_young_buffer_are_not_yet() {
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
fn audio_around_gaps_keeps_its_times_and_its_length_in_the_first_lap_and_later() {
    let mut recording = Recording::new(10.0, 1000);
    // Seconds of audio, with a second missing after each three: the times at which audio is there.
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
        // Audio is readable at once, and all of it where it was.
        for (start_ns, first) in heard.iter().rev().take(7) {
            let segment = recording.buffer.read(Span::Time(*start_ns..start_ns + SECOND_NS)).unwrap();
            assert_eq!((segment.first_frame(), segment.frames(), segment.gaps().len()), (*first, 1000, 0));
            assert_eq!(segment.start_utc_ns(), *start_ns);
            assert_eq!(shorts(&segment), signal(*first..first + 1000));
        }
        if second > 8 {
            let from_ns = START_NS + (second - 5) * SECOND_NS;
            let across = recording.buffer.read(Span::Time(from_ns..from_ns + 6 * SECOND_NS)).unwrap();
            assert_eq!(across.frames(), 6000, "a clip keeps its length");
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

#[test]
fn a_span_can_begin_end_or_lie_wholly_in_a_gap() {
    let mut recording = Recording::new(20.0, 1000);
    recording.arrive_in(3000, 10);
    recording.clock.advance(Duration::from_secs(4));
    recording.writer.gap(GapReason::Overrun);
    recording.arrive_in(3000, 10);
    let buffer = &recording.buffer;
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
        let filled = buffer.read(span.clone()).unwrap();
        assert_eq!(
            (
                filled.first_frame(),
                filled.frames() - filled.silence_frames(),
                filled.silence_frames(),
                filled.gaps().len()
            ),
            (first, captured, silence, gaps),
            "{from} to {to}"
        );
        assert_eq!((filled.start_utc_ns(), filled.end_utc_ns()), (at(from), at(to)));
        let bare = buffer.read_with(span, &ReadOptions::new().silence(false)).unwrap();
        assert_eq!((bare.frames(), bare.silence_frames()), (captured, 0));
        assert_eq!(shorts(&bare), signal(first..first + captured));
    }
    // The last five seconds: three of audio, two of the gap; by frames the gap doesn't count.
    let last = buffer.read(Span::Last(Duration::from_secs(5))).unwrap();
    assert_eq!((last.first_frame(), last.frames(), last.silence_frames()), (3000, 5000, 2000));
    assert!(shorts(&last)[..2000].iter().all(|sample| *sample == 0) && shorts(&last)[2000..] == signal(3000..6000));
    let last = buffer.read(Span::Last(Duration::from_secs(8))).unwrap();
    assert_eq!((last.first_frame(), last.frames(), last.silence_frames()), (2000, 8000, 4000));
    let frames = buffer.read(Span::Frames(2000..5000)).unwrap();
    assert_eq!((frames.frames(), frames.silence_frames(), frames.gaps()[0].at_frame), (3000, 0, 1000));
}

#[test]
fn every_format_is_read_as_every_other() {
    let (registry, _) = manual();
    for format in SampleFormat::ALL {
        let buffer = registry.get_or_allocate(format.name(), spec(1.0, 8000, 2, format)).unwrap();
        let mut writer = buffer.writer().unwrap();
        let wave: Vec<f32> = (0..8000).map(|n| ((n % 2000) as f32 - 1000.0) / 1024.0).collect();
        macro_rules! write_as {
            ($type:ty) => {{
                let mut samples = vec![<$type>::default(); wave.len()];
                capbuf::convert(&wave, &mut samples);
                writer.write(&samples).unwrap();
            }};
        }
        match format {
            SampleFormat::S16 => write_as!(i16),
            SampleFormat::S24 => write_as!(capbuf::I24),
            SampleFormat::S32 => write_as!(i32),
            SampleFormat::F32 => write_as!(f32),
        }
        for wanted in SampleFormat::ALL {
            let options = ReadOptions::new().format(wanted);
            let segment = buffer.read_with(Span::Frames(1000..4000), &options).unwrap();
            assert_eq!((segment.format(), segment.frames(), segment.samples().len()), (wanted, 3000, 6000));
            let mut floats = vec![0.0_f32; 6000];
            match segment.samples() {
                capbuf::Samples::S16(samples) => capbuf::convert(samples, &mut floats),
                capbuf::Samples::S24(samples) => capbuf::convert(samples, &mut floats),
                capbuf::Samples::S32(samples) => capbuf::convert(samples, &mut floats),
                capbuf::Samples::F32(samples) => capbuf::convert(samples, &mut floats),
            };
            assert!(floats == wave[2000..8000], "{format} as {wanted}");
        }
        let mut into = vec![9.0_f32; 6001];
        let extracted = buffer.read_into(Span::Frames(1000..4000), &ReadOptions::new(), &mut into).unwrap();
        assert_eq!((extracted.frames, extracted.first_frame), (3000, 1000));
        assert!(into[..6000] == wave[2000..8000] && into[6000] == 9.0);
    }
}

#[test]
fn memory_that_is_too_small_is_left_alone() {
    let mut recording = Recording::new(1.0, 1000);
    recording.arrive(500);
    let mut small = [7_i16; 499];
    let error = recording.buffer.read_into(Span::Frames(0..500), &ReadOptions::new(), &mut small).unwrap_err();
    assert_eq!(error, Error::TooSmall { needed_samples: 500, given_samples: 499 });
    assert_eq!(small, [7; 499]);
}

#[test]
fn when_times_are_forgotten_the_newest_reach_back_to_the_silence_before_the_oldest_frame_whose_time_is_known() {
    // More gaps than there is room to tell of; each of 10 ms before a frame of 1 ms.
    let mut recording = Recording::new(100.0, 1000);
    for _ in 0..5000 {
        recording.clock.advance(ms(10));
        recording.writer.gap_for(GapReason::PacketLoss, ms(10));
        recording.arrive(1);
    }
    let buffer = &recording.buffer;
    let kept = buffer.frames();
    assert!(kept.start > 0 && kept.end == 5000, "{kept:?}");
    let last = buffer.read_with(Span::Last(Duration::from_secs(100)), &ReadOptions::new().available()).unwrap();
    let frames = (kept.end - kept.start) * 11;
    assert_eq!((last.frames(), last.missing().evicted_frames), (frames, 100_000 - frames));
    assert_eq!(last.gaps().first().map(|gap| (gap.at_frame, gap.silence_frames)), Some((0, 10)));
}

#[test]
fn a_span_between_two_moments_is_in_utc_before_the_epoch_too() {
    let epoch = std::time::SystemTime::UNIX_EPOCH;
    let between = Span::between(epoch - Duration::from_nanos(3), epoch + Duration::from_nanos(7));
    assert_eq!(between, Span::Time(-3..7));
}

#[test]
fn a_span_that_is_refused_is_named() {
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
fn spans_that_are_none_are_refused_and_far_ones_are_only_far() {
    let mut recording = Recording::new(2.0, 1000);
    recording.arrive_in(5000, 20);
    let buffer = &recording.buffer;
    #[allow(clippy::reversed_empty_ranges)]
    let refused = [
        Span::Frames(5..5),
        Span::Frames(6..5),
        Span::Time(START_NS..START_NS),
        Span::Time(START_NS + 1..START_NS),
        Span::Time(i64::MAX..i64::MIN),
        Span::Time(START_NS + 4 * SECOND_NS..START_NS + 4 * SECOND_NS + 10),
        Span::Last(Duration::ZERO),
        Span::Last(Duration::from_micros(1)),
        Span::Last(Duration::from_secs(3)),
        Span::Last(Duration::MAX),
    ];
    for span in refused {
        for options in [ReadOptions::new(), ReadOptions::new().available(), ReadOptions::new().wait(ms(600_000))] {
            let error = buffer.read_with(span.clone(), &options).unwrap_err();
            assert!(matches!(error, Error::InvalidRange { .. }), "{span}: {error}");
        }
    }
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

#[test]
fn an_hour_of_silence_is_not_made_when_it_is_more_than_a_segment_may_be() {
    let registry =
        Registry::builder().clock(Arc::new(capbuf::ManualClock::new(START_NS))).max_buffer_bytes(1 << 20).build();
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
fn a_waiting_read_gets_the_frames_when_they_come() {
    let registry = Registry::private();
    let buffer = registry.get_or_allocate("x", mono(1.0, 8000)).unwrap();
    let options = ReadOptions::new().wait(Duration::from_secs(120));
    thread::scope(|scope| {
        let reader = scope.spawn(|| buffer.read_with(Span::Frames(700..900), &options).unwrap());
        let mut writer = buffer.writer().unwrap();
        while !reader.is_finished() && writer.next_frame() < 900 {
            let next = writer.next_frame();
            writer.write(&signal(next..next + 100)).unwrap();
            thread::sleep(ms(5));
        }
        assert_eq!(shorts(&reader.join().unwrap()), signal(700..900));
    });
}

#[test]
fn a_wait_ends_with_its_time_and_gives_what_is_there_if_that_was_asked() {
    let registry = Registry::private();
    let buffer = registry.get_or_allocate("x", mono(1.0, 8000)).unwrap();
    let wait = ReadOptions::new().wait(ms(20));
    assert!(
        matches!(buffer.read_with(Span::Last(ms(100)), &wait), Err(Error::TimedOut { waited }) if waited >= ms(20))
    );
    buffer.writer().unwrap().write(&signal(0..400)).unwrap();
    assert!(matches!(buffer.read_with(Span::Last(ms(100)), &wait), Err(Error::TimedOut { .. })));
    let partial = buffer.read_with(Span::Last(ms(100)), &wait.available()).unwrap();
    assert_eq!((partial.frames(), partial.missing().not_yet_frames), (400, 400));
}

/// Time passes while somebody sleeps, and at no other time.
#[derive(Debug)]
struct WhileAsleep(AtomicI64);

impl Clock for WhileAsleep {
    fn utc_ns(&self) -> i64 {
        START_NS + self.monotonic_ns()
    }

    fn monotonic_ns(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    fn sleep(&self, duration: Duration) {
        self.0.fetch_add(duration.as_nanos() as i64, Ordering::Relaxed);
    }
}

#[test]
fn a_read_that_has_to_wait_is_counted_once_however_often_it_looks() {
    let registry = Registry::builder().clock(Arc::new(WhileAsleep(AtomicI64::new(1)))).build();
    let buffer = registry.allocate("mic", spec(10.0, 8000, 1, SampleFormat::S16)).unwrap();
    buffer.writer().unwrap().write_at(&[1_i16; 800], START_NS).unwrap();
    let read = |end| buffer.read_with(Span::Frames(0..end), &ReadOptions::new().wait(ms(1000)));
    let counted = || {
        registry
            .metrics_text()
            .lines()
            .find_map(|line| line.strip_prefix("capbuf_read_waits_total ").map(str::to_owned))
    };
    assert!(read(800).is_ok());
    assert_eq!(counted().as_deref(), Some("0.0"));
    assert_eq!(read(801).unwrap_err(), Error::TimedOut { waited: ms(1000) });
    assert_eq!(counted().as_deref(), Some("1.0"));
}

#[test]
fn a_span_that_ends_where_a_gap_ends_keeps_its_length() {
    let mut recording = Recording::new(20.0, 1000);
    recording.arrive_in(3000, 10);
    recording.clock.advance(Duration::from_secs(4));
    recording.writer.gap(GapReason::Overrun);
    recording.arrive_in(3000, 10);
    for end_us in [6_999_000_i64, 6_999_400, 6_999_600, 7_000_000, 7_000_400, 7_000_600, 7_001_000] {
        let span = Span::Time(START_NS + 2 * SECOND_NS..START_NS + end_us * 1000);
        let segment = recording.buffer.read(span).unwrap();
        assert!(segment.frames().abs_diff(5000) <= 1, "{} frames to {end_us} us", segment.frames());
        assert_eq!(segment.gaps().len(), 1);
    }
}

#[test]
fn the_same_span_is_the_same_frames_when_more_have_come() {
    let (registry, _) = manual();
    let buffer = registry.get_or_allocate("x", mono(60.0, 100)).unwrap();
    let mut writer = buffer.writer().unwrap();
    let mut read = Vec::new();
    // A source 300 ppm slow whose chunks jitter, so that the timeline bends; spans that end anywhere around its end.
    for chunk in 0..600_i64 {
        let jitter_ns = chunk * 7919 % 13 * 500_000;
        writer.write_at(&[chunk as i16; 10], START_NS + chunk * 100_030_000 + jitter_ns).unwrap();
        let end_ns = buffer.status().newest_utc_ns.unwrap();
        for to in (-40..=40).map(|step| end_ns + step * 400_000 + step) {
            let range = to - SECOND_NS / 2..to;
            if let Ok(segment) = buffer.read(Span::Time(range.clone())) {
                read.push((range, segment.first_frame(), segment.frames(), segment.silence_frames()));
            }
        }
        if chunk % 10 == 9 {
            for (range, first, frames, silence) in read.drain(..) {
                let again = buffer.read(Span::Time(range)).unwrap();
                assert_eq!((again.first_frame(), again.frames(), again.silence_frames()), (first, frames, silence));
            }
        }
    }
    assert_eq!(buffer.status().gaps, 0);
}

/// A fixed sequence of numbers below a bound.
fn random(seed: &mut u64, bound: u64) -> u64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*seed >> 20) % bound
}

#[test]
fn any_span_of_any_timeline_is_as_long_as_its_time_and_holds_its_own_frames() {
    let mut seed = 7;
    for round in 0..200 {
        let rate = [1000_u32, 8000, 44_100, 10][round % 4];
        let (registry, _) = manual();
        let length = 2000 + random(&mut seed, 8000);
        let spec = capbuf::Spec::new(capbuf::Length::Frames(length), rate, 1, SampleFormat::S16).unwrap();
        let buffer = registry.get_or_allocate("x", spec).unwrap();
        let mut writer = buffer.writer().unwrap();
        let (mut at_ns, frame_ns) = (START_NS, SECOND_NS / i64::from(rate));
        // Never zero, so that silence can be told from audio.
        let audio = |frames: std::ops::Range<u64>| frames.map(|frame| (frame % 30_000) as i16 + 1).collect::<Vec<_>>();
        for _ in 0..60 {
            if random(&mut seed, 6) == 0 {
                at_ns += random(&mut seed, 700) as i64 * frame_ns;
                writer.gap(GapReason::Requested);
            }
            let (next, frames) = (writer.next_frame(), 1 + random(&mut seed, 700));
            writer.write_at(&audio(next..next + frames), at_ns).unwrap();
            at_ns += (frames as f64 * 1e9 / f64::from(rate)) as i64;
            let status = buffer.status();
            let (oldest_ns, newest_ns) = (status.oldest_utc_ns.unwrap(), status.newest_utc_ns.unwrap());
            let mut any = || oldest_ns + random(&mut seed, (newest_ns - oldest_ns).max(1) as u64) as i64;
            let (one, other) = (any(), any());
            let (from, to) = (one.min(other), one.max(other));
            let wanted = |ns: i64| (ns as f64 * f64::from(rate) * 1e-9).round() as u64;
            match buffer.read(Span::Time(from..to)) {
                Ok(segment) => {
                    let tolerance = 2 + segment.gaps().len() as u64;
                    assert!(segment.frames().abs_diff(wanted(to - from)) <= tolerance, "{} frames", segment.frames());
                    let sounding: Vec<_> = shorts(&segment).iter().copied().filter(|sample| *sample != 0).collect();
                    assert_eq!(sounding, audio(segment.first_frame()..segment.end_frame()));
                    assert!((segment.start_utc_ns() - from).abs() <= frame_ns + 2);
                    assert!((segment.end_utc_ns() - to).abs() <= frame_ns + 2);
                }
                Err(Error::InvalidRange { .. }) => {}
                Err(error) => panic!("{error}"),
            }
            let last = 1 + random(&mut seed, length);
            match buffer.read(Span::Last(Duration::from_secs_f64(last as f64 / f64::from(rate)))) {
                Ok(segment) => assert_eq!(segment.frames(), last),
                Err(error) => assert!(matches!(error, Error::NotYet { .. }), "{error}"),
            }
            let around = from - random(&mut seed, 2_000_000_000) as i64..to + random(&mut seed, 2_000_000_000) as i64;
            let part = buffer.read_with(Span::Time(around.clone()), &ReadOptions::new().available()).unwrap();
            let total = part.frames() + part.missing().evicted_frames + part.missing().not_yet_frames;
            assert!(total.abs_diff(wanted(around.end - around.start)) <= 4 + part.gaps().len() as u64);
        }
    }
}

#[test]
fn what_is_available_is_waited_for_though_its_beginning_is_gone() {
    let registry = Registry::private();
    let buffer = registry.get_or_allocate("x", mono(1.0, 8000)).unwrap();
    let mut writer = buffer.writer().unwrap();
    writer.write(&signal(0..24_000)).unwrap();
    let options = ReadOptions::new().available().wait(Duration::from_secs(120));
    thread::scope(|scope| {
        let reader = scope.spawn(|| buffer.read_with(Span::Frames(15_999..24_400), &options).unwrap());
        thread::sleep(ms(50));
        writer.write(&signal(24_000..24_400)).unwrap();
        let segment = reader.join().unwrap();
        assert_eq!(segment.missing().not_yet_frames, 0);
        assert_eq!(shorts(&segment), signal(segment.first_frame()..24_400));
    });
}
