//! Microphones and sound servers that fail in ways that give no error, or the wrong one.

use std::process::Command;
use std::time::Duration;

use capbuf_tests::{Fault, PulseServer, VirtualMic, wait_for};

use crate::capturing::{Capturing, Dump, undisturbed};
use crate::processes::Holds;

const RATE: u64 = 48_000;
const DEADLINE: Duration = Duration::from_secs(120);

fn wait_for_reason(capturing: &mut Capturing, why: &str) -> Dump {
    let found = wait_for(DEADLINE, || Some(capturing.dump()).filter(|dump| dump.state.contains(why)));
    found.unwrap_or_else(|| panic!("not {why:?}: {}", capturing.dump().state))
}

fn assert_one_loss(dump: &Dump, lost: &Dump) {
    assert_eq!((dump.rings, dump.gaps.len()), (1, 1), "{:?}", dump.gaps);
    // One more where it was lost again before anything came.
    assert!(dump.restarts >= 1);
    assert_eq!((dump.gaps[0].first_frame, dump.gaps[0].reason.as_str()), (lost.end_frame(), "source lost"));
    assert!(dump.samples.starts_with(&lost.samples), "what was there is still there");
}

#[test]
fn a_microphone_that_somebody_else_took_is_waited_for() {
    let mic = VirtualMic::build().unwrap();
    let mut lost = Dump::default();
    let dump = undisturbed(&["source lost"], || {
        let mut capturing = Capturing::start("device:alsa:vmic", &["60", "s16", "1", "quick"], mic.env());
        capturing.wait_for_frames(RATE);
        // Pulled, and when it is back somebody else is faster.
        mic.fail(Fault::Unplugged).unwrap();
        lost = capturing.wait_for_state("lost");
        mic.fail(Fault::Busy).unwrap();
        wait_for_reason(&mut capturing, "busy");
        mic.heal().unwrap();
        capturing.wait_for_frames(lost.end_frame() + RATE);
        capturing.dump()
    });
    assert_one_loss(&dump, &lost);
}

/// Tells a sound server something.
fn pactl(pulse: &PulseServer, arguments: &[&str]) -> String {
    let told = Command::new("pactl").args(arguments).envs(pulse.env()).output().expect("pactl");
    assert!(told.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&told.stderr));
    String::from_utf8_lossy(&told.stdout).trim().to_owned()
}

#[test]
fn a_source_that_is_unloaded_while_there_is_another_is_lost_and_not_replaced_by_it() {
    let mut pulse = PulseServer::start().unwrap();
    pulse.play_position_signal().unwrap();
    // The one to be recorded, and another that the server could move the recording to.
    let load = |name: &str| {
        let (master, name) = (format!("master={}", PulseServer::SOURCE), format!("source_name={name}"));
        pactl(&pulse, &["load-module", "module-remap-source", &master, &name])
    };
    let mut module = load("recorded");
    load("another");
    let mut lost = Dump::default();
    let dump = undisturbed(&["source lost"], || {
        let mut capturing = Capturing::start("device:pulseaudio:recorded", &["60", "s16", "1", "quick"], pulse.env());
        capturing.wait_for_frames(RATE);
        pactl(&pulse, &["unload-module", &module]);
        lost = wait_for_reason(&mut capturing, "no pulseaudio device \"recorded\"");
        assert!(lost.state.contains("another"), "the names that there are: {}", lost.state);
        assert_eq!(capturing.frames(), lost.end_frame(), "nothing is recorded of another one");
        module = load("recorded");
        capturing.wait_for_frames(lost.end_frame() + RATE);
        capturing.dump()
    });
    assert_one_loss(&dump, &lost);
}

#[test]
fn a_recording_can_not_be_moved_to_another_source() {
    let mut pulse = PulseServer::start().unwrap();
    pulse.play_position_signal().unwrap();
    let locator = format!("device:pulseaudio:{}", PulseServer::SOURCE);
    let mut capturing = Capturing::start(&locator, &["60", "s16", "1", "quick"], pulse.env());
    capturing.wait_for_frames(RATE);
    // Of a client; the server's modules record, too.
    let listed = pactl(&pulse, &["list", "short", "source-outputs"]);
    let own = listed.lines().find(|line| line.contains("protocol-native")).expect("a recording");
    let own = own.split_whitespace().next().expect("its number");
    let monitor = format!("{}.monitor", PulseServer::SINK);
    let moved = Command::new("pactl").args(["move-source-output", own, &monitor]).envs(pulse.env()).output();
    assert!(!moved.expect("pactl").status.success(), "it is not to be moved");
    capturing.wait_for_more(RATE);
    let dump = capturing.dump();
    assert!(!dump.reasons().contains(&"source lost") && dump.restarts == 0, "{:?}", dump.gaps);
}

#[test]
fn a_storm_of_error_callbacks_costs_neither_memory_nor_descriptors() {
    // Through ALSA's plugin, whose errors come as fast as they can be told when its server is gone.
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
    let before = Holds::of(capturing.id());
    for _ in 0..2 {
        let frames = capturing.frames();
        pulse.kill();
        capturing.wait_for_state("lost");
        pulse.restart().unwrap();
        capturing.wait_for_frames(frames + RATE);
    }
    let after = Holds::of(capturing.id());
    println!("{before:?} before, {after:?} after");
    assert!(
        after.descriptors <= before.descriptors + 2 && after.threads <= before.threads + 1,
        "{before:?}, {after:?}"
    );
    assert!(after.resident_kb < before.resident_kb + 8192, "{before:?}, {after:?}");
}
