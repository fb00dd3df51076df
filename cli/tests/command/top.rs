//! `capbuf top`, with and without a terminal.

use std::process::{Command, Stdio};

use rustix::process::Signal;

use crate::program::{Ended, Running, domains_of, run, wait_for_audio};

#[test]
fn a_look_has_a_line_with_the_level_of_each_source() {
    let folder = tempfile::tempdir().expect("a folder");
    let recorder = Running::start(folder.path(), &["record", "tone:440", "--seconds", "20"]);
    wait_for_audio(folder.path(), "tone:440", 0.3);
    let once = run(folder.path(), &["top", "--once"]);
    assert_eq!((once.code, once.err.as_str()), (Some(0), ""));
    let lines: Vec<_> = once.out.lines().collect();
    assert!(lines[0].starts_with("default at 20") && lines[0].ends_with("Z, sources: 1"), "{lines:?}");
    assert!(lines[1].starts_with("SOURCE    LEVEL"), "{lines:?}");
    for part in ["tone:440", "[###########-]", "-6.0 dBFS", "/20 s", "running", &recorder.id().to_string()] {
        assert!(lines[2].contains(part), "{part} is not in: {}", lines[2]);
    }
    assert_eq!(lines.len(), 3);
    let twice = run(folder.path(), &["top", "--count", "2", "--every", "50ms"]);
    assert_eq!((twice.code, twice.out.lines().count()), (Some(0), 6));
    assert!(!twice.out.contains('\u{1b}'), "no escape sequences without a terminal");
}

#[test]
fn top_ends_at_an_interrupt_and_keeps_no_buffer_alive() {
    let folder = tempfile::tempdir().expect("a folder");
    let recorder = Running::start(folder.path(), &["record", "tone:440"]);
    wait_for_audio(folder.path(), "tone:440", 0.1);
    let mut top = Running::start(folder.path(), &["top", "--every", "50ms"]);
    while !top.read_line().contains("tone:440") {}
    recorder.signal(Signal::INT);
    assert_eq!(recorder.end().code, Some(0));
    while !top.read_line().ends_with(", sources: 0") {}
    top.signal(Signal::INT);
    let ended = top.end();
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
}

#[test]
fn top_is_redrawn_in_place_on_a_terminal() {
    let folder = tempfile::tempdir().expect("a folder");
    assert_eq!(run(folder.path(), &["record", "tone:440", "--for", "200ms", "--keep"]).code, Some(0));
    // `script` runs a command in a new terminal.
    let command = format!("{} top --count 2 --every 50ms", env!("CARGO_BIN_EXE_capbuf"));
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--command", &command, "/dev/null"]);
    script.env("CAPBUF_DIR", domains_of(folder.path())).env_remove("CAPBUF_DOMAIN");
    let ended: Ended = script.stdin(Stdio::null()).current_dir(folder.path()).output().expect("script").into();
    assert_eq!(ended.code, Some(0), "{}", ended.out);
    assert_eq!(ended.out.matches("\u{1b}[3A\u{1b}[J").count(), 1, "{:?}", ended.out);
    assert_eq!(ended.out.matches("tone:440").count(), 2, "{:?}", ended.out);
    assert_eq!(ended.out.matches('\u{1b}').count(), 2, "no other escape sequences: {:?}", ended.out);
}
