//! Test signals in real time.

use std::time::Duration;

use capbuf::{GapReason, Length, ReadOptions, Registry, SampleFormat, Span};
use capbuf_capture::{Capture, CaptureOptions, Error, State};

use crate::files::Simulated;
use crate::machine::{self, utc_ns};
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
fn position_is_complete_and_in_order() {
    let simulated = Simulated::new();
    let capture = simulated.start("position:", &CaptureOptions::new());
    simulated.run_until(&capture, 96_000);
    let segment = read_frames(&capture.buffer(), 0..96_000);
    let samples = segment.samples().get::<i16>().expect("s16 is the native format");
    let broken = samples.iter().enumerate().find(|(i, sample)| position_of(**sample) != *i as u16);
    assert_eq!(broken, None);
    assert_eq!(segment.gaps(), []);
}

#[test]
fn capture_times_start_with_the_capture() {
    let before = utc_ns();
    let capture = start(&Registry::private(), "position:", &CaptureOptions::new());
    let segment = read_frames(&capture.buffer(), 0..48_000);
    assert!((before..=utc_ns() - 1_000_000_000).contains(&segment.start_utc_ns()));
    let missing_ns: i64 = segment.gaps().iter().map(|gap| gap.gap.duration_ns).sum();
    let lasted_ns = segment.end_utc_ns() - segment.start_utc_ns() - missing_ns;
    assert!((lasted_ns - 1_000_000_000).abs() < 2_000_000, "a second lasts {lasted_ns} ns");
    let now_ns = utc_ns();
    let status = capture.buffer().status();
    assert!(status.newest_utc_ns.is_some_and(|newest_ns| newest_ns <= now_ns + 1_000_000_000));
}

#[test]
fn signals_have_the_requested_format() {
    for (rate, channels, format) in
        [(8000, 1, SampleFormat::S24), (44_100, 2, SampleFormat::F32), (192_000, 7, SampleFormat::S32)]
    {
        let options = CaptureOptions::new().sample_rate_hz(rate).channels(channels).format(format);
        let capture = start(&Registry::private(), "tone:1000", &options.length(Length::Seconds(10.0)));
        let spec = *capture.buffer().spec();
        assert_eq!((spec.sample_rate_hz(), spec.channels(), spec.format()), (rate, channels, format));
        let samples = floats(&capture.buffer(), 0..u64::from(rate));
        assert!((frequency_hz(&samples, usize::from(channels), rate) - 1000.0).abs() <= 1.0);
        let same = |frame: &[f32]| frame.iter().all(|sample| *sample == frame[0]);
        assert!(samples.chunks(usize::from(channels)).all(same));
    }
}

#[test]
fn stopped_source_leaves_its_buffer() {
    let registry = Registry::private();
    let capture = start(&registry, "tone:440", &CaptureOptions::new());
    read_frames(&capture.buffer(), 0..4800);
    assert_eq!(capture.state(), State::Running);
    assert!(capture.stop() && capture.stop(), "stopping is idempotent");
    assert_eq!(capture.state(), State::Stopped);
    let buffer = registry.get("tone:440").expect("the buffer stays in the registry");
    assert!(!buffer.status().has_writer);
    drop(capture);
    assert_eq!(buffer.read(Span::Last(Duration::from_millis(100))).map(|segment| segment.frames()), Ok(4800));
}

#[test]
fn restarted_source_continues_in_its_buffer_after_a_gap() {
    machine::watch();
    let registry = Registry::private();
    let first = start(&registry, "position:", &CaptureOptions::new());
    read_frames(&first.buffer(), 0..4800);
    drop(first);
    let rings = registry.stats().rings_mapped;
    let before = registry.get("position:").expect("it stays").status().newest_frame;

    let second = start(&registry, "position:", &CaptureOptions::new());
    assert_eq!(registry.stats().rings_mapped, rings);
    let segment = read_frames(&second.buffer(), before - 960..before + 9600);
    let samples = segment.samples().get::<i16>().expect("s16");
    let broken = samples.iter().zip(before - 960..).find(|(sample, frame)| position_of(**sample) != *frame as u16);
    assert_eq!(broken, None, "frame numbers continue, and position: with them");
    assert_eq!(machine::gaps(&segment), [(before, GapReason::WriterChanged)]);
}

#[test]
fn one_source_has_one_capture() {
    let registry = Registry::private();
    let first = start(&registry, "tone:440", &CaptureOptions::new());
    let busy = Capture::start(&registry, "tone:440", &CaptureOptions::new()).expect_err("it is being captured");
    assert!(matches!(busy, Error::Buffer(capbuf::Error::WriterBusy { .. })), "{busy}");
    assert!(!busy.is_permanent(), "the other one may end");
    let frames = first.buffer().status().newest_frame;
    wait_until("the first continues", || first.buffer().status().newest_frame > frames + 4800);

    drop(first);
    let longer = CaptureOptions::new().length(Length::Seconds(61.0));
    let mismatch = Capture::start(&registry, "tone:440", &longer).expect_err("it has another shape");
    assert!(matches!(mismatch, Error::Buffer(capbuf::Error::SpecMismatch { .. })), "{mismatch}");
    assert!(!registry.get("tone:440").expect("untouched").status().has_writer, "the writer was released");
}

#[test]
fn fifty_sources_run_at_the_same_time() {
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
