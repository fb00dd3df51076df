//! Two sources that hear one sound: a click has the same time in both buffers.
//!
//! The microphone plays a signal that shows its own position at known times, so each sample is a
//! click. Times come from reports of capture, not from arrivals: a busy machine makes labels late,
//! not wrong. On an idle machine two cards agree within 0.03 ms, and a card and PulseAudio within
//! 0.1 ms.

use capbuf_tests::{PulseServer, VirtualMic, VirtualMicOptions};

use crate::capturing::{Capturing, Dump};
use crate::without_stalls::{Expected, without_stalls};

const RATE: u64 = 48_000;

/// Returns the median of how much later than it sounded frames after a second are labelled, in ms.
fn late_ms(mic: &VirtualMic, dump: &Dump) -> f64 {
    let inside = dump.times.iter().filter(|(frame, _)| *frame >= RATE);
    let late = |(frame, utc_ns): &(u64, i64)| {
        utc_ns - mic.time_ns(dump.samples[(*frame - dump.first_frame) as usize], *utc_ns)
    };
    let mut late: Vec<_> = inside.map(late).collect();
    late.sort_unstable();
    let (earliest, latest) = (late[0] as f64 / 1e6, late[late.len() - 1] as f64 / 1e6);
    let median = late[late.len() / 2] as f64 / 1e6;
    println!("{median:.3} ms late, from {earliest:.3} to {latest:.3}");
    median
}

fn record(locator: &str, env: Vec<(String, String)>) -> Dump {
    without_stalls(Expected::Exactly(&[]), || {
        let mut capturing = Capturing::start(locator, &["60", "s16", "1"], env.clone());
        capturing.wait_for_frames(5 * RATE);
        capturing.dump()
    })
}

fn microphone(monotonic: bool) -> VirtualMic {
    VirtualMic::build_with(VirtualMicOptions { monotonic, ..VirtualMicOptions::default() }).unwrap()
}

#[test]
fn two_cards_hear_a_click_at_one_time() {
    let mic = microphone(true);
    let dumps = [record("device:alsa:vmic", mic.env()), record("device:native:vmic", mic.env())];
    assert!(dumps.iter().all(|dump| dump.clock == "device"), "{}, {}", dumps[0].clock, dumps[1].clock);
    let again = record("device:alsa:vmic", mic.env());
    let apart_ms = (late_ms(&mic, &dumps[0]) - late_ms(&mic, &again)).abs();
    assert!(apart_ms < 0.1, "{apart_ms} ms apart");
}

#[test]
fn card_and_pulseaudio_hear_a_click_at_one_time() {
    let mic = microphone(true);
    let pulse = PulseServer::start_with_microphone(&mic).unwrap();
    let card = record("device:alsa:vmic", mic.env());
    let server = record(&format!("device:pulseaudio:{}", PulseServer::SOURCE), pulse.env());
    assert_eq!(server.clock, "device");
    let apart_ms = (late_ms(&mic, &card) - late_ms(&mic, &server)).abs();
    assert!(apart_ms < 1.0, "{apart_ms} ms apart");
}

/// PulseAudio computes latencies of 9e18 us from the wall-clock timestamps of a plugin.
#[test]
fn absurd_latencies_of_pulseaudio_are_not_believed() {
    let mic = microphone(false);
    let pulse = PulseServer::start_with_microphone(&mic).unwrap();
    let server = record(&format!("device:pulseaudio:{}", PulseServer::SOURCE), pulse.env());
    let late_ms = late_ms(&mic, &server);
    assert!(late_ms.abs() < 5.0, "{late_ms} ms late");
}
