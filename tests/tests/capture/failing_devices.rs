//! Microphones and sound servers that fail without an error, or with the wrong one.

use std::process::Command;

use capbuf_tests::processes::Resources;
use capbuf_tests::{Fault, PulseServer, VirtualMic};

use crate::capturing::{Capturing, Dump};
use crate::without_stalls::{Expected, without_stalls};

const RATE: u64 = 48_000;

fn assert_one_loss(dump: &Dump, lost: &Dump) {
    assert_eq!(dump.rings, 1);
    // More than one where the source was lost again before any audio came.
    assert!(dump.restarts >= 1, "it was never opened again");
    assert_eq!(dump.gaps[0].first_frame, lost.end_frame());
    assert!(dump.samples.starts_with(&lost.samples), "audio before the loss changed");
}

#[test]
fn busy_microphone_is_tried_again_until_it_is_free() {
    let mic = VirtualMic::build().unwrap();
    let mut lost = Dump::default();
    let dump = without_stalls(Expected::Exactly(&["source lost"]), || {
        let mut capturing = Capturing::start("device:alsa:vmic", &["60", "s16", "1", "quick"], mic.env());
        capturing.wait_for_frames(RATE);
        // Unplugged; once it is back, another program opens it first.
        mic.fail(Fault::Unplugged).unwrap();
        lost = capturing.wait_for_state("lost");
        mic.fail(Fault::Busy).unwrap();
        capturing.wait_for_reason("busy");
        mic.heal().unwrap();
        capturing.wait_for_frames(lost.end_frame() + RATE);
        capturing.dump()
    });
    assert_one_loss(&dump, &lost);
}

/// Runs `pactl` on a server and returns its output.
fn pactl(pulse: &PulseServer, arguments: &[&str]) -> String {
    let output = Command::new("pactl").args(arguments).envs(pulse.env()).output().expect("pactl");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[test]
fn unloaded_source_is_lost_and_not_replaced_by_another() {
    let mut pulse = PulseServer::start().unwrap();
    pulse.play_position_signal().unwrap();
    // The recorded source, and another that the server could move the recording to.
    let load = |name: &str| {
        let (master, name) = (format!("master={}", PulseServer::SOURCE), format!("source_name={name}"));
        pactl(&pulse, &["load-module", "module-remap-source", &master, &name])
    };
    let mut module = load("recorded");
    load("another");
    let mut lost = Dump::default();
    let dump = without_stalls(Expected::Exactly(&["source lost"]), || {
        let mut capturing = Capturing::start("device:pulseaudio:recorded", &["60", "s16", "1", "quick"], pulse.env());
        capturing.wait_for_frames(RATE);
        pactl(&pulse, &["unload-module", &module]);
        lost = capturing.wait_for_reason("no pulseaudio device \"recorded\"");
        assert!(lost.state.contains("another"), "existing devices are not listed: {}", lost.state);
        assert_eq!(capturing.frames(), lost.end_frame(), "another source is recorded");
        module = load("recorded");
        capturing.wait_for_frames(lost.end_frame() + RATE);
        capturing.dump()
    });
    assert_one_loss(&dump, &lost);
}

#[test]
fn recording_cannot_be_moved_to_another_source() {
    let mut pulse = PulseServer::start().unwrap();
    pulse.play_position_signal().unwrap();
    let locator = format!("device:pulseaudio:{}", PulseServer::SOURCE);
    let mut capturing = Capturing::start(&locator, &["60", "s16", "1", "quick"], pulse.env());
    capturing.wait_for_frames(RATE);
    // The client's recording; the server's own modules record, too.
    let listed = pactl(&pulse, &["list", "short", "source-outputs"]);
    let own = listed.lines().find(|line| line.contains("protocol-native")).expect("a recording");
    let own = own.split_whitespace().next().expect("its number");
    let monitor = format!("{}.monitor", PulseServer::SINK);
    let moved = Command::new("pactl").args(["move-source-output", own, &monitor]).envs(pulse.env()).output();
    assert!(!moved.expect("pactl").status.success(), "the server moved the recording");
    capturing.wait_for_more(RATE);
    let dump = capturing.dump();
    assert!(!dump.reasons().contains(&"source lost"), "{:?}", dump.gaps);
    assert_eq!(dump.restarts, 0);
}

#[test]
fn storm_of_error_callbacks_leaks_neither_memory_nor_descriptors() {
    // ALSA's plugin for PulseAudio reports errors without pause once its server is gone.
    let mut pulse = PulseServer::start().unwrap();
    pulse.play_position_signal().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let configuration = folder.path().join("asound.conf");
    let device = format!(
        "pcm_type.pulse {{ lib \"libasound_module_pcm_pulse.so\" }}\npcm.through {{ type pulse device \"{}\" hint {{ show on \
         description \"Pulse\" }} }}\n",
        PulseServer::SOURCE
    );
    std::fs::write(&configuration, device).unwrap();
    let mut env = pulse.env();
    env.push(("ALSA_CONFIG_PATH".to_owned(), configuration.display().to_string()));
    let mut capturing = Capturing::start("device:alsa:through", &["60", "s16", "1", "quick"], env);
    capturing.wait_for_frames(RATE);
    let before = Resources::of(capturing.id()).unwrap();
    for _ in 0..2 {
        let frames = capturing.frames();
        pulse.kill();
        capturing.wait_for_state("lost");
        pulse.restart().unwrap();
        capturing.wait_for_frames(frames + RATE);
    }
    let after = Resources::of(capturing.id()).unwrap();
    println!("{before:?} before, {after:?} after");
    assert!(after.descriptors <= before.descriptors + 2, "{before:?}, {after:?}");
    assert!(after.threads <= before.threads + 1, "{before:?}, {after:?}");
    assert!(after.resident_kb < before.resident_kb + 8192, "{before:?}, {after:?}");
}
