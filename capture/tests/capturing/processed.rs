//! Conversion of sources: rate, channels, gain.

use std::time::Duration;

use capbuf::{GapReason, Length, ReadOptions, Registry, SampleFormat, Span, Writer};
use capbuf_capture::{
    Capture, CaptureOptions, Error, Format, Mix, RequestedFormat, Result, RunOutcome, Source, State, Stop,
};

use crate::files::Simulated;
use crate::sounds::{sample_24, wav};
use crate::waiting::{DEADLINE, wait_for_state, wait_until};

fn options() -> CaptureOptions {
    CaptureOptions::new()
}

/// The frequency of a tone, by its rising zero crossings.
fn frequency_hz(samples: &[f32], rate_hz: u32) -> f64 {
    let rising: Vec<_> = (1..samples.len()).filter(|at| samples[at - 1] < 0.0 && samples[*at] >= 0.0).collect();
    let (first, last) = (rising[0], rising[rising.len() - 1]);
    (rising.len() - 1) as f64 * f64::from(rate_hz) / (last - first) as f64
}

#[test]
fn conversion_of_rate_and_channels_keeps_tone_and_duration() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("tone.wav");
    crate::sounds::tone(&path, 44_100, 2);
    let own_frames = u64::from(hound::WavReader::open(&path).expect("WAV").duration());
    for (rate_hz, channels) in [(48_000, 1_u16), (16_000, 2), (8000, 1)] {
        let locator = format!("file:{}", path.display());
        let options = options().sample_rate_hz(rate_hz).channels(channels).format(SampleFormat::F32);
        let simulated = Simulated::new();
        let capture = simulated.start(&locator, &options);
        let spec = *capture.buffer().spec();
        assert_eq!((spec.sample_rate_hz(), spec.channels(), spec.format()), (rate_hz, channels, SampleFormat::F32));
        simulated.run_until(&capture, u64::MAX);
        let buffer = capture.buffer();
        let frames = buffer.frames().end;
        assert!(frames.abs_diff(own_frames * u64::from(rate_hz) / 44_100) <= 1, "{frames} frames");
        let all = buffer.read(Span::Frames(0..frames)).expect("all of it");
        assert!(all.gaps().is_empty());
        let samples: Vec<f32> =
            all.samples().get::<f32>().expect("f32").iter().step_by(usize::from(channels)).copied().collect();
        let found = frequency_hz(&samples, rate_hz);
        assert!((found - 1000.0).abs() < 2.0, "{found} Hz at {rate_hz}");
    }
}

#[test]
fn selected_channel_is_bit_exact_and_gain_is_applied() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("two.wav");
    wav(&path, 24, 2, 48_000, 10_000);
    let locator = format!("file:{}", path.display());
    let capture = Capture::start(&Registry::private(), &locator, &options().mix(Mix::Channel(1))).expect("it starts");
    wait_for_state(&capture, "its end", State::has_ended);
    let segment = capture.buffer().read(Span::Frames(0..10_000)).expect("all of it");
    let found: Vec<_> = segment.samples().get::<capbuf::I24>().expect("24 bits").iter().map(|s| s.get()).collect();
    let wrong = (0..10_000).find(|n| found[*n] != sample_24(2 * n + 1));
    assert_eq!(wrong, None, "all 24 bits of the second channel");

    let quieter = options().mix(Mix::Average).gain_db(-20.0).format(SampleFormat::F32);
    let capture = Capture::start(&Registry::private(), &locator, &quieter).expect("it starts");
    wait_for_state(&capture, "its end", State::has_ended);
    let segment = capture.buffer().read(Span::Frames(0..10_000)).expect("all of it");
    let found = segment.samples().get::<f32>().expect("f32");
    let expected = |n: usize| {
        let two = f64::from(sample_24(2 * n)) + f64::from(sample_24(2 * n + 1));
        (two / 2.0 / 8_388_608.0 * 0.1) as f32
    };
    assert_eq!((0..10_000).find(|n| (found[*n] - expected(*n)).abs() > 1e-6), None);
}

/// Writes two seconds of a tone, with 250 ms missing between them, then nothing.
struct WithGap;

const START_NS: i64 = 1_800_000_000_000_000_000;

impl Source for WithGap {
    fn open(&mut self, requested: &RequestedFormat, _: &Stop) -> Result<Format> {
        if requested.sample_rate_hz.is_some_and(|rate| rate != 8000) {
            let (requested, offered) = ("another rate".to_owned(), "8000 Hz".to_owned());
            return Err(Error::NotOffered { source_name: "it".to_owned(), requested, offered });
        }
        Ok(Format { sample_rate_hz: 8000, channels: 1, sample_format: SampleFormat::S16 })
    }

    fn run(&mut self, mut writer: Writer, stop: &Stop) -> Result<RunOutcome> {
        let tone = |n: i64| ((n as f64 * std::f64::consts::TAU * 440.0 / 8000.0).sin() * 16_000.0) as i16;
        for second in 0..2_i64 {
            if second == 1 {
                writer.gap(GapReason::Overrun);
            }
            for chunk in 0..10_i64 {
                let at = second * 8000 + chunk * 800;
                let samples: Vec<i16> = (at..at + 800).map(tone).collect();
                let late_ns = if second == 1 { 250_000_000 } else { 0 };
                writer.write_at(&samples, START_NS + at * 125_000 + late_ns)?;
            }
        }
        stop.sleep(DEADLINE);
        Ok(RunOutcome::Stopped)
    }
}

#[test]
fn conversion_keeps_place_and_length_of_gaps() {
    let registry = Registry::private();
    let options = options().sample_rate_hz(48_000).format(SampleFormat::F32);
    let capture = Capture::start_source(&registry, "it", Box::new(WithGap), &options).expect("it is resampled");
    let buffer = capture.buffer();
    // The last block is incomplete until the end.
    wait_until("most of two seconds", || buffer.frames().end > 90_000);
    assert!(capture.stop());
    wait_until("all of it", || buffer.frames().end == 96_000);
    let all = buffer.read_with(Span::Frames(0..96_000), &ReadOptions::new()).expect("all of it");
    let [gap] = all.gaps() else { panic!("one gap, not {:?}", all.gaps()) };
    assert_eq!((gap.gap.first_frame, gap.gap.reason), (48_000, GapReason::Overrun));
    assert!((gap.gap.duration_ns - 250_000_000).abs() < 2_000_000, "{gap:?}");
    assert!((all.start_utc_ns() - START_NS).abs() < 1_000_000, "{}", all.start_utc_ns() - START_NS);
    let samples = all.samples().get::<f32>().expect("f32");
    for second in [&samples[2000..46_000], &samples[50_000..94_000]] {
        let found = frequency_hz(second, 48_000);
        assert!((found - 440.0).abs() < 0.5, "{found} Hz");
    }
    assert_eq!(registry.stats().rings_mapped, 1, "the ring of the conversion is private");
}

#[test]
fn conversion_is_a_few_blocks_in_the_budget() {
    let options = options().length(Length::Seconds(1.0)).sample_rate_hz(48_000);
    let registry = Registry::private();
    let plain = Capture::start(&registry, "tone:440", &options).expect("it starts");
    let ring_bytes = registry.stats().bytes;
    let converted = Capture::start(&registry, "tone:441", &options.clone().gain_db(6.0)).expect("it starts");
    wait_until("both deliver", || [&plain, &converted].iter().all(|capture| capture.buffer().frames().end > 4800));
    let bytes = registry.stats().bytes - 2 * ring_bytes;
    assert!((1..100_000).contains(&bytes), "{bytes} bytes");
    assert_eq!(registry.stats().rings_mapped, 2);
    assert!(converted.stop());
    assert_eq!(registry.stats().bytes, 2 * ring_bytes, "returned with the run");

    let registry = Registry::builder().budget_bytes(ring_bytes + 1000).build();
    let capture = Capture::start(&registry, "tone:440", &options.gain_db(6.0)).expect("its ring fits");
    let has_no_room = |state: &State| state.reason().is_some_and(|reason| reason.to_string().contains("budget"));
    wait_for_state(&capture, "no room for the conversion", has_no_room);
}

#[test]
fn refused_conversion_names_the_formats_on_offer() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("four.wav");
    wav(&path, 16, 4, 8000, 100);
    let locator = format!("file:{}", path.display());
    for (options, reason) in [
        (options().channels(2), "it offers 8000 Hz with 4 channels"),
        (options().mix(Mix::Channel(4)), "4 channels, any of them alone"),
        (options().mix(Mix::Average).channels(3), "4 channels, any of them alone"),
        (options().gain_db(200.0), "allowed: -100 to 100"),
        (options().gain_db(f32::NAN), "allowed: -100 to 100"),
    ] {
        let registry = Registry::private();
        let error = Capture::start(&registry, &locator, &options.open_deadline(Duration::from_secs(60)));
        let error = error.expect_err(reason).to_string();
        assert!(error.contains(reason), "{error}");
        assert_eq!(registry.stats().rings_mapped, 0);
    }
}
