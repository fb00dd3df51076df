//! Times once reported stay, and new times continue from them.

use std::time::Duration;

use capbuf::{Clock as _, Error, Length, SampleFormat, Span, Spec};

use crate::jitter;
use crate::support::{Recording, SECOND_NS, START_NS, manual, mono, shorts, signal};

#[test]
fn times_of_large_bursty_chunks_never_jump_and_never_change() {
    let (registry, clock) = manual();
    let buffer = registry.get_or_allocate("x", mono(15.0, 48_000)).unwrap();
    let mut writer = buffer.writer().unwrap();
    let chunk = 16_384_u64; // 341 ms.
    // Spans of time with the samples and the first frame of the first read.
    let mut windows: Vec<(std::ops::Range<i64>, Vec<i16>, u64)> = Vec::new();
    let mut newest_ns = i64::MIN;
    for number in 1..=300_u64 {
        let due_ns = (number * chunk) as f64 / 48e-6 + jitter(number) * 300e6;
        let now_ns = clock.utc_ns() - START_NS;
        clock.advance(Duration::from_nanos((due_ns as i64 - now_ns).max(0) as u64));
        let next = writer.next_frame();
        writer.write(&signal(next..next + chunk)).unwrap();
        let status = buffer.status();
        let end_ns = status.newest_utc_ns.unwrap();
        if number > 1 {
            let step_ms = (end_ns - newest_ns) as f64 * 1e-6;
            assert!((334.4..348.3).contains(&step_ms), "a chunk of 341.3 ms took {step_ms} ms");
        }
        newest_ns = end_ns;
        for (window, audio, first) in &windows {
            let again = buffer.read(Span::Time(window.clone()));
            match again {
                Ok(again) => {
                    assert_eq!(again.first_frame(), *first);
                    assert_eq!(shorts(&again), audio);
                }
                Err(Error::Evicted { oldest_utc_ns, .. }) => assert!(oldest_utc_ns > window.start),
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
fn age_grows_while_nothing_is_written() {
    let mut recording = Recording::new(5.0, 1000);
    recording.arrive_in(1000, 20);
    recording.clock.advance(Duration::from_secs(5));
    assert_eq!(recording.buffer.status().age, Some(Duration::from_secs(5)));
}

#[test]
fn buffer_of_twelve_days_keeps_the_times_of_all_frames() {
    let (registry, _) = manual();
    let spec = Spec::new(Length::Frames(1 << 20), 1, 1, SampleFormat::S16).unwrap();
    let buffer = registry.get_or_allocate("x", spec).unwrap();
    let mut writer = buffer.writer().unwrap();
    for second in 0..1_i64 << 20 {
        writer.write_at(&[second as i16], START_NS + second * SECOND_NS).unwrap();
    }
    assert_eq!(buffer.frames(), 0..1 << 20);
}

#[test]
fn correction_within_a_long_chunk_does_not_overshoot() {
    let (registry, _) = manual();
    let buffer = registry.get_or_allocate("x", mono(60.0, 1000)).unwrap();
    let mut writer = buffer.writer().unwrap();
    writer.write_at(&signal(0..1000), START_NS).unwrap();
    // All later times are 10 ms late; the filter follows half of that at once.
    let later_ns = START_NS + SECOND_NS + 10_000_000;
    writer.write_at(&signal(0..20_000), later_ns).unwrap();
    let end_ns = buffer.status().newest_utc_ns.unwrap();
    assert!((START_NS + 21 * SECOND_NS..=later_ns + 20 * SECOND_NS).contains(&end_ns), "{}", end_ns - START_NS);
}
