//! Microphones in every format of ALSA: all bits are right, or the refusal names the format.

use std::sync::Mutex;
use std::thread;

use capbuf_tests::alsa_format::{AlsaFormat, NOISE_SAMPLES, first_wrong_of_loop, noise};
use capbuf_tests::{OddMic, OddMics};

use crate::capturing::{Capturing, Exact};

/// Recordings that run side by side: they wait for most of their time.
const SIDE_BY_SIDE: usize = 6;
/// Recordings with a gap, which a stalled machine makes, before the test gives up.
const MOST_STALLED: usize = 6;

/// Records a little more than a period of the noise, without a gap.
fn record(mics: &OddMics, name: &str, arguments: &[&str]) -> Exact {
    for _ in 0..MOST_STALLED {
        let locator = format!("device:alsa:{name}");
        let mut capturing = Capturing::start(&locator, &[&["5"], arguments].concat(), mics.env());
        capturing.wait_for_frames(NOISE_SAMPLES as u64 + 1000);
        let exact = capturing.exact();
        if exact.gaps == 0 {
            return exact;
        }
    }
    panic!("{name} has a gap in each of {MOST_STALLED} recordings");
}

/// Checks every sample of every channel.
fn check(exact: &Exact, expected: &[i32], name: &str) {
    for number in 0..exact.channels {
        let channel: Vec<i32> = exact.samples.iter().skip(number).step_by(exact.channels).copied().collect();
        let wrong = first_wrong_of_loop(expected, &channel).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(wrong, None, "{name}, channel {number}");
    }
}

/// Calls `check` for each item, a few at a time.
fn side_by_side<T: Sync>(items: &[T], check: impl Fn(&T) + Sync) {
    let next = Mutex::new(items.iter());
    thread::scope(|scope| {
        for _ in 0..SIDE_BY_SIDE {
            scope.spawn(|| {
                loop {
                    let Some(item) = next.lock().unwrap().next() else { return };
                    check(item);
                }
            });
        }
    });
}

#[test]
fn every_format_of_alsa_is_captured_with_all_its_bits() {
    let formats = AlsaFormat::all();
    let mics: Vec<_> = formats.iter().map(|format| OddMic::new(format.name, &[format.name])).collect();
    let mics = OddMics::build(&mics).unwrap();
    side_by_side(&formats, |format| {
        let exact = record(&mics, format.name, &[]);
        assert_eq!((exact.sample_rate_hz, exact.channels), (48_000, 1), "{}", format.name);
        assert_eq!(exact.format, format.buffer, "{}", format.name);
        check(&exact, &format.heard(&noise()), format.name);
    });
}

#[test]
fn formats_that_are_no_samples_are_refused_by_name() {
    let names = ["IEC958_SUBFRAME_LE", "IMA_ADPCM", "DSD_U8", "DSD_U32_BE"];
    let mics: Vec<_> = names.iter().map(|name| OddMic::new(name, &[name])).collect();
    let mics = OddMics::build(&mics).unwrap();
    side_by_side(&names, |name| {
        let refusal = Capturing::refusal(&format!("device:alsa:{name}"), &["5"], mics.env());
        assert!(refusal.contains(&format!("only {name}; allowed: ")), "{refusal}");
    });
}

#[test]
fn best_of_several_formats_rates_and_channels_is_chosen() {
    let mic = |name: &str, formats: &[&'static str]| OddMic::new(name, formats);
    let all = [
        OddMic { channels: (2, 4), ..mic("cheap", &["U8", "MU_LAW", "S24_3BE"]) },
        OddMic { rates: vec![8_000, 22_050, 96_000], ..mic("listed", &["S16_LE", "S24_3LE"]) },
        OddMic { rates: vec![32_000, 250_000, 384_000], ..mic("bats", &["S24_3LE"]) },
        OddMic { max_rate: Some(192_000), ..mic("ranged", &["U16_BE", "FLOAT_BE"]) },
        OddMic { channels: (32, 32), ..mic("array", &["S24_3LE"]) },
        OddMic { channels: (1, 32), ..mic("mixer", &["S32_BE"]) },
        OddMic { rates: vec![96_000], ..mic("fast", &["S20_3BE"]) },
        OddMic { channels: (12, 12), apart: true, ..mic("apart", &["S32_LE"]) },
    ];
    let mics = OddMics::build(&all).unwrap();
    let case = |name, arguments, heard, buffer, rate, channels| Case { name, arguments, heard, buffer, rate, channels };
    let cases = [
        case("cheap", &[], "S24_3BE", "s24", 48_000, 2),
        case("cheap", &["s16", "3"], "S24_3BE", "s16", 48_000, 3),
        case("listed", &[], "S16_LE", "s16", 96_000, 1),
        case("listed", &["s24"], "S24_3LE", "s24", 96_000, 1),
        case("listed", &["s32", "1", "rate=22050"], "S24_3LE", "s32", 22_050, 1),
        case("bats", &["s24", "1", "rate=250000"], "S24_3LE", "s24", 250_000, 1),
        case("ranged", &[], "U16_BE", "s16", 48_000, 1),
        case("ranged", &["f32", "1", "rate=192000"], "FLOAT_BE", "f32", 192_000, 1),
        case("array", &[], "S24_3LE", "s24", 48_000, 32),
        case("mixer", &[], "S32_BE", "s32", 48_000, 2),
        case("mixer", &["s24", "31"], "S32_BE", "s24", 48_000, 31),
        case("apart", &[], "S32_LE", "s32", 48_000, 12),
        // ALSA's conversion of the format does not change the rate of the hardware.
        case("plug-fast", &["s32"], "S20_3BE", "s32", 96_000, 2),
        case("plug-listed", &["s24", "1"], "S24_3LE", "s24", 96_000, 1),
    ];
    side_by_side(&cases, |case| {
        let exact = record(&mics, case.name, case.arguments);
        let found = (exact.format.as_str(), exact.sample_rate_hz, exact.channels);
        assert_eq!(found, (case.buffer, case.rate, case.channels), "{case:?}");
        let mut expected = AlsaFormat::named(case.heard).heard(&noise());
        // A smaller format of the buffer rounds.
        let lost_bits = match case.buffer {
            "s16" => 16,
            "s24" => 8,
            _ => 0,
        };
        if lost_bits > 0 {
            let rounded = |sample: i32| sample.saturating_add(1 << (lost_bits - 1)) >> lost_bits << lost_bits;
            expected.iter_mut().for_each(|sample| *sample = rounded(*sample));
        }
        check(&exact, &expected, &format!("{case:?}"));
    });
}

/// A recording, and what comes of it.
#[derive(Debug)]
struct Case<'a> {
    name: &'a str,
    arguments: &'a [&'a str],
    /// The format in which the microphone is heard.
    heard: &'a str,
    /// The format of the buffer.
    buffer: &'a str,
    rate: u32,
    channels: usize,
}

#[test]
fn more_channels_than_a_buffer_holds_are_refused_with_the_limit() {
    let mics = OddMics::build(&[OddMic { channels: (80, 80), ..OddMic::new("huge", &["S16_LE"]) }]).unwrap();
    let refusal = Capturing::refusal("device:alsa:huge", &["5"], mics.env());
    assert!(refusal.contains("80 channels") && refusal.contains("allowed: up to 64 channels"), "{refusal}");
}

#[test]
fn names_with_which_alsa_would_run_a_program_or_write_a_file_are_no_devices() {
    let mics = OddMics::build(&[OddMic::new("mic", &["S16_LE"])]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let made = folder.path().join("made");
    for name in [format!("file:'|touch {}',mic", made.display()), format!("file:'{}',mic", made.display())] {
        let refusal = Capturing::refusal(&format!("device:alsa:{name}"), &["5"], mics.env());
        assert!(refusal.contains("DeviceNotFound"), "{refusal}");
        assert!(!made.exists(), "{name} made a file");
    }
    // Names that are not listed are devices.
    let exact = record(&mics, "plug:mic", &["s16", "1"]);
    check(&exact, &AlsaFormat::named("S16_LE").heard(&noise()), "plug:mic");
}
