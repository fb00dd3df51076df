//! Windows over a live ring: in order, exact, with every lost frame counted.
#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use capbuf::{Error, GapReason, Span, Window, WindowOptions, Windows};
use support::{Recording, SECOND_NS, START_NS, manual, mono, ms, shorts, signal, spec};

fn next(windows: &mut Windows, frames: u64) -> Result<Window, Error> {
    let mut samples = vec![0_i16; frames as usize];
    let window = windows.next_into(&mut samples, ms(0))?;
    assert_eq!(samples, signal(window.first_frame..window.end_frame));
    Ok(window)
}

fn times_out(windows: &mut Windows, frames: u64) {
    assert!(matches!(next(windows, frames), Err(Error::TimedOut { .. })));
}

#[test]
fn windows_advance_by_the_hop() {
    let mut recording = Recording::new(10.0, 1000);
    let mut windows = recording.buffer.windows(WindowOptions::new(3000, 1500)).unwrap();
    times_out(&mut windows, 3000);
    for number in 0..40_u64 {
        recording.arrive_in(1500, 50);
        if number == 0 {
            times_out(&mut windows, 3000);
            continue;
        }
        let window = next(&mut windows, 3000).unwrap();
        assert_eq!((window.first_frame, window.lost_frames), ((number - 1) * 1500, 0));
        assert_eq!(window.start_utc_ns, START_NS + (number as i64 - 1) * SECOND_NS * 3 / 2);
        times_out(&mut windows, 3000);
    }
}

#[test]
fn clip_around_a_window_is_exact_after_a_long_delay() {
    let mut recording = Recording::new(20.0, 1000);
    let mut windows = recording.buffer.windows(WindowOptions::new(1000, 1000)).unwrap();
    recording.arrive_in(4000, 50);
    let window = (0..4).map(|_| next(&mut windows, 1000).unwrap()).last().unwrap();
    recording.arrive_in(13_000, 341);
    recording.clock.step_utc(-SECOND_NS);
    recording.arrive_in(2000, 341);
    let clip = recording.buffer.read(window.around(1500, 2500)).unwrap();
    assert_eq!(shorts(&clip), signal(1500..6500));
}

#[test]
fn lapped_cursor_counts_lost_frames_and_stays_on_the_hop_grid() {
    let mut recording = Recording::new(4.0, 1000);
    let mut windows = recording.buffer.windows(WindowOptions::new(1000, 500)).unwrap();
    recording.arrive_in(2000, 50);
    assert_eq!(next(&mut windows, 1000).unwrap().first_frame, 0);
    recording.arrive_in(18_000, 50);
    let window = next(&mut windows, 1000).unwrap();
    assert!(window.first_frame >= 16_000, "{window:?}");
    assert!(window.first_frame.is_multiple_of(500), "{window:?}");
    assert_eq!(window.lost_frames, window.first_frame - 1000);
    assert_eq!(next(&mut windows, 1000).unwrap().lost_frames, 0);
}

#[test]
fn lapped_cursor_skips_an_eighth_of_the_spare_frames_ahead() {
    let mut recording = Recording::new(4.0, 1000);
    let mut windows = recording.buffer.windows(WindowOptions::new(1000, 50)).unwrap();
    recording.arrive_in(2000, 50);
    assert_eq!(next(&mut windows, 1000).unwrap().first_frame, 0);
    recording.arrive_in(18_000, 50);
    // The oldest frame is 16 000 and 3000 frames are spare: 375 more, rounded up to whole hops.
    assert_eq!(next(&mut windows, 1000).unwrap().first_frame, 16_400);
}

#[test]
fn gap_of_the_joined_length_is_joined_and_a_longer_one_is_not() {
    for (lost_ms, is_joined) in [(100, true), (101, false)] {
        let mut recording = Recording::new(4.0, 1000);
        let mut windows = recording.buffer.windows(WindowOptions::new(1000, 1000).join_gaps(ms(100))).unwrap();
        recording.arrive_in(600, 50);
        recording.clock.advance(ms(lost_ms));
        recording.writer.gap_for(GapReason::PacketLoss, ms(lost_ms));
        recording.arrive_in(1000, 50);
        let window = next(&mut windows, 1000).unwrap();
        assert_eq!((window.first_frame, window.joined_gaps), if is_joined { (0, 1) } else { (600, 0) }, "{lost_ms} ms");
    }
}

#[test]
fn frames_skipped_by_a_long_hop_are_not_lost() {
    let mut recording = Recording::new(4.0, 1000);
    let mut windows = recording.buffer.windows(WindowOptions::new(100, 1000)).unwrap();
    recording.arrive_in(3000, 50);
    let firsts: Vec<_> =
        (0..3).map(|_| next(&mut windows, 100).unwrap()).map(|w| (w.first_frame, w.lost_frames)).collect();
    assert_eq!(firsts, [(0, 0), (1000, 0), (2000, 0)]);
}

#[test]
fn windows_span_a_short_gap_and_restart_after_a_long_one() {
    let mut recording = Recording::new(20.0, 1000);
    let mut windows = recording.buffer.windows(WindowOptions::new(1000, 500)).unwrap();
    recording.arrive_in(1700, 50);
    recording.clock.advance(Duration::from_millis(30));
    recording.writer.gap(GapReason::PacketLoss);
    recording.arrive_in(600, 50);
    recording.clock.advance(Duration::from_secs(2));
    recording.writer.gap(GapReason::SourceLost);
    recording.arrive_in(1200, 50);
    let all: Vec<_> = std::iter::from_fn(|| next(&mut windows, 1000).ok()).collect();
    let seen: Vec<_> = all
        .iter()
        .map(|w| (w.first_frame, w.lost_frames, w.joined_gaps, w.after_gap.map(|gap| gap.duration_ns / 1_000_000)))
        .collect();
    // 0 and 500 lie before the short gap, 1000 spans it. The 300 frames before the long gap are
    // less than a window.
    assert_eq!(seen, [(0, 0, 0, None), (500, 0, 0, None), (1000, 0, 1, None), (2300, 300, 0, Some(2000))]);
}

#[test]
fn windows_may_start_at_a_future_frame() {
    let mut recording = Recording::new(4.0, 1000);
    let mut windows = recording.buffer.windows(WindowOptions::new(100, 100).from_frame(750)).unwrap();
    recording.arrive_in(800, 50);
    times_out(&mut windows, 100);
    recording.arrive_in(200, 50);
    let window = next(&mut windows, 100).unwrap();
    assert_eq!((window.first_frame, window.lost_frames), (750, 0));
}

#[test]
fn empty_and_oversized_windows_and_hops_are_refused() {
    let (registry, _) = manual();
    let buffer = registry.get_or_allocate("x", mono(1.0, 1000)).unwrap();
    for (window, hop) in [(0, 1), (1001, 1), (u64::MAX, 1), (1000, 0), (1000, u64::MAX)] {
        assert!(matches!(buffer.windows(WindowOptions::new(window, hop)), Err(Error::InvalidArgument { .. })));
    }
    let mut whole = buffer.windows(WindowOptions::new(1000, 1 << 40)).unwrap();
    buffer.writer().unwrap().write(&signal(0..1000)).unwrap();
    assert_eq!(next(&mut whole, 1000).unwrap().first_frame, 0);
    times_out(&mut whole, 1000);
}

#[test]
fn output_smaller_than_a_window_is_refused_with_the_needed_size() {
    let (registry, _) = manual();
    let buffer = registry.get_or_allocate("x", spec(1.0, 1000, 2, capbuf::SampleFormat::S16)).unwrap();
    let mut windows = buffer.windows(WindowOptions::new(10, 10)).unwrap();
    let error = windows.next_into(&mut [0.0_f32; 19], ms(0)).unwrap_err();
    assert_eq!(error, Error::TooSmall { needed_samples: 20, given_samples: 19 });
}

#[test]
fn cursors_of_one_buffer_are_independent() {
    let mut recording = Recording::new(2.0, 1000);
    recording.arrive_in(2000, 50);
    let [mut one, mut other] = [(); 2].map(|()| recording.buffer.windows(WindowOptions::new(500, 500)).unwrap());
    next(&mut one, 500).unwrap();
    next(&mut one, 500).unwrap();
    assert_eq!(next(&mut other, 500).unwrap().first_frame, 0);
    assert_eq!(recording.buffer.read(Span::Frames(0..500)).unwrap().frames(), 500);
}

#[test]
fn lapped_gap_is_not_reported_by_a_later_window() {
    let mut recording = Recording::new(4.0, 1000);
    let mut windows = recording.buffer.windows(WindowOptions::new(1000, 500)).unwrap();
    recording.arrive_in(1200, 50);
    next(&mut windows, 1000).unwrap();
    recording.clock.advance(Duration::from_secs(2));
    recording.writer.gap(GapReason::SourceLost);
    recording.arrive_in(100, 50);
    times_out(&mut windows, 1000);
    recording.arrive_in(20_000, 50);
    assert_eq!(next(&mut windows, 1000).unwrap().after_gap, None);
}

#[test]
fn windows_on_a_full_buffer_start_at_the_oldest_frame_without_loss() {
    let mut recording = Recording::new(2.0, 1000);
    recording.arrive_in(5000, 50);
    let mut windows = recording.buffer.windows(WindowOptions::new(1000, 500)).unwrap();
    let first = next(&mut windows, 1000).unwrap();
    assert_eq!((first.first_frame, first.lost_frames), (3000, 0));
}

#[test]
fn lapped_cursor_leaves_room_for_the_next_writes() {
    let mut recording = Recording::new(4.0, 1000);
    let mut windows = recording.buffer.windows(WindowOptions::new(1000, 10)).unwrap();
    recording.arrive_in(4000, 50);
    next(&mut windows, 1000).unwrap();
    recording.arrive_in(2000, 50);
    assert!(next(&mut windows, 1000).unwrap().lost_frames > 0);
    recording.arrive_in(200, 50);
    assert_eq!(next(&mut windows, 1000).unwrap().lost_frames, 0);
}

#[test]
fn window_past_the_last_frame_number_is_refused() {
    let (registry, _) = manual();
    let buffer = registry.get_or_allocate("x", mono(1.0, 1000)).unwrap();
    assert!(buffer.windows(WindowOptions::new(10, 10).from_frame(u64::MAX)).is_err());
}
