//! Times are true, never change and never run backwards, whatever the clocks and the network do.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod common;

use std::time::Duration;

use capbuf::{GapReason, ReadOptions, Span};
use common::{Recording, SECOND_NS, START_NS, manual, mono, shorts, signal};

/// A fixed sequence of numbers in -1.0..1.0 without trend.
fn jitter(seed: u64) -> f64 {
    let mut bits = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((bits ^ (bits >> 31)) >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
}

/// An hour of a source whose clock is off, its chunks' times jittering: the largest error of a label after the first minute
/// and after ten minutes, in ms.
fn worst_label_ms(ppm: f64, chunk: u64, jitter_ms: f64, arrival: bool) -> (f64, f64) {
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
        let told_ns = true_ns + jitter(number) * jitter_ms * 1e6;
        if arrival {
            let arrives_ns = (told_ns + chunk as f64 * period_ns) as i64;
            let elapsed_ns = capbuf::Clock::utc_ns(&*clock) - START_NS;
            clock.advance(Duration::from_nanos((arrives_ns - elapsed_ns).max(0) as u64));
            writer.write(&audio).unwrap();
        } else {
            writer.write_at(&audio, START_NS + told_ns as i64).unwrap();
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
fn a_source_100_ppm_fast_with_20_ms_of_jitter_is_labelled_within_2_ms_after_a_minute() {
    // What arrives can't overtake: chunks longer than the jitter, or their delay alone would shift the times.
    for (ppm, chunk, arrival) in [(100.0, 480, false), (-100.0, 480, false), (100.0, 1920, true)] {
        let (after_minute, after_ten) = worst_label_ms(ppm, chunk, 20.0, arrival);
        println!(
            "{ppm} ppm, ±20 ms, {chunk} frames a chunk, arrival {arrival}: {after_minute:.2} ms, then {after_ten:.2} ms"
        );
        assert!(after_minute < 2.0 && after_ten < 1.0, "{ppm} ppm: {after_minute} ms, {after_ten} ms");
    }
}

#[test]
fn bursts_of_half_a_second_that_come_300_ms_early_or_late_are_labelled_within_their_jitter() {
    let (after_minute, after_ten) = worst_label_ms(100.0, 24_000, 300.0, false);
    println!("100 ppm, ±300 ms, 500 ms bursts: {after_minute:.1} ms, then {after_ten:.1} ms");
    assert!(after_minute < 300.0 && after_ten < 60.0, "{after_minute} ms, {after_ten} ms");
}

#[test]
fn large_chunks_in_bursts_do_not_jump_at_the_wrap_and_the_same_window_stays_the_same() {
    let (registry, clock) = manual();
    let buffer = registry.get_or_allocate("x", mono(15.0, 48_000)).unwrap();
    let mut writer = buffer.writer().unwrap();
    let chunk = 16_384_u64; // 341 ms.
    let mut windows: Vec<(std::ops::Range<i64>, Vec<i16>, u64)> = Vec::new();
    let mut newest_ns = i64::MIN;
    for number in 1..=300_u64 {
        let due_ns = (number * chunk) as f64 / 48e-6 + jitter(number) * 300e6;
        let now_ns = capbuf::Clock::utc_ns(&*clock) - START_NS;
        clock.advance(Duration::from_nanos((due_ns as i64 - now_ns).max(0) as u64));
        let next = writer.next_frame();
        writer.write(&signal(next..next + chunk)).unwrap();
        let status = buffer.status();
        let end_ns = status.newest_utc_ns.unwrap();
        if number > 1 {
            let step_ms = (end_ns - newest_ns) as f64 * 1e-6;
            assert!((340.6..342.1).contains(&step_ms), "a chunk of 341.3 ms took {step_ms} ms");
        }
        newest_ns = end_ns;
        for (window, audio, first) in &windows {
            let again = buffer.read(Span::Time(window.clone()));
            match again {
                Ok(again) => {
                    assert_eq!(again.first_frame(), *first);
                    assert!(shorts(&again) == audio, "the same window read again differs");
                }
                Err(capbuf::Error::Evicted { oldest_utc_ns, .. }) => assert!(oldest_utc_ns > window.start),
                Err(other) => panic!("{other}"),
            }
        }
        if number > 4 {
            let window = end_ns - SECOND_NS - (number % 7) as i64 * 1_234_567..end_ns - 1_000_000;
            let segment = buffer.read(Span::Time(window.clone())).unwrap();
            windows.push((window, shorts(&segment).to_vec(), segment.first_frame()));
        }
        windows.drain(..windows.len().saturating_sub(50));
    }
    assert_eq!(buffer.status().gaps, 0);
}

#[test]
fn a_second_that_is_missing_is_noticed_without_being_told() {
    let mut recording = Recording::new(10.0, 8000);
    recording.arrive_in(24_000, 80);
    recording.clock.advance(Duration::from_secs(1));
    recording.arrive_in(24_000, 80);
    let all = recording.buffer.read(Span::Time(START_NS..START_NS + 7 * SECOND_NS)).unwrap();
    assert_eq!((all.frames(), all.silence_frames(), all.gaps().len()), (56_000, 8000, 1));
    assert_eq!((all.gaps()[0].at_frame, all.gaps()[0].gap.reason), (24_000, GapReason::Detected));
    assert_eq!(all.gaps()[0].gap.duration_ns, SECOND_NS);
}

#[test]
fn a_gap_of_known_length_is_that_long_however_the_chunks_jitter() {
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
        let told_ns = number * 20_000_000 + lost_ns + (jitter(number as u64) * 5e6) as i64;
        writer.write_at(&signal(0..160), START_NS + told_ns).unwrap();
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
fn a_gap_that_turns_out_longer_than_was_said_is_as_long_as_it_was() {
    let mut recording = Recording::new(30.0, 8000);
    recording.arrive_in(8000, 80);
    recording.clock.advance(Duration::from_secs(10));
    recording.writer.gap_for(GapReason::PacketLoss, Duration::from_millis(20));
    recording.arrive_in(8000, 80);
    assert_eq!(recording.buffer.status().newest_utc_ns, Some(START_NS + 12 * SECOND_NS));
}

#[test]
fn a_wall_clock_set_forward_is_on_record_and_moves_nothing_that_is_past() {
    for arrival in [true, false] {
        let (registry, clock) = manual();
        let buffer = registry.get_or_allocate("x", mono(10.0, 8000)).unwrap();
        let mut writer = buffer.writer().unwrap();
        let write = |writer: &mut capbuf::Writer, chunks: i64| {
            for _ in 0..chunks {
                let next = writer.next_frame();
                clock.advance(Duration::from_millis(10));
                let chunk = signal(next..next + 80);
                if arrival {
                    writer.write(&chunk).unwrap();
                } else {
                    writer.write_at(&chunk, capbuf::Clock::utc_ns(&*clock) - 10_000_000).unwrap();
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
        assert_eq!(buffer.status().newest_utc_ns, Some(START_NS + 3606 * SECOND_NS), "true to the clock that was set");
        let second = buffer.read(Span::Time(START_NS + 3604 * SECOND_NS..START_NS + 3605 * SECOND_NS)).unwrap();
        assert_eq!((second.first_frame(), second.frames()), (32_000, 8000));
    }
}

#[test]
fn a_wall_clock_set_back_is_on_record_and_times_go_on_forwards() {
    let mut recording = Recording::new(10.0, 8000);
    recording.arrive_in(24_000, 80);
    recording.clock.step_utc(-3600 * SECOND_NS);
    recording.arrive_in(24_000, 80);
    let buffer = &recording.buffer;
    let frames = buffer.read(Span::Frames(0..48_000)).unwrap();
    assert_eq!(shorts(&frames), signal(0..48_000));
    let [step] = frames.gaps() else { panic!("{:?}", frames.gaps()) };
    assert_eq!((step.gap.first_frame, step.gap.clock_step_ns, step.gap.duration_ns), (24_000, -3600 * SECOND_NS, 0));
    let status = buffer.status();
    let newest_ns = status.newest_utc_ns.unwrap();
    assert!((newest_ns - (START_NS + 6 * SECOND_NS)).abs() < 10_000_000, "slewed only: {}", newest_ns - START_NS);
    assert!((status.timeline_ahead_ns - 3600 * SECOND_NS).abs() < 10_000_000, "{}", status.timeline_ahead_ns);
    assert!(status.age.unwrap() < Duration::from_millis(20), "{:?}", status.age);
    // When the clock is right again, so are the times.
    recording.clock.step_utc(3600 * SECOND_NS);
    recording.arrive_in(80_000, 80);
    let newest_ns = recording.buffer.status().newest_utc_ns.unwrap();
    assert!((newest_ns - (START_NS + 16 * SECOND_NS)).abs() < 10_000_000, "{}", newest_ns - START_NS);
}

#[test]
fn a_clock_that_steps_to_and_fro_never_makes_times_run_backwards() {
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
        assert!(segment.start_utc_ns() >= newest_ns && segment.end_utc_ns() > segment.start_utc_ns());
        newest_ns = segment.end_utc_ns();
    }
}

#[test]
fn the_next_writer_goes_on_in_the_same_ring_after_a_gap_on_record() {
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
fn more_gaps_than_can_be_remembered_shorten_the_past_and_falsify_nothing() {
    let (registry, clock) = manual();
    let buffer = registry.get_or_allocate("x", mono(60.0, 8000)).unwrap();
    let mut writer = buffer.writer().unwrap();
    for number in 0..3000_u64 {
        writer.gap(GapReason::PacketLoss);
        clock.advance(Duration::from_millis(30));
        writer.write(&signal(number * 80..number * 80 + 80)).unwrap();
        let status = buffer.status();
        let oldest = status.oldest_frame;
        assert!(status.newest_frame - oldest >= 80 * 200.min(number), "at least 200 gaps are remembered");
        let read = buffer.read(Span::Frames(oldest..oldest + 80)).unwrap();
        assert_eq!(shorts(&read), signal(oldest..oldest + 80));
        assert_eq!(read.start_utc_ns(), START_NS + (oldest / 80 * 30 + 20) as i64 * 1_000_000);
        if oldest > 0 {
            assert!(matches!(buffer.read(Span::Frames(oldest - 1..oldest)), Err(capbuf::Error::Evicted { .. })));
        }
    }
}

/// An hour of a source whose frames take so many percent longer than said, with gaps of `told` ms that are `real` ms, each
/// `every` chunks of 10 ms: the largest error of a label in s.
fn worst_label_s(percent: f64, gaps: Option<(u64, u64, u64)>) -> f64 {
    let (registry, _) = manual();
    let buffer = registry.get_or_allocate("x", mono(10.0, 8000)).unwrap();
    let mut writer = buffer.writer().unwrap();
    let (mut worst_s, mut lost_ns) = (0.0_f64, 0.0);
    for chunk in 0..360_000_u64 {
        if let Some((every, told, real)) = gaps
            && chunk % every == every - 1
        {
            writer.gap_for(GapReason::PacketLoss, Duration::from_millis(told));
            lost_ns += real as f64 * 1e6;
        }
        let true_ns = chunk as f64 * 1e7 * (1.0 + percent / 100.0) + lost_ns;
        writer.write_at(&[0_i16; 80], START_NS + true_ns as i64).unwrap();
        let told_ns = buffer.read(Span::Frames(chunk * 80..chunk * 80 + 1)).unwrap().start_utc_ns() - START_NS;
        worst_s = worst_s.max((told_ns as f64 - true_ns).abs() * 1e-9);
    }
    worst_s
}

#[test]
fn a_source_that_is_off_by_more_than_any_clock_is_followed_all_the_same() {
    for (percent, bound_s) in [(-1.0, 2.5), (-0.5, 1.0), (0.2, 0.5), (0.5, 1.0), (1.0, 1.5), (1.4, 1.5), (2.0, 1.5)] {
        let worst_s = worst_label_s(percent, None);
        println!("a period {percent:+} % off: {worst_s:.2} s");
        assert!(worst_s < bound_s, "{percent} %: {worst_s} s");
    }
}

#[test]
fn gaps_that_are_told_too_short_again_and_again_do_not_add_up() {
    for (told, real) in [(20, 30), (20, 15), (20, 20)] {
        let worst_s = worst_label_s(0.0, Some((100, told, real)));
        println!("each second a gap of {told} ms that is {real} ms: {worst_s:.2} s");
        assert!(worst_s < if real > told { 0.5 } else { 0.75 }, "{told} {real}: {worst_s} s");
    }
}

#[test]
fn half_a_second_lost_each_minute_without_a_word_does_not_add_up() {
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

#[test]
fn times_at_the_ends_of_all_numbers_break_nothing() {
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

#[test]
fn a_new_writer_that_is_told_too_short_a_gap_begins_at_the_true_time() {
    for (told_ms, expected_ms) in [(20, 11_010), (9_800, 10_810)] {
        let mut recording = Recording::new(30.0, 8000);
        recording.arrive_in(8000, 80);
        let Recording { clock, buffer, writer, .. } = recording;
        drop(writer);
        clock.advance(Duration::from_secs(10));
        let mut writer = buffer.writer().unwrap();
        writer.gap_for(GapReason::PacketLoss, Duration::from_millis(told_ms));
        clock.advance(Duration::from_millis(10));
        writer.write(&signal(8000..8080)).unwrap();
        assert_eq!(buffer.status().newest_utc_ns, Some(START_NS + expected_ms * 1_000_000), "told {told_ms} ms");
    }
}

#[test]
fn a_known_gap_followed_by_an_unknown_one_is_of_unknown_length() {
    let mut recording = Recording::new(30.0, 8000);
    recording.arrive_in(8000, 80);
    recording.clock.advance(Duration::from_millis(500));
    recording.writer.gap_for(GapReason::PacketLoss, Duration::from_millis(20));
    recording.writer.gap(GapReason::SourceLost);
    recording.arrive(80);
    assert_eq!(recording.buffer.status().newest_utc_ns, Some(START_NS + 1_510_000_000));
}

#[test]
fn a_source_that_was_slow_before_a_gap_is_taken_to_be_slow_after_it() {
    let (registry, _) = manual();
    let buffer = registry.get_or_allocate("x", mono(10.0, 8000)).unwrap();
    let mut writer = buffer.writer().unwrap();
    let write = |writer: &mut capbuf::Writer, from_ns: i64| {
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
    assert!((took_ns - 1_000_500_000).abs() < 60_000, "by the next writer a second took {took_ns} ns");
}

#[test]
fn the_age_grows_while_nothing_is_written() {
    let mut recording = Recording::new(5.0, 1000);
    recording.arrive_in(1000, 20);
    recording.clock.advance(Duration::from_secs(5));
    assert_eq!(recording.buffer.status().age, Some(Duration::from_secs(5)));
}

#[test]
fn a_buffer_of_twelve_days_remembers_all_of_its_times() {
    let (registry, _) = manual();
    let spec = capbuf::Spec::new(capbuf::Length::Frames(1 << 20), 1, 1, capbuf::SampleFormat::S16).unwrap();
    let buffer = registry.get_or_allocate("x", spec).unwrap();
    let mut writer = buffer.writer().unwrap();
    for second in 0..1_i64 << 20 {
        writer.write_at(&[second as i16], START_NS + second * SECOND_NS).unwrap();
    }
    assert_eq!(buffer.frames(), 0..1 << 20);
}

#[test]
fn writers_that_follow_each_other_fast_do_not_add_up_what_each_of_them_bends() {
    let (registry, _) = manual();
    let buffer = registry.get_or_allocate("x", mono(2.0, 1000)).unwrap();
    for number in 0..40_i64 {
        // Each finds the timeline ahead of what it is told.
        let utc_ns = START_NS + number * 10_000_000 - number * 1_000_000;
        buffer.writer().unwrap().write_at(&signal(0..10), utc_ns).unwrap();
    }
    let end = buffer.frames().end;
    let last = buffer.read(Span::Frames(end - 10..end)).unwrap();
    let took_ns = last.end_utc_ns() - last.start_utc_ns();
    assert!((took_ns - 10_000_000).abs() <= 20_000, "10 ms took {took_ns} ns");
}

#[test]
fn a_long_chunk_is_bent_to_where_it_should_be_and_not_beyond() {
    let (registry, _) = manual();
    let buffer = registry.get_or_allocate("x", mono(60.0, 1000)).unwrap();
    let mut writer = buffer.writer().unwrap();
    writer.write_at(&signal(0..1000), START_NS).unwrap();
    // From here on 10 ms later than was told before: half of it is believed at once.
    let later_ns = START_NS + SECOND_NS + 10_000_000;
    writer.write_at(&signal(0..20_000), later_ns).unwrap();
    let end_ns = buffer.status().newest_utc_ns.unwrap();
    assert!((START_NS + 21 * SECOND_NS..=later_ns + 20 * SECOND_NS).contains(&end_ns), "{}", end_ns - START_NS);
}
