//! Microphones through ALSA: the virtual one, which plays a signal that encodes its position.

use std::ops::Range;

use capbuf_tests::{Fault, SoundCard, VirtualMic, VirtualMicOptions, plug, position, unplug};

use crate::capturing::{Capturing, Dump};
use crate::without_stalls::{Expected, without_stalls};

const RATE: u64 = 48_000;
const MS: i64 = 1_000_000;

/// Returns how much later than it sounded each known frame is labelled, in ns.
fn lateness_ns(mic: &VirtualMic, dump: &Dump, frames: &Range<u64>) -> Vec<i64> {
    let channel = dump.channel(0);
    let inside = dump.times.iter().filter(|(frame, _)| frames.contains(frame));
    inside.map(|(frame, utc_ns)| utc_ns - mic.time_ns(channel[(frame - dump.first_frame) as usize], *utc_ns)).collect()
}

fn assert_true_times(mic: &VirtualMic, dump: &Dump, frames: Range<u64>, bound_ms: i64) {
    let lateness = lateness_ns(mic, dump, &frames);
    let (earliest, latest) = (lateness.iter().min().unwrap(), lateness.iter().max().unwrap());
    println!("frames {frames:?}: {:.2} to {:.2} ms late", *earliest as f64 / 1e6, *latest as f64 / 1e6);
    assert!(*earliest > -bound_ms * MS, "{frames:?}: {earliest} ns late");
    assert!(*latest < bound_ms * MS, "{frames:?}: {latest} ns late");
}

/// Records `frames` frames of the virtual microphone with some arguments.
fn record(mic: &VirtualMic, arguments: &[&str], frames: u64) -> Dump {
    without_stalls(Expected::Exactly(&[]), || {
        let mut capturing = Capturing::start("device:alsa:vmic", &[&["60"], arguments].concat(), mic.env());
        capturing.wait_for_frames(frames);
        capturing.dump()
    })
}

#[test]
fn ten_seconds_of_alsa_are_exact_and_at_true_times() {
    let mic = VirtualMic::build().unwrap();
    let dump = record(&mic, &["s16", "1"], 10 * RATE);
    assert_eq!(dump.sample_rate_hz, 48_000);
    assert_eq!(dump.channels, 1);
    assert_eq!(dump.rings, 1);
    assert_eq!(position::breaks(&dump.samples), []);
    assert_true_times(&mic, &dump, 0..dump.end_frame(), 100);
    // After lock, the estimate is much better than at the beginning.
    assert_true_times(&mic, &dump, 8 * RATE..dump.end_frame(), 50);
}

/// Tests the host of other systems: on Linux cpal reaches the devices of ALSA.
#[test]
fn native_sound_system_delivers_exact_frames_at_true_times() {
    let mic = VirtualMic::build().unwrap();
    for (format, channels) in [("s16", "1"), ("f32", "2")] {
        let dump = without_stalls(Expected::Exactly(&[]), || {
            let mut capturing = Capturing::start("device:native:vmic", &["60", format, channels], mic.env());
            capturing.wait_for_frames(3 * RATE);
            capturing.dump()
        });
        for channel in 0..dump.channels {
            assert_eq!(position::breaks(&dump.channel(channel)), [], "{format}, channel {channel}");
        }
        assert_true_times(&mic, &dump, 0..dump.end_frame(), 100);
    }
}

#[test]
fn locator_by_usb_id_or_place_finds_a_card_under_any_alsa_name() {
    let (mic, sysfs) = (VirtualMic::build().unwrap(), tempfile::tempdir().unwrap());
    let usb = Some(("046d", "082d", Some("6B4E")));
    let card =
        |number, id| SoundCard { number, id, place: "pci0000:00/0000:00:14.0/usb1/1-2/1-2:1.0", usb, recording: &[0] };
    for (number, id) in [(1, "C920"), (4, "C920_1")] {
        plug(sysfs.path(), &card(number, id));
        let mut env = mic.env_of_card(id).unwrap();
        env.push(("CAPBUF_SYSFS".to_owned(), sysfs.path().display().to_string()));
        for locator in ["device:usb:046d:082d:6B4E", "device:path:pci-0000:00:14.0-usb-0:2:1.0"] {
            let dump = without_stalls(Expected::Exactly(&[]), || {
                let mut capturing = Capturing::start(locator, &["60", "s16", "1"], env.clone());
                capturing.wait_for_frames(RATE);
                capturing.dump()
            });
            assert_eq!(position::breaks(&dump.samples), [], "{locator}");
        }
        unplug(sysfs.path(), number);
    }
}

#[test]
fn missing_formats_are_converted_without_a_break() {
    let mic = VirtualMic::build().unwrap();
    for (format, channels) in [("f32", "2"), ("s24", "2"), ("s32", "1")] {
        let dump = record(&mic, &[format, channels], 2 * RATE);
        for channel in 0..dump.channels {
            assert_eq!(position::breaks(&dump.channel(channel)), [], "{format}, channel {channel}");
        }
    }
}

#[test]
fn gain_scales_every_frame() {
    let mic = VirtualMic::build().unwrap();
    let half = format!("gain={}", 20.0 * 0.5_f64.log10());
    let samples = record(&mic, &["s16", "1", &half, "channel=0"], 2 * RATE).samples;
    let is_half = |at: u64| {
        let sounded = position::samples(at..at + samples.len() as u64);
        sounded.iter().zip(&samples).all(|(sounded, half)| (i32::from(*sounded) - 2 * i32::from(*half)).abs() <= 1)
    };
    // Halving lost the lowest bit: three samples may be the first one's original.
    let first = i32::from(samples[0]) * 2;
    let candidates = (first - 1..=first + 1).filter_map(|sample| i16::try_from(sample).ok());
    assert!(candidates.map(|sample| u64::from(position::index(sample))).any(is_half), "{:?}", &samples[..8]);
}

#[test]
fn another_rate_is_resampled_in_real_time() {
    let mic = VirtualMic::build().unwrap();
    let dump = record(&mic, &["s16", "1", "rate=16000"], 5 * 16_000);
    assert_eq!(dump.sample_rate_hz, 16_000);
    assert_eq!(dump.channels, 1);
    assert_eq!(dump.rings, 1);
    // Only the part of the spectrum above half the new rate is lost.
    let power = |samples: &[i16]| samples.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / samples.len() as f64;
    let part = power(&dump.samples) / power(&position::samples(0..position::PERIOD));
    assert!((0.02..1.0).contains(&part), "{part} of the power");
    let seconds = dump.samples.len() as f64 / 16_000.0;
    let (first, last) = (dump.times[0], dump.times[dump.times.len() - 1]);
    let labelled = (last.1 - first.1) as f64 / 1e9;
    assert!((labelled - seconds).abs() < 0.1, "{labelled} s by the times, {seconds} s of samples");
}

#[test]
fn overrun_is_a_gap_as_long_as_the_lost_audio() {
    let mic = VirtualMic::build().unwrap();
    let dump = without_stalls(Expected::Exactly(&["overrun"]), || {
        let mut capturing = Capturing::start("device:alsa:vmic", &["60", "s16", "1"], mic.env());
        capturing.wait_for_frames(2 * RATE);
        mic.fail(Fault::Overrun).unwrap();
        capturing.wait_for_more(4 * RATE);
        capturing.dump()
    });
    let breaks = position::breaks(&dump.samples);
    assert!(!breaks.is_empty(), "the microphone lost nothing");
    let lost_ms = breaks[0].missing as i64 * 1000 / RATE as i64;
    let gap_ms = dump.gaps[0].duration_ns / MS;
    println!("{lost_ms} ms were lost, the gap is {gap_ms} ms long");
    assert!((lost_ms - gap_ms).abs() < 100, "{lost_ms} ms were lost, the gap is {gap_ms} ms long");
    // Frames in flight when the overrun was reported may be on the wrong side of the gap.
    let apart = (breaks[0].at as i64 - dump.gaps[0].first_frame as i64).abs();
    assert!(apart <= RATE as i64 / 10, "the break is {apart} frames from the gap");
    let after = dump.gaps[0].first_frame.max(breaks[0].at as u64) + RATE;
    assert_true_times(&mic, &dump, after..dump.end_frame(), 100);
}

#[test]
fn unplugged_microphone_continues_in_the_same_ring_after_a_gap() {
    let mic = VirtualMic::build().unwrap();
    let mut lost = Dump::default();
    let dump = without_stalls(Expected::Exactly(&["source lost"]), || {
        let mut capturing = Capturing::start("device:alsa:vmic", &["60", "s16", "1"], mic.env());
        capturing.wait_for_frames(2 * RATE);
        mic.fail(Fault::Unplugged).unwrap();
        lost = capturing.wait_for_state("lost");
        mic.heal().unwrap();
        capturing.wait_for_frames(lost.end_frame() + 2 * RATE);
        capturing.dump()
    });
    assert_eq!(dump.rings, 1);
    assert!(dump.samples.starts_with(&lost.samples), "audio before the loss changed");
    for span in dump.spans() {
        assert_eq!(position::breaks(&dump.samples_of(&span)), []);
        assert_true_times(&mic, &dump, span, 100);
    }
}

#[test]
fn stall_without_an_error_is_noticed() {
    let mic = VirtualMic::build().unwrap();
    let mut capturing = Capturing::start("device:alsa:vmic", &["60", "s16", "1"], mic.env());
    capturing.wait_for_frames(RATE);
    mic.fail(Fault::Stall).unwrap();
    let lost = capturing.wait_for_state("lost");
    mic.heal().unwrap();
    capturing.wait_for_frames(lost.end_frame() + RATE);
    let dump = capturing.dump();
    assert_eq!(dump.rings, 1);
    let last = dump.spans().pop().unwrap();
    assert_true_times(&mic, &dump, last.start + RATE / 2..last.end, 100);
}

#[test]
fn clock_error_of_the_microphone_is_followed() {
    let mic = VirtualMic::build_with(VirtualMicOptions { clock_error_ppm: 500, ..Default::default() }).unwrap();
    let dump = record(&mic, &["s16", "1"], 15 * RATE);
    assert_eq!(position::breaks(&dump.samples), []);
    assert_true_times(&mic, &dump, 10 * RATE..dump.end_frame(), 50);
}
