//! What one process removes is removed for all, and spoils nothing that they have.

use capbuf_tests::wait_until;

use crate::worker::{DEADLINE, Folder, SOURCE, Worker};

#[test]
fn a_ring_that_one_process_removes_is_gone_for_the_others_and_read_on_by_who_has_it() {
    let folder = Folder::new();
    let (mut writer, mut reader, mut waiter) = (Worker::open(&folder), Worker::open(&folder), Worker::open(&folder));
    let first = writer.ask(&format!("allocate {SOURCE} 1000"));
    writer.expect("writer", "writer 0");
    writer.expect("write 800", "written 800");
    reader.expect(&format!("get {SOURCE}"), &first);
    waiter.expect(&format!("get {SOURCE}"), &first);
    waiter.tell("wait 800 900");
    let mut remover = Worker::open(&folder);
    remover.expect(&format!("remove {SOURCE}"), "removed");
    remover.refused(&format!("remove {SOURCE}"), "NotFound");
    folder.assert_clean(0, 4, "removed");

    let refusal = waiter.answer();
    assert!(refusal.starts_with("error Removed "), "{refusal}");
    writer.refused("write 1", "Removed");
    reader.expect("read 0 800", "right 800");
    waiter.expect(&format!("get {SOURCE}"), "none");
    // Who has no handle on it has given its memory back. The helper that commits memory may hold it for a moment.
    let maps = || std::fs::read_to_string(format!("/proc/{}/maps", waiter.pid())).unwrap();
    assert!(wait_until(DEADLINE, || !maps().contains(".ring")), "{}", maps());

    let second = waiter.ask(&format!("allocate {SOURCE} 1000"));
    assert!(second.starts_with("ring ") && second != first, "{second}");
    reader.expect("read 0 800", "right 800");
    remover.expect(&format!("get {SOURCE}"), &second);
    writer.expect("drop-writer", "dropped");
    writer.expect(&format!("get {SOURCE}"), &second);
    // The old one's writer was no writer of this one.
    waiter.expect("writer", "writer 0");
    waiter.expect("write 10", "written 10");
    writer.expect("read 0 10", "right 10");
    [writer, reader, waiter, remover].into_iter().for_each(Worker::end);
    folder.assert_clean(1, 0, "all have ended");
}

#[test]
fn rings_that_are_removed_and_made_by_many_processes_at_once_are_never_two() {
    let folder = Folder::new();
    let mut workers: Vec<_> = (0..6).map(|_| Worker::open(&folder)).collect();
    for _ in 0..100 {
        for (number, worker) in workers.iter_mut().enumerate() {
            let remove = number % 3 == 0;
            worker.tell(&if remove { format!("remove {SOURCE}") } else { format!("allocate {SOURCE} 1000") });
        }
        for (number, worker) in workers.iter_mut().enumerate() {
            let answer = worker.answer();
            let expected: &[&str] = if number % 3 == 0 { &["removed", "error NotFound "] } else { &["ring "] };
            assert!(expected.iter().any(|expected| answer.starts_with(expected)), "{answer}");
        }
        assert!(folder.files(&[".ring"]).len() <= 1);
        // Whatever came first and last, all agree on what there is now.
        let known: Vec<_> = workers.iter_mut().map(|worker| worker.ask(&format!("get {SOURCE}"))).collect();
        assert!(known.iter().all(|answer| *answer == known[0]), "{known:?}");
        assert_eq!(folder.files(&[".ring"]).len(), usize::from(known[0] != "none"));
    }
    // As fast as they can, each for itself. Two who are both about to make it would take each other's files away.
    workers.iter_mut().for_each(|worker| worker.tell(&format!("remake {SOURCE} 3000")));
    workers.iter_mut().for_each(|worker| assert_eq!(worker.answer(), "remade 3000"));
    folder.assert_clean(0, 6, "all removed");
    workers.into_iter().for_each(Worker::end);
}
