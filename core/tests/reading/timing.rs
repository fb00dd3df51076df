//! The accuracy of times, wherever times are given.

use std::time::Duration;

use capbuf::{ClockSource, ReadOptions, Span, Timing, WindowOptions};

use crate::support::{Recording, SECOND_NS, START_NS, signal};

/// Times that jitter less and less, by two clocks, and a latency.
fn recorded() -> Recording {
    let mut recording = Recording::new(40.0, 1000);
    let mut write = |second: i64, jitter_ns: i64| {
        for chunk in 0..10_i64 {
            let next = recording.writer.next_frame();
            let at_ns = START_NS + second * SECOND_NS + chunk * 100_000_000;
            recording.clock.advance(Duration::from_millis(100));
            recording.writer.write_at(&signal(next..next + 100), at_ns + chunk * 7 % 5 * jitter_ns).unwrap();
        }
    };
    (0..15).for_each(|second| write(second, 5_000_000));
    recording.writer.set_clock(ClockSource::Sender);
    recording.writer.set_latency(1_500_000_000);
    let mut write = |second: i64| {
        let next = recording.writer.next_frame();
        recording.clock.advance(Duration::from_secs(1));
        let at_ns = START_NS + second * SECOND_NS + 1_500_000_000;
        recording.writer.write_at(&signal(next..next + 1000), at_ns).unwrap();
    };
    (15..30).for_each(&mut write);
    recording
}

#[test]
fn span_has_the_clock_of_its_first_frame_and_the_largest_uncertainty() {
    let buffer = recorded().buffer;
    let of_frame = |frame: u64| buffer.read(Span::Frames(frame..frame + 1)).unwrap().timing();
    let (first, last) = (of_frame(0), of_frame(29_999));
    assert_eq!((first.clock, first.latency_ns), (ClockSource::Device, 0));
    assert_eq!((last.clock, last.latency_ns), (ClockSource::Sender, 1_500_000_000));
    assert_eq!(buffer.status().timing, Some(last));
    let largest = |frames: std::ops::Range<u64>| -> Timing {
        let uncertainty_ns = frames.clone().map(|frame| of_frame(frame).uncertainty_ns).max().unwrap();
        let mut timing = of_frame(frames.start);
        timing.uncertainty_ns = uncertainty_ns;
        timing
    };
    let mut distinct = std::collections::HashSet::new();
    let mut windows = buffer.windows(WindowOptions::new(3000, 2500)).unwrap();
    let mut out = [0_i16; 3000];
    while let Ok(window) = windows.next_into(&mut out, Duration::ZERO) {
        let frames = window.first_frame..window.end_frame;
        let expected = largest(frames.clone());
        assert_eq!(window.timing, expected, "{window:?}");
        let segment = buffer.read(Span::Frames(frames)).unwrap();
        assert_eq!((segment.timing(), segment.extracted().timing), (expected, expected));
        let into = buffer.read_into(window.around(0, 0), &ReadOptions::new(), &mut out).unwrap();
        assert_eq!(into.timing, expected);
        distinct.insert(expected.uncertainty_ns);
    }
    assert!(distinct.len() > 1, "the uncertainty does not change: {distinct:?}");
}

#[cfg(feature = "observe")]
#[test]
fn metrics_have_the_uncertainty_and_its_clock() {
    let recording = recorded();
    let text = recording.registry.metrics_text();
    let uncertainty_s = recording.buffer.status().timing.unwrap().uncertainty_ns as f64 * 1e-9;
    let name = "capbuf_timeline_uncertainty_seconds{source=\"test\",clock=\"sender\"} ";
    let value = text.lines().find_map(|line| line.strip_prefix(name));
    let value: f64 = value.unwrap_or_else(|| panic!("no {name}in\n{text}")).parse().unwrap();
    assert!((value - uncertainty_s).abs() < 1e-9, "{value}");
}
