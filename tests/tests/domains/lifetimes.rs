//! What stays of a process that is gone: what it was told to leave, and nothing else.

use capbuf::{Error, Span, domains, remove_domain};
use capbuf_tests::position;

use crate::worker::{DOMAIN, Folder, SOURCE, Worker};

#[test]
fn of_a_killed_process_the_audio_stays_that_was_to_stay_and_the_next_to_open_the_domain_sweeps_the_rest() {
    let folder = Folder::new();
    let mut open = Worker::open(&folder);
    let mut stays = Worker::open(&folder);
    open.ask("allocate passing 48000 while-open");
    let ring = stays.ask(&format!("allocate {SOURCE} 48000"));
    for worker in [&mut open, &mut stays] {
        worker.expect("writer", "writer 0");
        worker.expect("write 60000", "written 60000");
        worker.kill();
    }
    folder.assert_clean(2, 2, "both were killed");
    let before = domains(Some(folder.path())).unwrap();
    let info = &before[0];
    assert_eq!((before.len(), &*info.name, &info.path), (1, DOMAIN, &folder.domain()));
    assert_eq!((info.buffers, info.processes, info.has_dead), (2, 0, true));

    let registry = folder.open();
    folder.assert_clean(1, 1, "opened by the next");
    assert!(!registry.contains("passing"));
    let buffer = registry.get(SOURCE).unwrap();
    assert_eq!(ring, format!("ring {}", buffer.id()));
    let segment = buffer.read(Span::Frames(12_000..60_000)).unwrap();
    assert_eq!(position::first_wrong(12_000, segment.samples().get::<i16>().unwrap()), None);
    let after = &domains(Some(folder.path())).unwrap()[0];
    assert_eq!((after.buffers, after.processes, after.has_dead), (1, 1, false));
    assert_eq!(after.bytes, folder.ring().metadata().unwrap().len());
}

#[test]
fn a_ring_that_stays_while_it_is_open_goes_with_the_last_process_that_has_it_open() {
    let folder = Folder::new();
    let (mut one, mut other) = (Worker::open(&folder), Worker::open(&folder));
    one.ask(&format!("allocate {SOURCE} 1000 while-open"));
    other.ask(&format!("get {SOURCE}"));
    one.expect("close", "closed");
    folder.assert_clean(1, 1, "another has it open");
    one.expect(&format!("open {DOMAIN}"), "opened");
    let answer = one.ask(&format!("get {SOURCE}"));
    assert!(answer.starts_with("ring "), "{answer}");
    other.kill();
    folder.assert_clean(1, 2, "killed");
    one.end();
    folder.assert_clean(0, 1, "the last one that lived took it along");
    drop(folder.open());
    folder.assert_clean(0, 0, "and the next one the rest");
}

#[test]
fn sweeping_takes_what_the_dead_left_and_leaves_what_the_living_have() {
    let folder = Folder::new();
    let mut living = Worker::open(&folder);
    living.ask("allocate living 1000 while-open");
    let registry = folder.open();
    for number in 0..3 {
        let mut dead = Worker::open(&folder);
        dead.ask(&format!("allocate dead:{number} 1000 while-open"));
        dead.ask("get living");
        dead.kill();
        // The next one that opens the domain would sweep it.
        let swept = registry.sweep().unwrap();
        assert_eq!((swept.buffers, swept.processes, swept.leftovers), (1, 1, 0));
    }
    assert_eq!(registry.sweep().unwrap(), capbuf::Swept::default());
    folder.assert_clean(1, 2, "swept");
    assert_eq!(registry.get("living").unwrap().opened_by().len(), 2);
    living.expect("writer", "writer 0");
}

#[test]
fn a_removed_domain_is_gone_also_for_the_processes_that_have_it_open() {
    let folder = Folder::new();
    let mut worker = Worker::open(&folder);
    let first = worker.ask(&format!("allocate {SOURCE} 1000"));
    worker.expect("writer", "writer 0");
    worker.expect("write 500", "written 500");
    remove_domain(DOMAIN, Some(folder.path())).unwrap();
    folder.assert_clean(0, 1, "its folder stays while a process has it open");
    worker.refused("write 1", "Removed");
    worker.expect("read 0 500", "right 500");
    let again = worker.ask(&format!("allocate {SOURCE} 1000"));
    assert!(again.starts_with("ring ") && again != first, "{again}");
    worker.end();
    remove_domain(DOMAIN, Some(folder.path())).unwrap();
    assert!(!folder.domain().exists());
    assert!(domains(Some(folder.path())).unwrap().is_empty());
    assert!(matches!(remove_domain(DOMAIN, Some(folder.path())), Err(Error::NotFound { .. })));
}
