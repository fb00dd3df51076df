//! Wall clocks that are set, and times at the limits of `i64`.

use std::time::Duration;

use capbuf::{Clock as _, GapReason, ReadOptions, Span, Writer};

use crate::jitter;
use crate::support::{Recording, SECOND_NS, START_NS, manual, mono, shorts, signal};

#[test]
fn forward_clock_step_is_recorded_and_moves_no_past_time() {
    for arrival in [true, false] {
        let (registry, clock) = manual();
        let buffer = registry.get_or_allocate("x", mono(10.0, 8000)).unwrap();
        let mut writer = buffer.writer().unwrap();
        let write = |writer: &mut Writer, chunks: i64| {
            for _ in 0..chunks {
                let next = writer.next_frame();
                clock.advance(Duration::from_millis(10));
                let chunk = signal(next..next + 80);
                if arrival {
                    writer.write(&chunk).unwrap();
                } else {
                    writer.write_at(&chunk, clock.utc_ns() - 10_000_000).unwrap();
                }
            }
        };
        write(&mut writer, 300);
        let before = buffer.read(Span::Time(START_NS + SECOND_NS..START_NS + 3 * SECOND_NS)).unwrap();
        clock.step_utc(3600 * SECOND_NS);
        write(&mut writer, 300);
        assert_eq!(buffer.read(Span::Time(START_NS + SECOND_NS..START_NS + 3 * SECOND_NS)).unwrap(), before);
        let frames = buffer.read(Span::Frames(8000..48_000)).unwrap();
        assert_eq!(shorts(&frames), signal(8000..48_000));
        let [step] = frames.gaps() else { panic!("{:?}", frames.gaps()) };
        assert_eq!((step.gap.first_frame, step.gap.reason), (24_000, GapReason::ClockStep));
        assert_eq!((step.gap.clock_step_ns, step.gap.duration_ns), (3600 * SECOND_NS, 3600 * SECOND_NS));
        assert_eq!(buffer.status().newest_utc_ns, Some(START_NS + 3606 * SECOND_NS), "new times follow the new clock");
        let second = buffer.read(Span::Time(START_NS + 3604 * SECOND_NS..START_NS + 3605 * SECOND_NS)).unwrap();
        assert_eq!((second.first_frame(), second.frames()), (32_000, 8000));
    }
}

#[test]
fn backward_clock_step_is_recorded_and_begins_a_new_epoch() {
    let mut recording = Recording::new(10.0, 8000);
    recording.arrive_in(24_000, 80);
    recording.clock.step_utc(-3600 * SECOND_NS);
    recording.arrive_in(24_000, 80);
    let buffer = &recording.buffer;
    let frames = buffer.read(Span::Frames(0..48_000)).unwrap();
    assert_eq!(shorts(&frames), signal(0..48_000));
    let [step] = frames.gaps() else { panic!("{:?}", frames.gaps()) };
    assert_eq!((step.gap.first_frame, step.gap.clock_step_ns, step.gap.duration_ns), (24_000, -3600 * SECOND_NS, 0));
    assert!((step.gap.start_utc_ns - (START_NS + 3 * SECOND_NS)).abs() < 10_000_000, "{step:?}");
    let status = buffer.status();
    let newest_ns = status.newest_utc_ns.unwrap();
    assert!((newest_ns - (START_NS - 3594 * SECOND_NS)).abs() < 10_000_000, "{}", newest_ns - START_NS);
    assert!(status.timeline_ahead_ns.abs() < 10_000_000, "{}", status.timeline_ahead_ns);
    assert!(status.age.unwrap() < Duration::from_millis(20), "{:?}", status.age);
    // Once the clock is right again, new times are true.
    recording.clock.step_utc(3600 * SECOND_NS);
    recording.arrive_in(80_000, 80);
    let newest_ns = recording.buffer.status().newest_utc_ns.unwrap();
    assert!((newest_ns - (START_NS + 16 * SECOND_NS)).abs() < 10_000_000, "{}", newest_ns - START_NS);
}

#[test]
fn repeated_clock_steps_never_make_times_run_backwards_within_an_epoch() {
    let mut recording = Recording::new(5.0, 1000);
    let mut newest_ns = i64::MIN;
    for number in 0..2000_u64 {
        if number % 37 == 0 {
            recording.clock.step_utc((jitter(number) * 10e9) as i64);
        }
        if number % 91 == 0 {
            recording.writer.gap(GapReason::Requested);
        }
        recording.arrive(20);
        let segment = recording.buffer.read(Span::Frames(number * 20..number * 20 + 20)).unwrap();
        let begins_epoch = recording.buffer.status().epoch_frame == number * 20;
        assert!(segment.start_utc_ns() >= newest_ns || begins_epoch);
        assert!(segment.end_utc_ns() > segment.start_utc_ns());
        newest_ns = segment.end_utc_ns();
    }
}

#[test]
fn extreme_times_do_not_overflow() {
    for times in [[START_NS, i64::MIN, START_NS, i64::MAX, 0], [i64::MIN, i64::MAX, 0, -1, 1]] {
        let (registry, _) = manual();
        let buffer = registry.get_or_allocate("x", mono(1.0, 8000)).unwrap();
        let mut writer = buffer.writer().unwrap();
        for utc_ns in times {
            writer.write_at(&signal(0..80), utc_ns).unwrap();
            writer.gap_for(GapReason::PacketLoss, Duration::MAX);
            writer.write_at(&signal(0..80), utc_ns).unwrap();
            buffer.read(Span::Frames(0..80)).unwrap();
            let all = Span::Time(i64::MIN..i64::MAX);
            buffer.read_with(all, &ReadOptions::new().available().silence(false)).unwrap();
        }
    }
}
