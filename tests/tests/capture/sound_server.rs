//! Microphones through PulseAudio.

use std::time::Duration;

use capbuf_tests::{Child, PulseServer, Recorder, position, wait_until};

use crate::capturing::{Capturing, Dump};
use crate::without_stalls::{Expected, without_stalls};

const RATE: u64 = 48_000;
const DEADLINE: Duration = Duration::from_secs(60);

/// Starts a server that plays, and names its microphone.
fn playing() -> (PulseServer, String) {
    let mut pulse = PulseServer::start().unwrap();
    pulse.play_position_signal().unwrap();
    (pulse, format!("device:pulseaudio:{}", PulseServer::SOURCE))
}

/// Returns the samples after the leading silence: the player may begin after the recorder.
fn after_silence(samples: &[i16]) -> &[i16] {
    let sounding = samples.iter().position(|sample| *sample != 0).unwrap();
    &samples[sounding..]
}

#[test]
fn ten_seconds_of_pulseaudio_are_exact() {
    let (pulse, locator) = playing();
    let dump = without_stalls(Expected::Exactly(&[]), || {
        let mut capturing = Capturing::start(&locator, &["60", "s16", "1"], pulse.env());
        capturing.wait_for_frames(13 * RATE);
        capturing.dump()
    });
    let samples = after_silence(&dump.samples);
    assert!(samples.len() as u64 >= 10 * RATE, "{} frames of sound", samples.len());
    assert_eq!(position::breaks(samples), []);
    let (first, last) = (dump.times[0], dump.times[dump.times.len() - 1]);
    let rate = (last.0 - first.0) as f64 / ((last.1 - first.1) as f64 / 1e9);
    assert!((rate / RATE as f64 - 1.0).abs() < 0.01, "{rate} frames a second of UTC");
}

/// Freezes a capture until another recorder of the same microphone has heard `frames` more.
fn freeze_while_another_hears(pulse: &PulseServer, capturing: &mut Capturing, frames: u64) {
    let mut command = Child::command("parec");
    command.args(["--raw", "--format=s16le", "--rate=48000", "--channels=1", "--latency-msec=100"]);
    command.arg(format!("--device={}", PulseServer::SOURCE)).envs(pulse.env());
    let other = Recorder::start(command).unwrap();
    other.wait_for_sound(1, DEADLINE).unwrap();
    let before = other.samples().len();
    capturing.freeze();
    let heard = wait_until(DEADLINE, || other.samples().len() as u64 >= before as u64 + frames);
    capturing.thaw();
    assert!(heard, "{} frames", other.samples().len());
}

#[test]
fn audio_buffered_by_the_server_during_a_hold_up_is_not_lost() {
    let (pulse, locator) = playing();
    let dump = without_stalls(Expected::Exactly(&[]), || {
        let mut capturing = Capturing::start(&locator, &["60", "s16", "1"], pulse.env());
        capturing.wait_for_frames(2 * RATE);
        // Longer than a device may be silent before it counts as lost.
        freeze_while_another_hears(&pulse, &mut capturing, 4 * RATE);
        capturing.wait_for_more(5 * RATE);
        capturing.dump()
    });
    assert_eq!(position::breaks(after_silence(&dump.samples)), []);
}

#[test]
fn audio_beyond_the_servers_buffer_is_a_gap_as_long_as_the_lost_audio() {
    let (pulse, locator) = playing();
    // The server buffers 4 MiB: 1.3 s of 16 channels.
    let mut capturing = Capturing::start(&locator, &["20", "f32", "16"], pulse.env());
    capturing.wait_for_frames(2 * RATE);
    freeze_while_another_hears(&pulse, &mut capturing, 3 * RATE);
    capturing.wait_for_more(4 * RATE);
    let dump = capturing.dump();
    let all = dump.channel(0);
    let samples = after_silence(&all);
    let sounding = all.len() - samples.len();
    let breaks = position::breaks(samples);
    assert!(!breaks.is_empty(), "nothing was lost: {:?}", dump.gaps);
    assert!(breaks.len() < 100, "{} breaks, {:?}", breaks.len(), dump.gaps);
    assert!(!dump.gaps.is_empty(), "no gap for {breaks:?}");
    assert!(dump.gaps.iter().all(|gap| gap.reason == "overrun"), "{:?}", dump.gaps);
    // The signal shows how much is missing modulo its period. A monitor's times are as late as the
    // server's threads.
    let lost: u64 = breaks.iter().map(|found| u64::from(found.missing)).sum();
    let gap_ns: i64 = dump.gaps.iter().map(|gap| gap.duration_ns).sum();
    let gap_frames = gap_ns.cast_unsigned() * RATE / 1_000_000_000;
    let apart = (gap_frames + 100 * position::PERIOD - lost) % position::PERIOD;
    println!("{lost} frames were lost, the gap is {gap_frames} frames long, modulo {}", position::PERIOD);
    assert!(gap_frames > RATE, "the gap is {gap_frames} frames long");
    assert!(apart.min(position::PERIOD - apart) < RATE / 4, "{breaks:?}, {:?}", dump.gaps);
    for found in &breaks {
        let apart = (sounding + found.at) as i64 - dump.gaps[0].first_frame as i64;
        assert!(apart.unsigned_abs() < RATE / 2, "{breaks:?}, {:?}", dump.gaps);
    }
}

#[test]
fn hanging_server_is_lost_and_found_again_when_it_continues() {
    let (mut pulse, locator) = playing();
    let mut lost = Dump::default();
    let dump = without_stalls(Expected::Exactly(&["source lost"]), || {
        let mut capturing = Capturing::start(&locator, &["60", "s16", "1"], pulse.env());
        capturing.wait_for_frames(RATE);
        pulse.freeze().unwrap();
        lost = capturing.wait_for_state("lost");
        // The server does not answer an attempt to open it again.
        let attempted = capturing.wait_for_state("lost, attempt 2");
        assert!(attempted.state.contains("does not answer"), "{}", attempted.state);
        pulse.thaw().unwrap();
        capturing.wait_for_frames(lost.end_frame() + RATE);
        capturing.dump()
    });
    assert_eq!(dump.rings, 1);
    assert!(dump.samples.starts_with(&lost.samples), "audio before the loss changed");
}

#[test]
fn killed_server_is_found_again() {
    let (mut pulse, locator) = playing();
    let mut lost = Dump::default();
    let dump = without_stalls(Expected::Exactly(&["source lost"]), || {
        let mut capturing = Capturing::start(&locator, &["60", "s16", "1"], pulse.env());
        capturing.wait_for_frames(RATE);
        pulse.kill();
        lost = capturing.wait_for_state("lost");
        pulse.restart().unwrap();
        capturing.wait_for_frames(lost.end_frame() + RATE);
        capturing.dump()
    });
    assert_eq!(dump.rings, 1);
    assert!(dump.samples.starts_with(&lost.samples), "audio before the loss changed");
}
