//! Sound files in simulated time.

use std::sync::Arc;
use std::time::Duration;

use capbuf::{I24, Length, ManualClock, Registry, SampleFormat, Samples, Span};
use capbuf_capture::{Capture, CaptureOptions, State};
use tempfile::TempDir;

use crate::sounds::{converted, frequency_hz, sample_24, tone, wav};
use crate::waiting::{floats, wait_for_state, wait_until};

/// A registry with a manual clock, which is advanced as fast as the capture follows.
pub(crate) struct Simulated {
    clock: Arc<ManualClock>,
    registry: Registry,
}

const STEP: Duration = Duration::from_millis(20);
/// The most audio that a conversion holds back.
const HELD: Duration = Duration::from_millis(300);

impl Simulated {
    pub(crate) fn new() -> Self {
        let clock = Arc::new(ManualClock::new(1_800_000_000_000_000_000));
        let registry = Registry::builder().clock(clock.clone()).build();
        Self { clock, registry }
    }

    pub(crate) fn start(&self, locator: &str, options: &CaptureOptions) -> Capture {
        Capture::start(&self.registry, locator, options).expect("it starts")
    }

    /// Advances the clock until the capture has `frames` frames, or has ended.
    pub(crate) fn run_until(&self, capture: &Capture, frames: u64) {
        self.run_past_gaps(capture, frames, 0);
    }

    /// As [`run_until`](Self::run_until), for a source that leaves out up to `lost` frames.
    fn run_past_gaps(&self, capture: &Capture, frames: u64, lost: u64) {
        let rate = f64::from(capture.buffer().spec().sample_rate_hz());
        let written = || capture.buffer().status().newest_frame;
        let has_ended = || capture.state() != State::Running;
        // The capture starts at the time at which it first reads the clock.
        wait_until("the capture begins", || {
            self.clock.advance(STEP);
            written() > 0 || has_ended()
        });
        let (begin, mut passed) = (written(), Duration::ZERO);
        while written() < frames && !has_ended() {
            // Waits for all due frames but those of the last step, and those in a conversion.
            let due = begin + (passed.saturating_sub(STEP + HELD).as_secs_f64() * rate) as u64;
            let due = due.saturating_sub(lost);
            wait_until("the capture keeps up", || written() >= due.min(frames) || has_ended());
            self.clock.advance(STEP);
            passed += STEP;
        }
    }
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn locator(path: &std::path::Path) -> String {
    format!("file:{}", path.display())
}

#[test]
fn lossless_files_are_bit_exact() {
    let folder = folder();
    let frames = 30_000;
    for (bits, rate, channels) in [(16, 44_100, 1), (16, 48_000, 2), (24, 96_000, 1), (24, 48_000, 2), (32, 48_000, 1)]
    {
        let original = folder.path().join(format!("{bits}-{rate}-{channels}.wav"));
        wav(&original, bits, channels, rate, frames);
        let files = if bits == 32 { vec![original] } else { vec![original.clone(), converted(&original, "flac")] };
        for file in files {
            let simulated = Simulated::new();
            let capture = simulated.start(&locator(&file), &CaptureOptions::new().length(Length::Seconds(5.0)));
            let spec = *capture.buffer().spec();
            assert_eq!((spec.sample_rate_hz(), spec.channels()), (rate, channels), "{}", file.display());
            simulated.run_until(&capture, frames as u64 + 1);
            wait_for_state(&capture, "the file has ended", |state| *state == State::Finished);
            let whole = capture.buffer().read(Span::Frames(0..frames as u64)).expect("all of it");
            assert_eq!(capture.buffer().status().newest_frame, frames as u64, "no further frame");
            assert_eq!(whole.gaps(), []);
            let count = frames * usize::from(channels);
            let right = match whole.samples() {
                Samples::S16(samples) => {
                    bits == 16 && samples.iter().copied().eq((0..count).map(|i| (sample_24(i) >> 8) as i16))
                }
                Samples::S24(samples) => {
                    bits == 24 && samples.iter().copied().eq((0..count).map(|i| I24::new(sample_24(i))))
                }
                Samples::F32(samples) => {
                    bits == 32 && samples.iter().copied().eq((0..count).map(|i| sample_24(i) as f32 / 8_388_608.0))
                }
                Samples::S32(_) => false,
            };
            assert!(right, "{} as {}", file.display(), whole.format());
        }
    }
}

#[test]
fn lossy_files_keep_tone_level_and_duration() {
    let folder = folder();
    let original = folder.path().join("tone.wav");
    tone(&original, 44_100, 2);
    for extension in ["ogg", "mp3"] {
        let simulated = Simulated::new();
        let capture = simulated.start(&locator(&converted(&original, extension)), &CaptureOptions::new());
        let spec = *capture.buffer().spec();
        assert_eq!((spec.sample_rate_hz(), spec.channels(), spec.format()), (44_100, 2, SampleFormat::F32));
        simulated.run_until(&capture, u64::MAX);
        wait_for_state(&capture, "the file has ended", |state| *state == State::Finished);
        let frames = capture.buffer().status().newest_frame;
        assert!(frames.abs_diff(88_200) <= 2304, "{extension}: {frames} frames");
        let samples = floats(&capture.buffer(), 0..frames);
        assert!((frequency_hz(&samples, 2, 44_100) - 1000.0).abs() < 5.0, "{extension}");
        assert!((capbuf::Level::of(&samples).rms - 0.3535).abs() < 0.03, "{extension}");
    }
}

#[test]
fn repeated_file_has_no_gap() {
    let folder = folder();
    let file = folder.path().join("short.wav");
    let frames = 12_345;
    wav(&file, 16, 1, 48_000, frames);
    let simulated = Simulated::new();
    let options = CaptureOptions::new().length(Length::Seconds(5.0));
    let capture = simulated.start(&format!("{}?loop", locator(&file)), &options);
    simulated.run_until(&capture, 200_000);
    let segment = capture.buffer().read(Span::Frames(0..200_000)).expect("sixteen rounds");
    let samples = segment.samples().get::<i16>().expect("s16");
    let broken = samples.iter().enumerate().find(|(i, sample)| **sample != (sample_24(i % frames) >> 8) as i16);
    assert_eq!(broken, None);
    assert_eq!(segment.gaps(), []);
    let lasted_ns = segment.end_utc_ns() - segment.start_utc_ns();
    assert!((lasted_ns - 200_000 * 1_000_000_000 / 48_000).abs() <= 1000, "{lasted_ns} ns");
}

#[test]
fn file_is_converted_to_the_requested_format() {
    let folder = folder();
    let file = folder.path().join("file.wav");
    wav(&file, 24, 2, 44_100, 10_000);
    let simulated = Simulated::new();
    let capture = simulated.start(&locator(&file), &CaptureOptions::new().format(SampleFormat::F32));
    simulated.run_until(&capture, 10_000);
    let samples = floats(&capture.buffer(), 0..10_000);
    assert!(samples.iter().copied().eq((0..20_000).map(|i| sample_24(i) as f32 / 8_388_608.0)));
}

#[test]
fn suspension_of_an_hour_is_a_gap_of_an_hour() {
    let simulated = Simulated::new();
    let capture = simulated.start("position:", &CaptureOptions::new());
    simulated.run_until(&capture, 48_000);
    for passing in std::iter::once(Duration::from_secs(3600)).chain(std::iter::repeat_n(STEP, 20)) {
        let before = capture.buffer().status().newest_frame;
        simulated.clock.advance(passing);
        wait_until("new audio", || capture.buffer().status().newest_frame > before);
    }
    let newest = capture.buffer().status().newest_frame;
    let segment = capture.buffer().read(Span::Frames(0..newest)).expect("all of it");
    let [gap] = segment.gaps() else { panic!("one gap, not {:?}", segment.gaps()) };
    let off_ns = gap.gap.duration_ns - 3_600_000_000_000;
    assert!(off_ns.abs() <= 100_000_000, "{:?}", gap.gap);
    let samples = segment.samples().get::<i16>().expect("s16");
    let broken = samples.iter().enumerate().find(|(i, sample)| **sample != (*i as u64).wrapping_mul(40_503) as i16);
    assert_eq!(broken, None, "the signal continues without a burst or a loss");
}

#[test]
fn damage_in_a_file_is_a_gap_in_its_place() {
    let folder = folder();
    let original = folder.path().join("original.wav");
    wav(&original, 16, 2, 48_000, 48_000);
    let mut damaged = std::fs::read(converted(&original, "flac")).expect("a file");
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    let file = folder.path().join("damaged.flac");
    std::fs::write(&file, damaged).expect("a file");
    let simulated = Simulated::new();
    let capture = simulated.start(&locator(&file), &CaptureOptions::new().length(Length::Seconds(5.0)));
    simulated.run_past_gaps(&capture, u64::MAX, 8000);
    wait_for_state(&capture, "the file has ended", |state| *state == State::Finished);
    let frames = capture.buffer().status().newest_frame;
    let segment = capture.buffer().read(Span::Frames(0..frames)).expect("all of it");
    let [gap] = segment.gaps() else { panic!("one gap, not {:?}", segment.gaps()) };
    let (first, lost) = (gap.gap.first_frame as usize, 48_000 - frames as usize);
    assert!((10_000..38_000).contains(&first) && (1000..8000).contains(&lost), "{:?}", gap.gap);
    assert_eq!(gap.gap.duration_ns, lost as i64 * 1_000_000_000 / 48_000);
    let samples = segment.samples().get::<i16>().expect("s16");
    let right = |at: usize| (sample_24(if at < 2 * first { at } else { at + 2 * lost }) >> 8) as i16;
    assert_eq!(samples.iter().enumerate().find(|(at, sample)| **sample != right(*at)), None);
}

#[test]
fn repeated_file_that_is_cut_off_goes_on_after_a_gap() {
    let folder = folder();
    let original = folder.path().join("original.wav");
    wav(&original, 16, 2, 48_000, 48_000);
    let mut cut = std::fs::read(converted(&original, "flac")).expect("a file");
    cut.truncate(cut.len() - 100);
    let file = folder.path().join("cut.flac");
    std::fs::write(&file, cut).expect("a file");
    let simulated = Simulated::new();
    let options = CaptureOptions::new().length(Length::Seconds(5.0));
    let capture = simulated.start(&format!("{}?loop", locator(&file)), &options);
    simulated.run_past_gaps(&capture, 150_000, 30_000);
    assert_eq!(capture.state(), State::Running);
    let segment = capture.buffer().read(Span::Frames(0..150_000)).expect("three rounds");
    let gaps: Vec<_> = segment.gaps().iter().map(|gap| gap.gap.first_frame).collect();
    let [first, second, third] = gaps[..] else { panic!("three gaps, not {gaps:?}") };
    assert!((40_000..48_000).contains(&first) && second == 2 * first && third == 3 * first, "{gaps:?}");
}
