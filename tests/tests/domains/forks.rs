//! After a fork, writer and locks stay the parent's, and the child may read.

use capbuf::{CaptureBuffer, Error, Registry};
use capbuf_tests::Child;

use crate::worker::{DOMAIN, Folder, SOURCE, Worker, numbers};

/// Starts a process that forks; returns it, its child's id, and the buffer, opened in this process.
fn fork(folder: &Folder) -> (Worker, u32, Registry, CaptureBuffer) {
    fork_by(folder, &[])
}

fn fork_by(folder: &Folder, how: &[&str]) -> (Worker, u32, Registry, CaptureBuffer) {
    let mut command = Child::command(env!("CARGO_BIN_EXE_forks_with_writer"));
    command.args([DOMAIN, SOURCE]).args(how).env("CAPBUF_DIR", folder.path()).env("CAPBUF_GRACE", "0");
    let mut process = Worker::of(command);
    let reply = process.request("id");
    let [child, parent] = numbers(&reply)[..] else { panic!("{reply}") };
    assert_eq!(parent, u64::from(process.pid()));
    let registry = folder.open();
    let buffer = registry.get(SOURCE).expect("it was allocated before the fork");
    (process, u32::try_from(child).unwrap(), registry, buffer)
}

fn assert_held_by(buffer: &CaptureBuffer, pid: u32) {
    match buffer.writer() {
        Err(Error::WriterBusy { holder: Some(holder), .. }) => assert_eq!(holder.pid, pid),
        other => panic!("{other:?}"),
    }
}

fn opened_by(buffer: &CaptureBuffer) -> Vec<u32> {
    let mut pids: Vec<_> = buffer.opened_by().into_iter().map(|opened| opened.holder.pid).collect();
    pids.retain(|pid| *pid != std::process::id());
    pids
}

fn assert_ending_child_releases_nothing(command: &str) {
    let folder = Folder::new();
    let (mut process, _, registry, buffer) = fork(&folder);
    // The child, with the inherited handles.
    process.expect("read", "right 4000");
    process.expect_error("write 100", "Forked");
    process.expect_error("writer", "Forked");
    process.expect("read", "right 4000");
    process.expect(command, "ends");
    // The parent obeys once its child has ended.
    process.expect("id", &format!("process {}", process.pid()));
    assert_held_by(&buffer, process.pid());
    assert_eq!(opened_by(&buffer), [process.pid()]);
    process.expect("write 1000", "written 5000");
    process.expect("read", "right 5000");
    assert_eq!(registry.sweep().unwrap().buffers, 0);
    folder.assert_clean(1, 2, "parent and test have it open");
    process.expect("end", "ends");
    process.end();
    assert_eq!(opened_by(&buffer), Vec::<u32>::new());
    assert!(buffer.writer().is_ok());
    drop((buffer, registry));
    folder.assert_clean(0, 0, "the last has closed it");
}

#[test]
fn child_that_drops_inherited_handles_releases_nothing_of_its_parent() {
    assert_ending_child_releases_nothing("end");
}

#[test]
fn child_that_exits_without_dropping_releases_nothing_of_its_parent() {
    assert_ending_child_releases_nothing("_exit");
}

#[test]
fn child_that_opens_the_domain_again_can_take_the_writer_once_its_parent_dropped_it() {
    let folder = Folder::new();
    let (mut process, child, _registry, buffer) = fork(&folder);
    process.expect("reopen", "reopened");
    let refusal = process.expect_error("writer", "WriterBusy");
    assert!(refusal.contains(&format!("process {} ", process.pid())), "{refusal}");
    process.expect("parent-drops", "done");
    process.expect("writer", "writer 4000");
    assert_held_by(&buffer, child);
    process.expect("write 1000", "written 5000");
    process.expect("read", "right 5000");
    process.expect("end", "ends");
    process.expect("id", &format!("process {}", process.pid()));
    assert!(buffer.writer().is_ok(), "the child still holds the writer");
    process.end();
}

#[test]
fn writer_of_a_killed_parent_is_free_while_its_child_reads() {
    assert_child_holds_no_lock_of_its_killed_parent(&[]);
}

#[test]
fn child_without_fork_handlers_is_recognised_too() {
    assert_child_holds_no_lock_of_its_killed_parent(&["clone"]);
}

fn assert_child_holds_no_lock_of_its_killed_parent(how: &[&str]) {
    let folder = Folder::new();
    let (mut process, child, registry, buffer) = fork_by(&folder, how);
    process.expect_error("write 100", "Forked");
    process.expect("read", "right 4000");
    process.kill();
    // The child holds none of the parent's locks.
    let mut writer = buffer.writer().expect("the lease is free");
    assert_eq!(writer.next_frame(), 4000);
    writer.write(&capbuf_tests::position::samples(4000..6000)).unwrap();
    assert_eq!(opened_by(&buffer), Vec::<u32>::new());
    assert_eq!(registry.sweep().unwrap().processes, 1);
    folder.assert_clean(1, 1, "the parent's liveness lock is swept");
    let reply = process.request("id");
    assert!(reply.starts_with(&format!("process {child} child of ")), "{reply}");
    process.expect("read", "right 6000");
    process.expect_error("write 100", "Forked");
    process.expect_error("writer", "Forked");
    process.expect("reopen", "reopened");
    process.expect_error("writer", "WriterBusy");
    drop(writer);
    process.expect("writer", "writer 6000");
    assert_held_by(&buffer, child);
    process.expect("write 100", "written 6100");
    process.expect("end", "ends");
}
