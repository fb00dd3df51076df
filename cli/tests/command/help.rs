//! Help, version, completions and devices.

use std::process::Stdio;

use crate::program::{Ended, capbuf, run};
use crate::sound_cards::{SoundCard, plug};

fn stdout_of(arguments: &[&str]) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let ended = run(folder.path(), arguments);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{arguments:?}");
    ended.out
}

const COMMANDS: [&str; 11] =
    ["record", "run", "list", "status", "top", "clip", "calibrate", "remove", "domains", "devices", "completions"];

#[test]
fn help_lists_commands_exit_codes_and_examples() {
    let help = stdout_of(&["--help"]);
    for part in COMMANDS.into_iter().chain(["--domain <NAME>", "Exit codes:\n  0  "]) {
        assert!(help.contains(part), "{part} is not in:\n{help}");
    }
    for command in COMMANDS {
        let help = stdout_of(&[command, "--help"]);
        assert!(help.contains(&format!("Examples:\n  capbuf {command}")), "{help}");
        let too_wide: Vec<_> = help.lines().filter(|line| line.chars().count() > 100).collect();
        assert_eq!(too_wide, Vec::<&str>::new());
    }
}

#[test]
fn the_version_is_that_of_the_package() {
    assert_eq!(stdout_of(&["--version"]), format!("capbuf {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn completions_contain_the_commands() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = stdout_of(&["completions", shell]);
        assert!(script.contains("capbuf") && script.contains("retry"), "{shell}");
        assert!(COMMANDS.iter().all(|command| script.contains(command)), "{shell}");
    }
}

#[test]
fn the_bash_completions_are_valid_bash() {
    let script = stdout_of(&["completions", "bash"]);
    let checked = std::process::Command::new("bash").args(["-n", "-c", &script]).output().expect("bash");
    assert!(checked.status.success() && checked.stderr.is_empty());
}

#[test]
fn devices_are_listed_by_their_locators() {
    let folder = tempfile::tempdir().expect("a folder");
    // Without a sound server, ALSA's own devices are listed.
    let mut command = capbuf(folder.path(), &["devices"]);
    let ended: Ended = command
        .env("PULSE_SERVER", "unix:/nowhere")
        .env("XDG_RUNTIME_DIR", "/nowhere")
        .output()
        .expect("it runs")
        .into();
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(ended.out.lines().all(|line| line.starts_with("device:alsa:") && line.contains('\t')), "{}", ended.out);
    assert!(ended.out.contains("device:alsa:null\t"), "{}", ended.out);
}

#[test]
fn names_that_survive_a_reboot_are_listed_first() {
    let (folder, sysfs) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let webcam = SoundCard {
        number: 3,
        id: "C920",
        place: "pci0000:00/0000:00:14.0/usb1/1-2/1-2:1.0",
        usb: Some(("046d", "082d", Some("6B4E3E9F"))),
        recording: &[0],
    };
    plug(sysfs.path(), &webcam);
    let run = |arguments: &[&str]| -> Ended {
        let mut command = capbuf(folder.path(), arguments);
        command.env("PULSE_SERVER", "unix:/nowhere").env("XDG_RUNTIME_DIR", "/nowhere");
        command.env("CAPBUF_SYSFS", sysfs.path()).output().expect("it runs").into()
    };
    let listed = run(&["devices"]);
    let lines: Vec<_> = listed.out.lines().filter(|line| !line.ends_with("(default)")).collect();
    assert_eq!(lines[0], "device:usb:046d:082d:6B4E3E9F\tMaker Thing, now hw:CARD=C920,DEV=0");
    assert_eq!(lines[1], "device:path:pci-0000:00:14.0-usb-0:2:1.0\tMaker Thing, now hw:CARD=C920,DEV=0");
    assert!(lines[2..].iter().all(|line| line.starts_with("device:alsa:")), "{lines:?}");
    // A device of the same kind with another serial number does not match.
    let refused = run(&["record", "device:usb:046d:082d:other", "--for", "1s"]);
    let words = "no alsa device \"usb:046d:082d:other\" to record from; there is: usb:046d:082d:6B4E3E9F, path:pci-";
    assert!(refused.code == Some(1) && refused.err.contains(words), "{}", refused.err);
}

#[test]
fn a_closed_stdout_is_no_failure_of_any_command() {
    let folder = tempfile::tempdir().expect("a folder");
    for arguments in [&["devices"][..], &["completions", "bash"], &["--help"]] {
        let mut child = capbuf(folder.path(), arguments).stderr(Stdio::piped()).spawn().expect("it runs");
        drop(child.stdout.take());
        let ended: Ended = child.wait_with_output().expect("it ends").into();
        assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.err);
        assert!(!ended.err.contains("panicked"), "{}", ended.err);
    }
}
