//! The virtual microphone, checked by arecord.

use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use capbuf_tests::alsa_format::{AlsaFormat, first_wrong_of_loop, noise};
use capbuf_tests::{Child, Fault, OddMic, OddMics, Recorder, VirtualMic, VirtualMicOptions, position, wait_until};

use crate::{DEADLINE, RATE};

fn arecord(mic: &VirtualMic, format: &str, channels: u32) -> Command {
    let mut command = Child::command("arecord");
    // A buffer of at least half a second: a late recorder causes no overrun of its own.
    command.args(["-D", VirtualMic::DEVICE, "-q", "-t", "raw", "-r", "48000", "--buffer-time=500000"]);
    command.args(["-f", format, "-c", &channels.to_string()]).envs(mic.env());
    command
}

fn now_ns() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    now.as_nanos().try_into().expect("before 2262")
}

#[test]
fn arecord_hears_the_virtual_mic_without_a_break_at_its_true_time() {
    let mic = VirtualMic::build().unwrap();
    let before_ns = now_ns();
    let recorder = Recorder::start(arecord(&mic, "S16_LE", 1)).unwrap();
    let samples = recorder.wait_for_sound(2 * RATE, DEADLINE).unwrap();
    assert_eq!(position::breaks(&samples), []);

    let first_ns = mic.time_ns(samples[0], before_ns);
    let last_ns = mic.time_ns(samples[2 * RATE - 1], first_ns + 2_000_000_000);
    assert!(first_ns >= before_ns - 1_000_000, "a sample from before the recording: {first_ns} < {before_ns}");
    assert!(last_ns <= now_ns(), "a sample from the future: {last_ns}");
    assert!((last_ns - first_ns - 2_000_000_000).abs() < 100_000, "{} ns for 2 s", last_ns - first_ns);
}

#[test]
fn virtual_mic_offers_two_channels_and_wider_samples() {
    let mic = VirtualMic::build().unwrap();
    let from_s32 = |bytes| (i32::from_le_bytes(bytes) >> 16) as i16;
    let from_float = |bytes| (f32::from_le_bytes(bytes) * 32_768.0) as i16;
    for (format, convert) in [("S32_LE", from_s32 as fn([u8; 4]) -> i16), ("FLOAT_LE", from_float)] {
        let mut command = arecord(&mic, format, 2);
        let output = command.args(["-d", "1"]).output().unwrap();
        let samples: Vec<i16> = output.stdout.as_chunks().0.iter().copied().map(convert).collect();
        assert_eq!(samples.len(), 2 * RATE, "{format}: {}", String::from_utf8_lossy(&output.stderr));
        let (frames, _) = samples.as_chunks::<2>();
        assert!(frames.iter().all(|[left, right]| left == right), "{format}");
        assert_eq!(position::breaks(&frames.iter().map(|[left, _]| *left).collect::<Vec<_>>()), [], "{format}");
    }
}

#[test]
fn alsa_reads_every_format_of_the_odd_mics_as_expected() {
    let formats = AlsaFormat::all();
    let mics: Vec<_> = formats.iter().map(|format| OddMic::new(format.name, &[format.name])).collect();
    let mics = OddMics::build(&mics).unwrap();
    for format in formats {
        let mut command = Child::command("arecord");
        command.args(["-q", "-t", "raw", "-r", "48000", "-f", "S32_LE", "-c", "1", "--samples=2000", "-D"]);
        let output = command.arg(format!("plug-{}", format.name)).envs(mics.env()).output().unwrap();
        let samples: Vec<i32> = output.stdout.as_chunks().0.iter().copied().map(i32::from_le_bytes).collect();
        assert_eq!(samples.len(), 2000, "{}: {}", format.name, String::from_utf8_lossy(&output.stderr));
        // These are not rounded to the floats of a buffer here.
        let expected = if format.name.starts_with("FLOAT64") { noise() } else { format.heard(&noise()) };
        assert_eq!(first_wrong_of_loop(&expected, &samples), Ok(None), "{}", format.name);
    }
}

#[test]
fn fast_clock_yields_more_samples_a_second() {
    let options = VirtualMicOptions { clock_error_ppm: 50_000, ..VirtualMicOptions::default() };
    let mic = VirtualMic::build_with(options).unwrap();
    let before_ns = now_ns();
    let recorder = Recorder::start(arecord(&mic, "S16_LE", 1)).unwrap();
    let samples = recorder.wait_for_sound(2 * RATE, DEADLINE).unwrap();
    let first_ns = mic.time_ns(samples[0], before_ns);
    let last_ns = mic.time_ns(samples[2 * RATE - 1], first_ns + 1_900_000_000);
    let expected_ns = 2_000_000_000 * 100 / 105;
    assert!((last_ns - first_ns - expected_ns).abs() < 100_000, "{} ns", last_ns - first_ns);
    assert!(last_ns <= now_ns(), "a sample from the future: {last_ns}");
}

#[test]
fn each_overrun_loses_a_buffer_of_samples() {
    let mic = VirtualMic::build().unwrap();
    let recorder = Recorder::start(arecord(&mic, "S16_LE", 1)).unwrap();
    for overruns in 1..=2 {
        let known = recorder.samples().len();
        recorder.wait_for_sound(known + RATE / 4, DEADLINE).unwrap();
        mic.fail(Fault::Overrun).unwrap();
        assert!(wait_until(DEADLINE, || position::breaks(&recorder.samples()).len() >= overruns), "overrun {overruns}");
    }
    let breaks = position::breaks(&recorder.samples());
    assert!(breaks[0].missing as usize >= RATE / 2, "less than the buffer of half a second was lost: {breaks:?}");
}

#[test]
fn stalled_mic_is_silent_without_an_error_until_healed() {
    let mic = VirtualMic::build().unwrap();
    let mut recorder = Recorder::start(arecord(&mic, "S16_LE", 1)).unwrap();
    recorder.wait_for_sound(RATE / 4, DEADLINE).unwrap();
    mic.fail(Fault::Stall).unwrap();
    let stalled = recorder.wait_for_silence(DEADLINE).expect("samples still come");
    let stalled_ns = now_ns();
    assert!(recorder.program.is_running(), "the stall was an error");

    // The signal sounds on; more than the buffer of 0.8 s is lost.
    assert!(wait_until(DEADLINE, || now_ns() > stalled_ns + 1_000_000_000));
    mic.heal().unwrap();
    recorder.wait_for_sound(stalled + RATE / 4, DEADLINE).unwrap();
    assert!(!position::breaks(&recorder.samples()).is_empty(), "audio of the stall was heard");
}

#[test]
fn unplugged_mic_is_gone_until_it_is_opened_again() {
    let mic = VirtualMic::build().unwrap();
    let mut recorder = Recorder::start(arecord(&mic, "S16_LE", 1)).unwrap();
    recorder.wait_for_sound(RATE / 4, DEADLINE).unwrap();
    mic.fail(Fault::Unplugged).unwrap();
    let status = recorder.program.wait(DEADLINE).expect("arecord did not notice");
    assert!(!status.success());
    assert!(recorder.program.stderr().contains("No such device"), "{}", recorder.program.stderr());

    let again = arecord(&mic, "S16_LE", 1).output().unwrap();
    assert!(String::from_utf8_lossy(&again.stderr).contains("No such device"));
    mic.heal().unwrap();
    Recorder::start(arecord(&mic, "S16_LE", 1)).unwrap().wait_for_sound(RATE / 4, DEADLINE).unwrap();
}

#[test]
fn busy_mic_cannot_be_opened() {
    let mic = VirtualMic::build().unwrap();
    mic.fail(Fault::Busy).unwrap();
    let output = arecord(&mic, "S16_LE", 1).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("busy"), "{output:?}");
}
