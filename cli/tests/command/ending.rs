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
    let arguments = ["record", "tone:440", "--private", "--for", "1500ms", "--clip", "1s"];
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

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut child =
        capbuf(folder.path(), &["record", "tone:440", "--for", "1s", "--clip", "500ms"]).spawn().expect("it runs");
    drop(child.stdout.take());
    let ended: Ended = child.wait_with_output().expect("it ends").into();
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(names_in(folder.path()).len(), 1, "the clip was written all the same");
}
