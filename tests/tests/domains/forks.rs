//! What a process has of a domain when it forks stays its own, and the child may read.

use capbuf::{CaptureBuffer, Error, Registry};
use capbuf_tests::Child;

use crate::worker::{DOMAIN, Folder, SOURCE, Worker, numbers};

/// A process that has forked, its child's id, and the buffer, open in this process, too.
fn fork(folder: &Folder) -> (Worker, u32, Registry, CaptureBuffer) {
    let mut command = Child::command(env!("CARGO_BIN_EXE_forks_with_writer"));
    command.args([DOMAIN, SOURCE]).env("CAPBUF_DIR", folder.path());
    let mut process = Worker::of(command);
    let answer = process.ask("who");
    let [child, parent] = numbers(&answer)[..] else { panic!("{answer}") };
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

fn a_child_that_ends_takes_nothing_of_its_parent_along(by: &str) {
    let folder = Folder::new();
    let (mut process, _, registry, buffer) = fork(&folder);
    // The child, with what it inherited.
    process.expect("read", "right 4000");
    process.refused("write 100", "Forked");
    let refusal = process.refused("take", "WriterBusy");
    assert!(refusal.contains(&format!("process {} ", process.pid())), "{refusal}");
    process.expect("read", "right 4000");
    process.expect(by, "ends");
    // The parent answers once its child is gone.
    process.expect("who", &format!("process {}", process.pid()));
    assert_held_by(&buffer, process.pid());
    assert_eq!(opened_by(&buffer), [process.pid()]);
    process.expect("write 1000", "written 5000");
    process.expect("read", "right 5000");
    let swept = registry.sweep().unwrap();
    assert_eq!(swept.buffers, 0);
    folder.assert_clean(1, 2, "parent and test have it open");
    process.expect("end", "ends");
    process.end();
    assert_eq!(opened_by(&buffer), Vec::<u32>::new());
    assert!(buffer.writer().is_ok());
    drop((buffer, registry));
    folder.assert_clean(0, 0, "the last has closed it");
}

#[test]
fn a_child_that_drops_what_it_inherited_takes_nothing_of_its_parent_along() {
    a_child_that_ends_takes_nothing_of_its_parent_along("end");
}

#[test]
fn a_child_that_exits_without_a_word_takes_nothing_of_its_parent_along() {
    a_child_that_ends_takes_nothing_of_its_parent_along("_exit");
}

#[test]
fn a_child_writes_by_a_writer_of_its_own_once_its_parent_has_dropped_his() {
    let folder = Folder::new();
    let (mut process, child, _registry, buffer) = fork(&folder);
    process.refused("take", "WriterBusy");
    process.expect("parent-drops", "done");
    process.expect("take", "taken 4000");
    assert_held_by(&buffer, child);
    process.expect("write 1000", "written 5000");
    process.expect("read", "right 5000");
    process.expect("end", "ends");
    process.expect("who", &format!("process {}", process.pid()));
    assert!(buffer.writer().is_ok(), "the child has given it back");
    process.end();
}

#[test]
fn the_lease_of_a_killed_parent_is_free_at_once_while_its_child_lives_and_reads_on() {
    let folder = Folder::new();
    let (mut process, child, registry, buffer) = fork(&folder);
    process.expect("read", "right 4000");
    process.kill();
    // The child holds none of the parent's locks.
    let mut writer = buffer.writer().expect("free at once");
    assert_eq!(writer.next_frame(), 4000);
    writer.write(&capbuf_tests::position::samples(4000..6000)).unwrap();
    assert_eq!(opened_by(&buffer), Vec::<u32>::new());
    assert_eq!(registry.sweep().unwrap().processes, 1);
    folder.assert_clean(1, 1, "the parent's presence is swept");
    let answer = process.ask("who");
    assert!(answer.starts_with(&format!("process {child} child of ")), "{answer}");
    process.expect("read", "right 6000");
    process.refused("write 100", "Forked");
    process.refused("take", "WriterBusy");
    drop(writer);
    process.expect("take", "taken 6000");
    assert_held_by(&buffer, child);
    process.expect("write 100", "written 6100");
    process.expect("end", "ends");
}
