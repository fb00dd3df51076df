//! Readers that are killed, at whatever moment, harm nobody and hold nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use capbuf::{AllocateOptions, Lifetime};
use capbuf_tests::wait_until;

use crate::worker::{DEADLINE, DOMAIN, Folder, SOURCE, Worker, spec};

/// More than can have a buffer open at a time: dead marks are used again.
const KILLS: usize = 160;

#[test]
fn readers_killed_while_they_open_and_read_and_wait_hold_nothing_and_the_writer_goes_on() {
    let folder = Folder::new();
    let mut writer = Worker::open(&folder);
    writer.ask(&format!("allocate {SOURCE} 24000 while-open"));
    writer.expect("writer", "writer 0");
    let registry = folder.open();
    let buffer = registry.get(SOURCE).unwrap();
    writer.tell("write-forever");
    let mut kills = 0;
    while kills < KILLS {
        let begun = buffer.frames().end;
        let mut readers: Vec<_> = (0..8)
            .map(|number| {
                let mut reader = if number < 4 { Worker::get(&folder) } else { Worker::start(&folder) };
                reader.tell(&match number {
                    0 | 1 => "read-forever".to_owned(),
                    2 | 3 => format!("wait {} {}", u64::MAX / 4, u64::MAX / 4 + 100),
                    _ => format!("visit-forever {DOMAIN} {SOURCE}"),
                });
                reader
            })
            .collect();
        assert!(buffer.opened_by().len() >= 6, "{:?}", buffer.opened_by());
        for reader in &mut readers {
            std::thread::sleep(Duration::from_micros(kills as u64 * 7919 % 3000));
            reader.kill();
            kills += 1;
        }
        let alive: BTreeSet<_> = buffer.opened_by().into_iter().map(|opened| opened.holder.pid).collect();
        assert_eq!(alive, BTreeSet::from([writer.pid(), std::process::id()]), "after {kills} kills");
        assert!(wait_until(DEADLINE, || buffer.frames().end > begun), "the writer stands still");
    }
    registry.sweep().unwrap();
    folder.assert_clean(1, 2, "swept");
    // The last ones: one closes, one is killed.
    drop((buffer, registry));
    writer.kill();
    folder.assert_clean(1, 1, "the writer was killed");
    let registry = folder.open();
    assert!(!registry.contains(SOURCE));
    folder.assert_clean(0, 1, "swept when opened");
}

#[test]
fn a_place_is_found_beside_more_dead_readers_than_there_are_places() {
    let folder = Folder::new();
    let registry = folder.open();
    let options = AllocateOptions::new().lifetime(Lifetime::WhileOpen);
    let buffer = registry.get_or_allocate_with(SOURCE, spec(1000), &options).unwrap();
    let mut alive = Worker::get(&folder);
    // Started together, so that none of them sweeps the others' marks when it opens the domain.
    let mut readers: Vec<_> = (0..130 - 2).map(|_| Worker::open(&folder)).collect();
    let refused = readers.iter_mut().filter_map(|reader| {
        let answer = reader.ask(&format!("allocate {SOURCE} 1000 while-open"));
        (!answer.starts_with("ring ")).then_some(answer)
    });
    let refused: Vec<_> = refused.collect();
    assert_eq!(refused.len(), 2, "{refused:?}");
    assert!(refused[0].starts_with("error TooManyProcesses "), "{refused:?}");
    // Places are found again without any sweep.
    let mut last = readers.pop().unwrap();
    readers.iter_mut().for_each(Worker::kill);
    last.expect(&format!("get {SOURCE}"), &format!("ring {}", buffer.id()));
    let pids: BTreeSet<_> = buffer.opened_by().into_iter().map(|opened| opened.holder.pid).collect();
    assert_eq!(pids, BTreeSet::from([std::process::id(), alive.pid(), last.pid()]));
    last.kill();
    alive.kill();
}
