//! Test signals, live.

use std::time::{Duration, SystemTime};

use capbuf::{GapReason, Length, ReadOptions, Registry, SampleFormat, Segment, Span};
use capbuf_capture::{Capture, CaptureOptions, Error, State};

use crate::sounds::frequency_hz;
use crate::waiting::{DEADLINE, floats, read_frames, wait_until};

fn start(registry: &Registry, locator: &str, options: &CaptureOptions) -> Capture {
    Capture::start(registry, locator, options).expect("it starts")
}

fn position_of(sample: i16) -> u16 {
    // The inverse of 40503 modulo 2^16.
    sample.cast_unsigned().wrapping_mul(30_599)
}

#[test]
fn position_tells_every_frame_in_order() {
    let registry = Registry::private();
    let capture = start(&registry, "position:", &CaptureOptions::new());
    let segment = read_frames(capture.buffer(), 0..96_000);
    let samples = segment.samples().get::<i16>().expect("s16 is its own format");
    let broken = samples.iter().enumerate().find(|(i, sample)| position_of(**sample) != *i as u16);
    assert_eq!(broken, None);
    // A machine that stands still leaves a gap of time, and no frame out.
    assert_eq!(reasons(&segment), []);
}

/// Why there are gaps, but for those of a machine that stood still.
fn reasons(segment: &Segment) -> Vec<(u64, GapReason)> {
    let gaps = segment.gaps().iter().map(|gap| (gap.gap.first_frame, gap.gap.reason));
    gaps.filter(|(_, reason)| *reason != GapReason::Overrun).collect()
}

#[test]
fn times_are_those_of_a_device_that_started_when_it_was_started() {
    let before = utc_ns();
    let capture = start(&Registry::private(), "position:", &CaptureOptions::new());
    let segment = read_frames(capture.buffer(), 0..48_000);
    assert!((before..=utc_ns() - 1_000_000_000).contains(&segment.start_utc_ns()));
    let missing_ns: i64 = segment.gaps().iter().map(|gap| gap.gap.duration_ns).sum();
    let lasted_ns = segment.end_utc_ns() - segment.start_utc_ns() - missing_ns;
    assert!((lasted_ns - 1_000_000_000).abs() < 2_000_000, "a second lasts {lasted_ns} ns");
    let now_ns = utc_ns();
    let status = capture.buffer().status();
    assert!(status.newest_utc_ns.is_some_and(|newest_ns| newest_ns <= now_ns + 1_000_000_000));
}

fn utc_ns() -> i64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_nanos() as i64
}

#[test]
fn signals_come_in_any_shape_that_is_asked() {
    for (rate, channels, format) in
        [(8000, 1, SampleFormat::S24), (44_100, 2, SampleFormat::F32), (192_000, 7, SampleFormat::S32)]
    {
        let options = CaptureOptions::new().sample_rate_hz(rate).channels(channels).format(format);
        let capture = start(&Registry::private(), "tone:1000", &options.length(Length::Seconds(10.0)));
        let spec = *capture.buffer().spec();
        assert_eq!((spec.sample_rate_hz(), spec.channels(), spec.format()), (rate, channels, format));
        let samples = floats(capture.buffer(), 0..u64::from(rate));
        assert!((frequency_hz(&samples, usize::from(channels), rate) - 1000.0).abs() <= 1.0);
        let same = |frame: &[f32]| frame.iter().all(|sample| *sample == frame[0]);
        assert!(samples.chunks(usize::from(channels)).all(same));
    }
}

#[test]
fn stopping_is_prompt_and_the_buffer_stays() {
    let registry = Registry::private();
    let capture = start(&registry, "tone:440", &CaptureOptions::new());
    read_frames(capture.buffer(), 0..4800);
    assert_eq!(capture.state(), State::Running);
    assert!(capture.stop() && capture.stop(), "twice is once");
    assert_eq!(capture.state(), State::Stopped);
    let buffer = registry.get("tone:440").expect("the buffer is the registry's");
    assert!(!buffer.status().has_writer);
    drop(capture);
    assert_eq!(buffer.read(Span::Last(Duration::from_millis(100))).map(|segment| segment.frames()), Ok(4800));
}

#[test]
fn a_source_that_is_started_again_goes_on_in_the_same_ring_after_a_gap() {
    let registry = Registry::private();
    let first = start(&registry, "position:", &CaptureOptions::new());
    read_frames(first.buffer(), 0..4800);
    drop(first);
    let rings = registry.stats().rings_mapped;
    let before = registry.get("position:").expect("it stays").status().newest_frame;

    let second = start(&registry, "position:", &CaptureOptions::new());
    assert_eq!(registry.stats().rings_mapped, rings);
    let segment = read_frames(second.buffer(), before - 960..before + 9600);
    let samples = segment.samples().get::<i16>().expect("s16");
    let broken = samples.iter().zip(before - 960..).find(|(sample, frame)| position_of(**sample) != *frame as u16);
    assert_eq!(broken, None, "frame numbers go on, and position: with them");
    assert_eq!(reasons(&segment), [(before, GapReason::WriterChanged)]);
}

#[test]
fn one_source_has_one_capture() {
    let registry = Registry::private();
    let first = start(&registry, "tone:440", &CaptureOptions::new());
    let busy = Capture::start(&registry, "tone:440", &CaptureOptions::new()).expect_err("it is being captured");
    assert!(matches!(busy, Error::Buffer(capbuf::Error::WriterBusy { .. })), "{busy}");
    assert!(!busy.is_permanent(), "the other one may end");
    let frames = first.buffer().status().newest_frame;
    wait_until("the first goes on", || first.buffer().status().newest_frame > frames + 4800);

    drop(first);
    let longer = CaptureOptions::new().length(Length::Seconds(61.0));
    let mismatch = Capture::start(&registry, "tone:440", &longer).expect_err("it has another shape");
    assert!(matches!(mismatch, Error::Buffer(capbuf::Error::SpecMismatch { .. })), "{mismatch}");
    assert!(!registry.get("tone:440").expect("untouched").status().has_writer, "the lease was given back");
}

#[test]
fn many_sources_run_side_by_side() {
    let registry = Registry::private();
    let options = CaptureOptions::new().sample_rate_hz(16_000).length(Length::Seconds(30.0));
    let captures: Vec<_> =
        (1..=50).map(|number| start(&registry, &format!("tone:{}", number * 100), &options)).collect();
    for capture in &captures {
        let options = ReadOptions::new().wait(DEADLINE);
        assert_eq!(
            capture.buffer().read_with(Span::Frames(0..8000), &options).map(|segment| segment.frames()),
            Ok(8000)
        );
    }
    assert_eq!(registry.stats().rings_mapped, 50);
}
