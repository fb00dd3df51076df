//! Microphones whose samples are converted, here or by ALSA, and that fail meanwhile.

use capbuf_tests::{Fault, SoundCard, VirtualMic, VirtualMicOptions, plug, position};

use crate::capturing::{Capturing, Dump};
use crate::without_stalls::{Expected, without_stalls};

const RATE: u64 = 48_000;
/// The device itself, whose samples are converted here, and ALSA's converting device over it.
const DEVICES: [&str; 2] = ["device:alsa:vmic", "device:alsa:default"];

fn odd_mic() -> VirtualMic {
    VirtualMic::build_with(VirtualMicOptions { formats: &["S20_3BE"], ..Default::default() }).unwrap()
}

fn start(locator: &str, mic: &VirtualMic) -> Capturing {
    Capturing::start(locator, &["60", "s24", "1", "quick"], mic.env())
}

/// Checks that the audio of each span between gaps is whole, but for what was in flight at a gap.
fn assert_whole_spans(dump: &Dump) {
    assert_eq!(dump.rings, 1);
    for span in dump.spans() {
        let breaks = position::breaks(&dump.samples_of(&span));
        assert_eq!(breaks.first(), None, "{span:?} of {:?}", dump.gaps);
    }
}

/// Checks that the only gap is as long as the audio that is missing there.
fn assert_true_gap(dump: &Dump) {
    let breaks = position::breaks(&dump.samples);
    let [gap] = &dump.gaps[..] else { panic!("{:?}", dump.gaps) };
    let lost_ms = breaks[0].missing as i64 * 1000 / RATE as i64;
    // The signal repeats.
    let period_ms = position::PERIOD as i64 * 1000 / RATE as i64;
    let wrong_ms = (gap.duration_ns / 1_000_000 - lost_ms).rem_euclid(period_ms);
    assert!(wrong_ms.min(period_ms - wrong_ms) < 100, "{lost_ms} ms or periods more were lost: {gap:?}");
}

#[test]
fn converted_microphone_that_is_unplugged_continues_after_a_gap() {
    let mic = odd_mic();
    for device in DEVICES {
        let mut lost = Dump::default();
        let dump = without_stalls(Expected::Exactly(&["source lost"]), || {
            let mut capturing = start(device, &mic);
            capturing.wait_for_frames(RATE);
            mic.fail(Fault::Unplugged).unwrap();
            lost = capturing.wait_for_state("lost");
            mic.heal().unwrap();
            capturing.wait_for_frames(lost.end_frame() + RATE);
            capturing.dump()
        });
        assert!(lost.state.contains("it is gone"), "{device}: {}", lost.state);
        assert!(dump.samples.starts_with(&lost.samples), "audio before the loss changed");
        assert!(dump.restarts >= 1);
        assert_whole_spans(&dump);
    }
}

#[test]
fn overrun_of_a_converted_microphone_is_a_gap_as_long_as_the_lost_audio() {
    let mic = odd_mic();
    for device in DEVICES {
        let dump = without_stalls(Expected::Exactly(&["overrun"]), || {
            let mut capturing = start(device, &mic);
            capturing.wait_for_frames(RATE);
            mic.fail(Fault::Overrun).unwrap();
            capturing.wait_for_dump("an overrun", |dump| !dump.gaps.is_empty());
            capturing.wait_for_more(RATE);
            capturing.dump()
        });
        assert_eq!((dump.restarts, dump.state.as_str()), (0, "running"), "{device}");
        assert_true_gap(&dump);
    }
}

#[test]
fn suspended_microphone_continues_after_a_gap_without_being_opened_again() {
    let mic = odd_mic();
    for device in DEVICES {
        let dump = without_stalls(Expected::Exactly(&["source lost"]), || {
            let mut capturing = start(device, &mic);
            capturing.wait_for_frames(RATE);
            mic.fail(Fault::Suspended).unwrap();
            // Nothing comes, and nothing is lost yet: the machine may wake up.
            let frames = capturing.wait_for_quiet();
            mic.heal().unwrap();
            capturing.wait_for_frames(frames + RATE);
            capturing.dump()
        });
        assert_eq!((dump.restarts, dump.state.as_str()), (0, "running"), "{device}");
        assert_true_gap(&dump);
    }
}

#[test]
fn microphone_that_comes_back_with_another_format_continues_in_its_buffer() {
    let mic = odd_mic();
    for (formats, device) in [(&["U16_BE"][..], DEVICES[0]), (&["FLOAT64_LE"], DEVICES[1])] {
        let dump = without_stalls(Expected::Exactly(&["source lost"]), || {
            mic.offer(&["S20_3BE"]).unwrap();
            let mut capturing = start(device, &mic);
            capturing.wait_for_frames(RATE);
            mic.fail(Fault::Unplugged).unwrap();
            let lost = capturing.wait_for_state("lost");
            mic.offer(formats).unwrap();
            mic.heal().unwrap();
            capturing.wait_for_frames(lost.end_frame() + RATE);
            capturing.dump()
        });
        assert_whole_spans(&dump);
    }
}

#[test]
fn microphone_that_comes_back_without_samples_is_lost_with_the_name_of_its_format() {
    let mic = odd_mic();
    let mut capturing = start(DEVICES[0], &mic);
    capturing.wait_for_frames(RATE / 2);
    mic.fail(Fault::Unplugged).unwrap();
    let lost = capturing.wait_for_state("lost");
    mic.offer_encoded("IEC958_SUBFRAME_LE").unwrap();
    mic.heal().unwrap();
    capturing.wait_for_reason("only IEC958_SUBFRAME_LE; allowed: ");
    mic.offer(&["A_LAW"]).unwrap();
    capturing.wait_for_frames(lost.end_frame() + RATE / 2);
}

#[test]
fn stable_name_of_a_card_with_packed_samples_is_captured_with_all_bits() {
    let mic = VirtualMic::build_with(VirtualMicOptions { formats: &["S24_3LE"], ..Default::default() }).unwrap();
    let sysfs = tempfile::tempdir().unwrap();
    let usb = Some(("046d", "082d", Some("6B4E")));
    plug(
        sysfs.path(),
        &SoundCard { number: 1, id: "C920", place: "pci0000:00/0000:00:14.0/usb1/1-2/1-2:1.0", usb, recording: &[0] },
    );
    let mut env = mic.env_of_card("C920").unwrap();
    env.push(("CAPBUF_SYSFS".to_owned(), sysfs.path().display().to_string()));
    for locator in
        ["device:usb:046d:082d:6B4E", "device:path:pci-0000:00:14.0-usb-0:2:1.0", "device:alsa:hw:CARD=C920,DEV=0"]
    {
        let dump = without_stalls(Expected::Exactly(&[]), || {
            let mut capturing = Capturing::start(locator, &["60"], env.clone());
            capturing.wait_for_frames(RATE / 2);
            assert_eq!(capturing.exact().format, "s24", "{locator}");
            capturing.dump()
        });
        assert_eq!(position::breaks(&dump.channel(0)), [], "{locator}");
    }
}
