//! Microphones: the virtual one through ALSA, and PulseAudio's.

use std::time::Duration;

use capbuf_tests::{
    Child, Fault, PulseServer, Recorder, SoundCard, VirtualMic, VirtualMicOptions, plug, position, unplug, wait_until,
};

use crate::capturing::{Capturing, Dump, undisturbed};

const RATE: u64 = 48_000;
const MS: i64 = 1_000_000;

/// How far the times told are from the times at which the samples truly sounded, in ns: late is positive.
fn lateness_ns(mic: &VirtualMic, dump: &Dump, frames: std::ops::Range<u64>) -> Vec<i64> {
    let channel = dump.channel(0);
    let inside = dump.times.iter().filter(|(frame, _)| frames.contains(frame));
    inside
        .map(|(frame, told_ns)| told_ns - mic.time_ns(channel[(frame - dump.first_frame) as usize], *told_ns))
        .collect()
}

fn assert_true_times(mic: &VirtualMic, dump: &Dump, frames: std::ops::Range<u64>, bound_ms: i64) {
    let lateness = lateness_ns(mic, dump, frames.clone());
    let (earliest, latest) = (lateness.iter().min().unwrap(), lateness.iter().max().unwrap());
    println!("frames {frames:?}: {:.2} to {:.2} ms late", *earliest as f64 / 1e6, *latest as f64 / 1e6);
    assert!(*earliest > -bound_ms * MS && *latest < bound_ms * MS, "{frames:?}: {earliest} to {latest} ns late");
}

#[test]
fn ten_seconds_of_an_alsa_microphone_are_exact_and_at_true_times() {
    let mic = VirtualMic::build().unwrap();
    let dump = undisturbed(&[], || {
        let mut capturing = Capturing::start("device:alsa:vmic", &["60", "s16", "1"], mic.env());
        capturing.wait_for_frames(10 * RATE);
        capturing.dump()
    });
    assert_eq!((dump.sample_rate_hz, dump.channels, dump.rings), (48_000, 1, 1));
    assert_eq!(position::breaks(&dump.samples), []);
    assert!(dump.gaps.is_empty(), "{:?}", dump.gaps);
    assert_true_times(&mic, &dump, 0..dump.end_frame(), 100);
    // Settled, it is much better than while it begins.
    assert_true_times(&mic, &dump, 8 * RATE..dump.end_frame(), 50);
}

#[test]
fn a_card_is_recorded_from_by_what_it_is_and_where_it_is_whatever_alsa_calls_it_now() {
    let (mic, sysfs) = (VirtualMic::build().unwrap(), tempfile::tempdir().unwrap());
    let usb = Some(("046d", "082d", Some("6B4E")));
    let card =
        |number, id| SoundCard { number, id, place: "pci0000:00/0000:00:14.0/usb1/1-2/1-2:1.0", usb, recording: &[0] };
    for (number, id) in [(1, "C920"), (4, "C920_1")] {
        plug(sysfs.path(), &card(number, id));
        let mut env = mic.env_of_card(id).unwrap();
        env.push(("CAPBUF_SYSFS".to_owned(), sysfs.path().display().to_string()));
        for locator in ["device:usb:046d:082d:6B4E", "device:path:pci-0000:00:14.0-usb-0:2:1.0"] {
            let dump = undisturbed(&[], || {
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
fn what_the_device_does_not_have_is_converted_without_a_break() {
    let mic = VirtualMic::build().unwrap();
    for (format, channels) in [("f32", "2"), ("s24", "2"), ("s32", "1")] {
        let dump = undisturbed(&[], || {
            let mut capturing = Capturing::start("device:alsa:vmic", &["60", format, channels], mic.env());
            capturing.wait_for_frames(2 * RATE);
            capturing.dump()
        });
        for channel in 0..dump.channels {
            assert_eq!(position::breaks(&dump.channel(channel)), [], "{format}, channel {channel}");
        }
    }
}

#[test]
fn a_microphone_is_made_quieter_frame_by_frame() {
    let mic = VirtualMic::build().unwrap();
    let half = format!("gain={}", 20.0 * 0.5_f64.log10());
    let dump = undisturbed(&[], || {
        let mut capturing = Capturing::start("device:alsa:vmic", &["60", "s16", "1", &half, "channel=0"], mic.env());
        capturing.wait_for_frames(2 * RATE);
        capturing.dump()
    });
    let samples = dump.samples;
    let first = i32::from(samples[0]) * 2;
    // Which of those it is that are halved to the first.
    let is_half = |at: u64| {
        let sounded = position::samples(at..at + samples.len() as u64);
        sounded.iter().zip(&samples).all(|(sounded, half)| (i32::from(*sounded) - 2 * i32::from(*half)).abs() <= 1)
    };
    let candidates = (first - 1..=first + 1).filter_map(|sample| i16::try_from(sample).ok());
    assert!(candidates.map(|sample| u64::from(position::index(sample))).any(is_half), "{:?}", &samples[..8]);
}

#[test]
fn a_microphone_of_another_rate_is_converted_at_its_pace() {
    let mic = VirtualMic::build().unwrap();
    let dump = undisturbed(&[], || {
        let mut capturing = Capturing::start("device:alsa:vmic", &["60", "s16", "1", "rate=16000"], mic.env());
        capturing.wait_for_frames(5 * 16_000);
        capturing.dump()
    });
    assert_eq!((dump.sample_rate_hz, dump.channels, dump.rings, dump.gaps.len()), (16_000, 1, 1, 0));
    // The signal is as loud as it was but for what is above the new rate's half.
    let power = |samples: &[i16]| samples.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / samples.len() as f64;
    let kept = power(&dump.samples) / power(&position::samples(0..position::PERIOD));
    assert!((0.02..1.0).contains(&kept), "{kept} of its power");
    let seconds = dump.samples.len() as f64 / 16_000.0;
    let (first, last) = (dump.times[0], dump.times[dump.times.len() - 1]);
    let told = (last.1 - first.1) as f64 / 1e9;
    assert!((told - seconds).abs() < 0.1, "{told} s told, {seconds} s there");
}

#[test]
fn an_overrun_is_a_gap_of_the_length_that_was_lost() {
    let mic = VirtualMic::build().unwrap();
    let dump = undisturbed(&["overrun"], || {
        let mut capturing = Capturing::start("device:alsa:vmic", &["60", "s16", "1"], mic.env());
        capturing.wait_for_frames(2 * RATE);
        mic.fail(Fault::Overrun).unwrap();
        capturing.wait_for_more(4 * RATE);
        capturing.dump()
    });
    let breaks = position::breaks(&dump.samples);
    assert!(!breaks.is_empty(), "the microphone lost nothing");
    assert_eq!(dump.reasons(), ["overrun"], "{:?}", dump.gaps);
    let lost_ms = breaks[0].missing as i64 * 1000 / RATE as i64;
    let gap_ms = dump.gaps[0].duration_ns / MS;
    println!("{lost_ms} ms were lost, the gap is {gap_ms} ms long");
    assert!((lost_ms - gap_ms).abs() < 100, "{lost_ms} ms were lost, the gap is {gap_ms} ms long");
    // What was on its way when the overrun was told may be counted to the wrong side of the gap, not more.
    let apart = (breaks[0].at as i64 - dump.gaps[0].first_frame as i64).abs();
    assert!(apart <= RATE as i64 / 10, "the break is {apart} frames from the gap");
    let after = dump.gaps[0].first_frame.max(breaks[0].at as u64) + RATE;
    assert_true_times(&mic, &dump, after..dump.end_frame(), 100);
}

#[test]
fn a_microphone_that_was_unplugged_goes_on_in_the_same_ring_after_a_gap() {
    let mic = VirtualMic::build().unwrap();
    let mut lost = Dump::default();
    let dump = undisturbed(&["source lost"], || {
        let mut capturing = Capturing::start("device:alsa:vmic", &["60", "s16", "1"], mic.env());
        capturing.wait_for_frames(2 * RATE);
        mic.fail(Fault::Unplugged).unwrap();
        lost = capturing.wait_for_state("lost");
        mic.heal().unwrap();
        capturing.wait_for_frames(lost.end_frame() + 2 * RATE);
        capturing.dump()
    });
    assert_eq!((dump.rings, dump.gaps.len()), (1, 1), "{:?}", dump.gaps);
    assert_eq!(dump.gaps[0].reason, "source lost");
    assert!(dump.samples.starts_with(&lost.samples), "what was there is still there");
    for span in dump.spans() {
        let at = |frame: u64| (frame - dump.first_frame) as usize;
        assert_eq!(position::breaks(&dump.samples[at(span.start)..at(span.end)]), []);
        assert_true_times(&mic, &dump, span, 100);
    }
}

#[test]
fn a_microphone_that_stalls_without_an_error_is_noticed() {
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
fn a_microphone_whose_clock_is_off_is_followed() {
    let mic = VirtualMic::build_with(VirtualMicOptions { clock_error_ppm: 500, ..Default::default() }).unwrap();
    let dump = undisturbed(&[], || {
        let mut capturing = Capturing::start("device:alsa:vmic", &["60", "s16", "1"], mic.env());
        capturing.wait_for_frames(15 * RATE);
        capturing.dump()
    });
    assert_eq!(position::breaks(&dump.samples), []);
    assert!(dump.gaps.is_empty(), "{:?}", dump.gaps);
    assert_true_times(&mic, &dump, 10 * RATE..dump.end_frame(), 50);
}

#[test]
fn ten_seconds_of_pulseaudio_are_exact() {
    let mut pulse = PulseServer::start().unwrap();
    pulse.play_position_signal().unwrap();
    let locator = format!("device:pulseaudio:{}", PulseServer::SOURCE);
    let dump = undisturbed(&[], || {
        let mut capturing = Capturing::start(&locator, &["60", "s16", "1"], pulse.env());
        // The player may begin after the recorder: what comes first may be silence.
        capturing.wait_for_frames(13 * RATE);
        capturing.dump()
    });
    let sounding = dump.samples.iter().position(|sample| *sample != 0).unwrap();
    let samples = &dump.samples[sounding..];
    assert!(samples.len() as u64 >= 10 * RATE, "{} frames of sound", samples.len());
    assert_eq!(position::breaks(samples), []);
    assert!(dump.gaps.is_empty(), "{:?}", dump.gaps);
    // As many frames as time went by, by the wall clock.
    let (first, last) = (dump.times[0], dump.times[dump.times.len() - 1]);
    let rate = (last.0 - first.0) as f64 / ((last.1 - first.1) as f64 / 1e9);
    assert!((rate / RATE as f64 - 1.0).abs() < 0.01, "{rate} frames a second");
}

/// Freezes a recorder until another one on the same microphone has heard so much more.
fn freeze_while_another_hears(pulse: &PulseServer, capturing: &mut Capturing, frames: u64) {
    let mut command = Child::command("parec");
    command.args(["--raw", "--format=s16le", "--rate=48000", "--channels=1", "--latency-msec=100"]);
    command.arg(format!("--device={}", PulseServer::SOURCE)).envs(pulse.env());
    let other = Recorder::start(command).unwrap();
    other.wait_for_sound(1, Duration::from_secs(60)).unwrap();
    let before = other.samples().len();
    capturing.freeze();
    let heard = wait_until(Duration::from_secs(60), || other.samples().len() as u64 >= before as u64 + frames);
    capturing.thaw();
    assert!(heard, "{} frames", other.samples().len());
}

#[test]
fn what_a_pulseaudio_server_kept_while_the_recorder_was_held_up_is_not_lost() {
    let mut pulse = PulseServer::start().unwrap();
    pulse.play_position_signal().unwrap();
    let locator = format!("device:pulseaudio:{}", PulseServer::SOURCE);
    let dump = undisturbed(&[], || {
        let mut capturing = Capturing::start(&locator, &["60", "s16", "1"], pulse.env());
        capturing.wait_for_frames(2 * RATE);
        // Longer than a device may be silent before it is taken for lost.
        freeze_while_another_hears(&pulse, &mut capturing, 4 * RATE);
        capturing.wait_for_more(5 * RATE);
        capturing.dump()
    });
    let sounding = dump.samples.iter().position(|sample| *sample != 0).unwrap();
    assert_eq!(position::breaks(&dump.samples[sounding..]), []);
    assert!(dump.gaps.is_empty(), "{:?}", dump.gaps);
}

#[test]
fn what_a_pulseaudio_server_could_not_keep_is_a_gap_of_the_length_that_was_lost() {
    let mut pulse = PulseServer::start().unwrap();
    pulse.play_position_signal().unwrap();
    let locator = format!("device:pulseaudio:{}", PulseServer::SOURCE);
    // The server keeps 4 MiB: of so many channels a second and a third.
    let mut capturing = Capturing::start(&locator, &["20", "f32", "16"], pulse.env());
    capturing.wait_for_frames(2 * RATE);
    freeze_while_another_hears(&pulse, &mut capturing, 3 * RATE);
    capturing.wait_for_more(4 * RATE);
    let dump = capturing.dump();
    let samples = dump.channel(0);
    let sounding = samples.iter().position(|sample| *sample != 0).unwrap();
    let breaks = position::breaks(&samples[sounding..]);
    assert!(!breaks.is_empty() && breaks.len() < 100, "{} breaks, {:?}", breaks.len(), dump.gaps);
    assert!(!dump.gaps.is_empty() && dump.gaps.iter().all(|gap| gap.reason == "overrun"), "{:?}", dump.gaps);
    // The signal tells what is missing modulo its period. A monitor's times are as late as the server's own threads are.
    let lost: u64 = breaks.iter().map(|found| u64::from(found.missing)).sum();
    let gap_ns: i64 = dump.gaps.iter().map(|gap| gap.duration_ns).sum();
    let gap_frames = gap_ns.cast_unsigned() * RATE / 1_000_000_000;
    let apart = (gap_frames + 100 * position::PERIOD - lost) % position::PERIOD;
    println!("{lost} frames were lost, the gap is {gap_frames} frames long, modulo {}", position::PERIOD);
    assert!(gap_frames > RATE && apart.min(position::PERIOD - apart) < RATE / 4, "{breaks:?}, {:?}", dump.gaps);
    for found in &breaks {
        let apart = (sounding + found.at) as i64 - dump.gaps[0].first_frame as i64;
        assert!(apart.unsigned_abs() < RATE / 2, "{breaks:?}, {:?}", dump.gaps);
    }
}

#[test]
fn a_pulseaudio_server_that_hangs_is_lost_and_found_again_when_it_goes_on() {
    let mut pulse = PulseServer::start().unwrap();
    pulse.play_position_signal().unwrap();
    let locator = format!("device:pulseaudio:{}", PulseServer::SOURCE);
    let mut lost = Dump::default();
    let dump = undisturbed(&["source lost"], || {
        let mut capturing = Capturing::start(&locator, &["60", "s16", "1"], pulse.env());
        capturing.wait_for_frames(RATE);
        pulse.freeze().unwrap();
        lost = capturing.wait_for_state("lost");
        // An attempt to open it again is made, and is not answered.
        let attempted = capturing.wait_for_state("lost, attempt 2");
        assert!(attempted.state.contains("does not answer"), "{}", attempted.state);
        pulse.thaw().unwrap();
        capturing.wait_for_frames(lost.end_frame() + RATE);
        capturing.dump()
    });
    assert_eq!((dump.rings, &dump.reasons()[..]), (1, &["source lost"][..]), "{:?}", dump.gaps);
    assert!(dump.samples.starts_with(&lost.samples), "what was there is still there");
}

#[test]
fn a_pulseaudio_server_that_was_killed_is_found_again() {
    let mut pulse = PulseServer::start().unwrap();
    pulse.play_position_signal().unwrap();
    let locator = format!("device:pulseaudio:{}", PulseServer::SOURCE);
    let mut lost = Dump::default();
    let dump = undisturbed(&["source lost"], || {
        let mut capturing = Capturing::start(&locator, &["60", "s16", "1"], pulse.env());
        capturing.wait_for_frames(RATE);
        pulse.kill();
        lost = capturing.wait_for_state("lost");
        pulse.restart().unwrap();
        capturing.wait_for_frames(lost.end_frame() + RATE);
        capturing.dump()
    });
    assert_eq!((dump.rings, dump.gaps.len()), (1, 1), "{:?}", dump.gaps);
    assert!(dump.samples.starts_with(&lost.samples), "what was there is still there");
}
