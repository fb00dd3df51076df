//! Buffers after their process has ended: those that last until they are removed, and no others.

use std::time::Duration;

use capbuf::{Error, Span, domains, remove_domain};
use capbuf_tests::{position, wait_until};

use crate::worker::{DEADLINE, DOMAIN, Folder, SOURCE, Worker};

#[test]
fn only_until_removed_buffers_survive_the_sweep_after_a_kill() {
    let folder = Folder::new();
    let mut open = Worker::open(&folder);
    let mut stays = Worker::open(&folder);
    open.request("allocate passing 48000 while-open");
    let ring = stays.request(&format!("allocate {SOURCE} 48000"));
    for worker in [&mut open, &mut stays] {
        worker.expect("writer", "writer 0");
        worker.expect("write 60000", "written 60000");
        worker.kill();
    }
    folder.assert_clean(2, 2, "both were killed");
    let before = domains(Some(folder.path())).unwrap();
    let info = &before[0];
    assert_eq!(before.len(), 1);
    assert_eq!(info.name, DOMAIN);
    assert_eq!(info.path, folder.domain());
    assert_eq!(info.buffers, 2);
    assert_eq!(info.processes, 0);
    assert!(info.has_dead, "dead processes are not seen");

    let registry = folder.open();
    folder.assert_clean(1, 1, "the next process opened the domain");
    assert!(!registry.contains("passing"));
    let buffer = registry.get(SOURCE).unwrap();
    assert_eq!(ring, format!("ring {}", buffer.id()));
    let segment = buffer.read(Span::Frames(12_000..60_000)).unwrap();
    assert_eq!(position::first_wrong(12_000, segment.samples().get::<i16>().unwrap()), None);
    let after = &domains(Some(folder.path())).unwrap()[0];
    assert_eq!(after.buffers, 1);
    assert_eq!(after.processes, 1);
    assert!(!after.has_dead, "dead processes are left");
    assert_eq!(after.bytes, folder.ring().metadata().unwrap().len());
}

#[test]
fn while_open_ring_ends_with_the_last_process_that_has_it_open() {
    let folder = Folder::new();
    let (mut one, mut other) = (Worker::open(&folder), Worker::open(&folder));
    one.request(&format!("allocate {SOURCE} 1000 while-open"));
    other.request(&format!("get {SOURCE}"));
    one.expect("close", "closed");
    folder.assert_clean(1, 1, "another has it open");
    one.expect(&format!("open {DOMAIN}"), "opened");
    let reply = one.request(&format!("get {SOURCE}"));
    assert!(reply.starts_with("ring "), "{reply}");
    other.kill();
    folder.assert_clean(1, 2, "killed");
    one.end();
    folder.assert_clean(0, 1, "the last process ended");
    drop(folder.open());
    folder.assert_clean(0, 0, "the next process opened and closed the domain");
}

#[test]
fn sweep_removes_buffers_of_the_dead_only() {
    let folder = Folder::new();
    let mut living = Worker::open(&folder);
    living.request("allocate living 1000 while-open");
    let registry = folder.open();
    for number in 0..3 {
        let mut dead = Worker::open(&folder);
        dead.request(&format!("allocate dead:{number} 1000 while-open"));
        dead.request("get living");
        dead.kill();
        // Before the next worker, which would sweep when it opens the domain.
        let swept = registry.sweep().unwrap();
        assert_eq!(swept.buffers, 1);
        assert_eq!(swept.processes, 1);
        assert_eq!(swept.leftovers, 0);
    }
    assert_eq!(registry.sweep().unwrap(), capbuf::Swept::default());
    folder.assert_clean(1, 2, "swept");
    assert_eq!(registry.get("living").unwrap().opened_by().len(), 2);
    living.expect("writer", "writer 0");
}

#[test]
fn removed_domain_is_gone_for_processes_that_have_it_open() {
    let folder = Folder::new();
    let mut worker = Worker::open(&folder);
    let first = worker.request(&format!("allocate {SOURCE} 1000"));
    worker.expect("writer", "writer 0");
    worker.expect("write 500", "written 500");
    remove_domain(DOMAIN, Some(folder.path())).unwrap();
    folder.assert_clean(0, 1, "a process has the domain open");
    worker.expect_error("write 1", "Removed");
    worker.expect("read 0 500", "right 500");
    let again = worker.request(&format!("allocate {SOURCE} 1000"));
    assert!(again.starts_with("ring ") && again != first, "{again}");
    worker.end();
    remove_domain(DOMAIN, Some(folder.path())).unwrap();
    assert!(!folder.domain().exists());
    assert!(domains(Some(folder.path())).unwrap().is_empty());
    assert!(matches!(remove_domain(DOMAIN, Some(folder.path())), Err(Error::NotFound { .. })));
}

#[test]
fn ring_of_a_killed_recorder_stays_for_its_grace_time() {
    let folder = Folder::new();
    let mut recorder = Worker::open_with_grace(&folder, 600);
    let ring = recorder.request(&format!("allocate {SOURCE} 48000 while-open"));
    recorder.expect("writer", "writer 0");
    recorder.expect("write 40000", "written 40000");
    recorder.kill();
    // Readers come and go, and look after it; one that is killed changes nothing.
    for _ in 0..3 {
        let mut reader = Worker::get(&folder);
        reader.expect("read 0 40000", "right 40000");
        reader.kill();
        let registry = folder.open();
        assert_eq!(registry.sweep().unwrap().buffers, 0);
        let buffer = registry.get(SOURCE).unwrap();
        assert_eq!(ring, format!("ring {}", buffer.id()));
        assert!(buffer.status().orphaned_left.is_some_and(|left| left > Duration::from_secs(300)));
    }
    assert!(domains(Some(folder.path())).unwrap()[0].has_dead);
    // The next recorder goes on, and ends it in order.
    let mut next = Worker::open_with_grace(&folder, 600);
    next.expect(&format!("allocate {SOURCE} 48000 while-open"), &ring);
    next.expect("writer", "writer 40000");
    assert_eq!(folder.open().get(SOURCE).unwrap().status().orphaned_left, None);
    next.end();
    folder.assert_clean(0, 0, "an orderly end");
}

#[test]
fn ring_of_a_killed_recorder_is_swept_when_its_grace_time_is_over() {
    let folder = Folder::new();
    let mut recorder = Worker::open_with_grace(&folder, 1);
    recorder.request(&format!("allocate {SOURCE} 48000 while-open"));
    recorder.expect("writer", "writer 0");
    recorder.kill();
    assert!(wait_until(DEADLINE, || folder.open().get(SOURCE).is_none()), "it stays");
    folder.assert_clean(0, 0, "all is swept");
}

#[test]
fn removed_domain_leaves_no_file_of_an_orphan() {
    let folder = Folder::new();
    let mut recorder = Worker::open_with_grace(&folder, 600);
    recorder.request(&format!("allocate {SOURCE} 48000 while-open"));
    recorder.expect("writer", "writer 0");
    recorder.kill();
    folder.open().sweep().unwrap();
    remove_domain(DOMAIN, Some(folder.path())).unwrap();
    assert!(!folder.domain().exists());
}
