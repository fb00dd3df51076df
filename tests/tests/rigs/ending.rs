//! Rigs end with their test, even if it is killed.

use std::io::Read as _;
use std::process::Stdio;

use capbuf_tests::processes::{children_of, is_running};
use capbuf_tests::{Child, wait_until};

use crate::DEADLINE;

#[test]
fn rigs_end_with_a_killed_process() {
    let mut command = Child::command(env!("CARGO_BIN_EXE_rigs_until_killed"));
    // A killed process does not remove its temporary files.
    let folder = tempfile::tempdir().unwrap();
    command.env("TMPDIR", folder.path());
    command.stdout(Stdio::piped());
    let mut victim = Child::start(command).unwrap();
    let mut output = victim.take_stdout().expect("its standard output");
    let (mut text, mut chunk) = (String::new(), [0; 4096]);
    while !text.contains("are ready") {
        let count = output.read(&mut chunk).unwrap();
        assert!(count > 0, "it ended: {text}{}", victim.stderr());
        text += &String::from_utf8_lossy(&chunk[..count]);
    }

    let children = children_of(victim.id());
    assert_eq!(children.len(), 3, "not pulseaudio, pacat and the RTSP server: {children:?}");
    victim.kill();
    for child in children {
        assert!(wait_until(DEADLINE, || !is_running(child.pid)), "{child:?} outlived its test");
    }
}
