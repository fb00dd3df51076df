//! How `capbuf record` ends, and what it leaves.

use std::process::Stdio;

use rustix::process::Signal;

use crate::program::{Ended, Running, capbuf, names_in, run, sound};

#[test]
fn an_interrupt_ends_it_in_good_order() {
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
fn an_interrupt_ends_it_while_a_source_is_being_opened() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut running = Running::start(folder.path(), &["record", "file:not yet", "--retry"]);
    running.wait_for_line("a failure", |line| line.contains("opening: ") && line.contains("No such file"));
    running.signal(Signal::INT);
    assert_eq!(running.end().code, Some(0));
}

#[test]
fn with_retry_a_source_may_come_later() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut running = Running::start(folder.path(), &["record", "file:later.wav", "--retry", "--clip", "1s"]);
    running.wait_for_line("a failure", |line| line.contains("No such file"));
    // Under its name it is whole.
    let made = sound(folder.path(), "made.wav");
    std::fs::rename(made, folder.path().join("later.wav")).expect("it is renamed");
    let ended = running.end();
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(ended.out.lines().count(), 1);
}

#[test]
fn without_retry_a_source_that_fails_ends_the_others() {
    let folder = tempfile::tempdir().expect("a folder");
    let ended = run(folder.path(), &["record", "tone:440", "file:not there", "--clip", "1s"]);
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    assert_eq!(ended.complaints(), ["capbuf: not there: No such file or directory (os error 2)"]);
    // The tone may have begun, and then its clip is there: whole, like any other.
    let clips = names_in(folder.path());
    assert!(clips.len() <= 1 && clips.iter().all(|name| name.starts_with("tone-440_")), "{clips:?}");
}

#[test]
fn a_full_disk_leaves_no_half_clip() {
    let folder = tempfile::tempdir().expect("a folder");
    // Files of more than 16 KiB can't be written, as if the disk were full then.
    let script = "trap '' XFSZ; ulimit -f 16; exec \"$@\"";
    let program = env!("CARGO_BIN_EXE_capbuf");
    let mut shell = std::process::Command::new("bash");
    // In no domain: a buffer is a file, too.
    let arguments = ["record", "tone:440", "--private", "--for", "4500ms", "--clip", "1s"];
    shell.args(["-c", script, "bash", program]).args(arguments);
    let ended: Ended = shell.current_dir(folder.path()).stdin(Stdio::null()).output().expect("bash").into();
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    assert_eq!(ended.out, "");
    let complaints = ended.complaints();
    assert_eq!(complaints.len(), 2, "{complaints:?}");
    assert!(complaints[0].contains("tone-440_") && complaints[0].contains("File too large"), "{complaints:?}");
    assert_eq!(complaints[1], "capbuf: not all clips were written");
    assert_eq!(names_in(folder.path()), Vec::<String>::new());
}

/// Runs a recording whose folder of clips is a file system of so little, which only it sees.
fn record_with_room_for(kib: u32, folder: &std::path::Path) -> Ended {
    let mount = format!("mount -t tmpfs -o size={kib}k clips clips && \"$@\"; code=$?; ls -A clips; exit $code");
    let arguments = ["record", "tone:440", "--private", "--for", "4500ms", "--clip", "1s", "--out", "clips"];
    let ways: [&[&str]; 2] = [&["--user", "--map-root-user", "--mount"], &["--mount"]];
    let run = |way: &[&str], program: &str, arguments: &[&str]| {
        let mut command = std::process::Command::new("unshare");
        command.args(way).args(["sh", "-c", &mount, "sh", program]).args(arguments);
        command.current_dir(folder).stdin(Stdio::null()).output().expect("unshare")
    };
    let way = ways.into_iter().find(|way| run(way, "true", &[]).status.success());
    let way = way.expect("this system lets neither users nor this test mount anything, by unshare: run it as root");
    run(way, env!("CARGO_BIN_EXE_capbuf"), &arguments).into()
}

#[test]
fn a_disk_without_room_leaves_no_clip_and_one_with_room_has_it() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("clips")).expect("a folder");
    let ended = record_with_room_for(64, folder.path());
    assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""), "{}", ended.err);
    let complaints = ended.complaints();
    assert!(complaints[0].contains("clips/tone-440_") && complaints[0].contains("No space left"), "{complaints:?}");
    assert_eq!(complaints[1..], ["capbuf: not all clips were written"]);
    let ended = record_with_room_for(200, folder.path());
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let lines: Vec<_> = ended.out.lines().collect();
    assert_eq!(lines[0], format!("clips/{}", lines[1]), "the clip that was told, and no other file");
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut child =
        capbuf(folder.path(), &["record", "tone:440", "--for", "4s", "--clip", "500ms"]).spawn().expect("it runs");
    drop(child.stdout.take());
    let ended: Ended = child.wait_with_output().expect("it ends").into();
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(names_in(folder.path()).len(), 1, "the clip was written all the same");
}
