use std::io::Read as _;
use std::process::Stdio;

use capbuf_tests::{Child, wait_until};

use crate::DEADLINE;

#[test]
fn rigs_end_with_a_process_that_is_killed() {
    let mut command = Child::command(env!("CARGO_BIN_EXE_rigs_until_killed"));
    // Who is killed does not tidy up.
    let folder = tempfile::tempdir().unwrap();
    command.env("TMPDIR", folder.path());
    command.stdout(Stdio::piped());
    let mut victim = Child::start(command).unwrap();
    let mut output = victim.take_stdout().expect("its standard output");
    let (mut said, mut chunk) = (String::new(), [0; 4096]);
    while !said.contains("stand") {
        let count = output.read(&mut chunk).unwrap();
        assert!(count > 0, "it ended: {said}{}", victim.complaints());
        said += &String::from_utf8_lossy(&chunk[..count]);
    }

    let children = children_of(victim.id());
    assert_eq!(children.len(), 3, "pulseaudio, pacat, the RTSP server");
    victim.kill();
    for child in children {
        assert!(wait_until(DEADLINE, || has_ended(child)), "process {child} outlived its test");
    }
}

/// A process that has ended stays listed, as a zombie, until its new parent cares.
fn has_ended(process: u32) -> bool {
    match std::fs::read_to_string(format!("/proc/{process}/stat")) {
        Ok(stat) => stat.contains(") Z "),
        Err(_) => true,
    }
}

fn children_of(process: u32) -> Vec<u32> {
    let tasks = std::fs::read_dir(format!("/proc/{process}/task")).expect("it runs");
    let lists = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<_>>()).collect()
}
