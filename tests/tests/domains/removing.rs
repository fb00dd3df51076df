//! A removed source is gone for all processes; their handles stay valid.

use capbuf_tests::wait_until;

use crate::worker::{DEADLINE, Folder, SOURCE, Worker};

#[test]
fn removed_ring_is_gone_for_all_and_readable_through_handles() {
    let folder = Folder::new();
    let (mut writer, mut reader, mut waiter) = (Worker::open(&folder), Worker::open(&folder), Worker::open(&folder));
    let first = writer.request(&format!("allocate {SOURCE} 1000"));
    writer.expect("writer", "writer 0");
    writer.expect("write 800", "written 800");
    reader.expect(&format!("get {SOURCE}"), &first);
    waiter.expect(&format!("get {SOURCE}"), &first);
    waiter.send("wait 800 900");
    waiter.wait_until_it_waits();
    let mut remover = Worker::open(&folder);
    remover.expect(&format!("remove {SOURCE}"), "removed");
    remover.expect_error(&format!("remove {SOURCE}"), "NotFound");
    folder.assert_clean(0, 4, "removed");

    let refusal = waiter.reply();
    assert!(refusal.starts_with("error Removed "), "{refusal}");
    writer.expect_error("write 1", "Removed");
    reader.expect("read 0 800", "right 800");
    waiter.expect(&format!("get {SOURCE}"), "none");
    // Without a handle the memory is unmapped; the helper thread may hold it for a moment.
    let maps = || std::fs::read_to_string(format!("/proc/{}/maps", waiter.pid())).unwrap();
    assert!(wait_until(DEADLINE, || !maps().contains(".ring")), "{}", maps());

    let second = waiter.request(&format!("allocate {SOURCE} 1000"));
    assert!(second.starts_with("ring ") && second != first, "{second}");
    reader.expect("read 0 800", "right 800");
    remover.expect(&format!("get {SOURCE}"), &second);
    writer.expect("drop-writer", "dropped");
    writer.expect(&format!("get {SOURCE}"), &second);
    // The old ring's writer does not hold the new ring's lease.
    waiter.expect("writer", "writer 0");
    waiter.expect("write 10", "written 10");
    writer.expect("read 0 10", "right 10");
    [writer, reader, waiter, remover].into_iter().for_each(Worker::end);
    folder.assert_clean(1, 0, "all have ended");
}

#[test]
fn racing_removals_and_allocations_never_leave_two_rings() {
    let folder = Folder::new();
    let mut workers: Vec<_> = (0..6).map(|_| Worker::open(&folder)).collect();
    for _ in 0..100 {
        for (number, worker) in workers.iter_mut().enumerate() {
            let remove = number % 3 == 0;
            worker.send(&if remove { format!("remove {SOURCE}") } else { format!("allocate {SOURCE} 1000") });
        }
        for (number, worker) in workers.iter_mut().enumerate() {
            let reply = worker.reply();
            let expected: &[&str] = if number % 3 == 0 { &["removed", "error NotFound "] } else { &["ring "] };
            assert!(expected.iter().any(|expected| reply.starts_with(expected)), "{reply}");
        }
        assert!(folder.files(&[".ring"]).len() <= 1);
        // In whatever order they ran, all processes see the same ring.
        let known: Vec<_> = workers.iter_mut().map(|worker| worker.request(&format!("get {SOURCE}"))).collect();
        assert!(known.iter().all(|reply| *reply == known[0]), "{known:?}");
        assert_eq!(folder.files(&[".ring"]).len(), usize::from(known[0] != "none"));
    }
    // At full speed, without rounds: two racing allocations could remove each other's files.
    workers.iter_mut().for_each(|worker| worker.send(&format!("remake {SOURCE} 3000")));
    workers.iter_mut().for_each(|worker| assert_eq!(worker.reply(), "remade 3000"));
    folder.assert_clean(0, 6, "all removed");
    workers.into_iter().for_each(Worker::end);
}
