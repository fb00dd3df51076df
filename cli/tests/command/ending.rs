//! The end of `capbuf record`: exit codes, messages and files.

use std::process::Stdio;

use rustix::process::Signal;

use crate::program::{Ended, Running, capbuf, names_in, run, sound};

#[test]
fn an_interrupt_ends_a_recording_gracefully() {
    for signal in [Signal::INT, Signal::TERM] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut running = Running::start(folder.path(), &["record", "tone:440"]);
        running.wait_for_line("sound", |line| line.contains("running"));
        running.signal(signal);
        let ended = running.end();
        assert_eq!((ended.code, ended.out.as_str()), (Some(0), ""), "{}", ended.err);
    }
}

#[test]
fn an_interrupt_ends_a_recording_whose_source_is_opening() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut running = Running::start(folder.path(), &["record", "file:not yet", "--retry"]);
    running.wait_for_line("a failure", |line| line.contains("opening: ") && line.contains("No such file"));
    running.signal(Signal::INT);
    assert_eq!(running.end().code, Some(0));
}

#[test]
fn retry_waits_for_a_source_that_appears_later() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut running = Running::start(folder.path(), &["record", "file:later.wav", "--retry", "--clip", "1s"]);
    running.wait_for_line("a failure", |line| line.contains("No such file"));
    // Renamed, so that the source never sees half of it.
    let made = sound(folder.path(), "made.wav");
    std::fs::rename(made, folder.path().join("later.wav")).expect("it is renamed");
    let ended = running.end();
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(ended.out.lines().count(), 1);
}

#[test]
fn a_source_that_fails_without_retry_ends_the_others() {
    let folder = tempfile::tempdir().expect("a folder");
    let ended = run(folder.path(), &["record", "tone:440", "file:not there", "--clip", "1s"]);
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    assert_eq!(ended.messages(), ["capbuf: not there: No such file or directory (os error 2)"]);
    // The tone may have started: then its clip is there, complete.
    let clips = names_in(folder.path());
    assert!(clips.len() <= 1 && clips.iter().all(|name| name.starts_with("tone-440_")), "{clips:?}");
}

#[test]
fn a_full_disk_leaves_no_partial_clip() {
    let folder = tempfile::tempdir().expect("a folder");
    // Writing beyond 16 KiB fails, as on a full disk.
    let script = "trap '' XFSZ; ulimit -f 16; exec \"$@\"";
    let program = env!("CARGO_BIN_EXE_capbuf");
    let mut shell = std::process::Command::new("bash");
    // Private: the buffer of a domain is a file, too.
    let arguments = ["record", "tone:440", "--private", "--for", "4500ms", "--clip", "1s"];
    shell.args(["-c", script, "bash", program]).args(arguments);
    let ended: Ended = shell.current_dir(folder.path()).stdin(Stdio::null()).output().expect("bash").into();
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    assert_eq!(ended.out, "");
    let messages = ended.messages();
    assert_eq!(messages.len(), 2, "{messages:?}");
    assert!(messages[0].contains("tone-440_") && messages[0].contains("may make files of 16384 bytes"), "{messages:?}");
    assert_eq!(messages[1], "capbuf: not all clips were written");
    assert_eq!(names_in(folder.path()), Vec::<String>::new());
}

/// Runs a recording whose clips go to a file system of `kib`, mounted for it alone.
fn record_with_room_for(kib: u32, folder: &std::path::Path) -> Ended {
    let mount = format!("mount -t tmpfs -o size={kib}k clips clips && \"$@\"; code=$?; ls -A clips; exit $code");
    let arguments = ["record", "tone:440", "--private", "--for", "4500ms", "--clip", "1s", "--out", "clips"];
    let namespaces: [&[&str]; 2] = [&["--user", "--map-root-user", "--mount"], &["--mount"]];
    let run = |namespace: &[&str], program: &str, arguments: &[&str]| {
        let mut command = std::process::Command::new("unshare");
        command.args(namespace).args(["sh", "-c", &mount, "sh", program]).args(arguments);
        command.current_dir(folder).stdin(Stdio::null()).output().expect("unshare")
    };
    let namespace = namespaces.into_iter().find(|namespace| run(namespace, "true", &[]).status.success());
    let namespace = namespace.expect("mounting by unshare is forbidden for users and for this test: run it as root");
    run(namespace, env!("CARGO_BIN_EXE_capbuf"), &arguments).into()
}

#[test]
fn a_clip_is_written_only_if_the_disk_has_room() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("clips")).expect("a folder");
    let ended = record_with_room_for(64, folder.path());
    assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""), "{}", ended.err);
    let messages = ended.messages();
    assert!(messages[0].contains("clips/tone-440_") && messages[0].contains("No space left"), "{messages:?}");
    assert_eq!(messages[1..], ["capbuf: not all clips were written"]);
    let ended = record_with_room_for(200, folder.path());
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let lines: Vec<_> = ended.out.lines().collect();
    assert_eq!(lines[0], format!("clips/{}", lines[1]), "the reported clip, and no other file");
}

#[test]
fn a_closed_stdout_is_not_a_failure() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut child =
        capbuf(folder.path(), &["record", "tone:440", "--for", "4s", "--clip", "500ms"]).spawn().expect("it runs");
    drop(child.stdout.take());
    let ended: Ended = child.wait_with_output().expect("it ends").into();
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(names_in(folder.path()).len(), 1, "the clip was written");
}
