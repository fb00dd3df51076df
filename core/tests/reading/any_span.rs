//! Properties of any span of time on any timeline.

use std::time::Duration;

use capbuf::{Error, GapReason, Length, ReadOptions, SampleFormat, Span, Spec};

use crate::support::{SECOND_NS, START_NS, manual, mono, shorts};

#[test]
fn span_of_time_reads_the_same_frames_again_after_more_writes() {
    let (registry, _) = manual();
    let buffer = registry.get_or_allocate("x", mono(60.0, 100)).unwrap();
    let mut writer = buffer.writer().unwrap();
    let mut read = Vec::new();
    // The source is 300 ppm slow and its chunks jitter, so that the timeline bends. Spans end
    // around the newest frame.
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

/// The next number below `bound` of a fixed sequence.
pub(crate) fn random(seed: &mut u64, bound: u64) -> u64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*seed >> 20) % bound
}

#[test]
fn random_spans_have_the_length_of_their_time_and_hold_their_own_frames() {
    let mut seed = 7;
    for round in 0..200 {
        let rate = [1000_u32, 8000, 44_100, 10][round % 4];
        let (registry, _) = manual();
        let length = 2000 + random(&mut seed, 8000);
        let spec = Spec::new(Length::Frames(length), rate, 1, SampleFormat::S16).unwrap();
        let buffer = registry.get_or_allocate("x", spec).unwrap();
        let mut writer = buffer.writer().unwrap();
        let (mut at_ns, frame_ns) = (START_NS, SECOND_NS / i64::from(rate));
        // Never zero, to distinguish audio from silence.
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
