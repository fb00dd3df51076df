//! Readers killed at any moment hold nothing and disturb no other process.

use std::collections::BTreeSet;
use std::time::Duration;

use capbuf::{AllocateOptions, Lifetime};
use capbuf_tests::wait_until;

use crate::worker::{DEADLINE, DOMAIN, Folder, SOURCE, Worker, spec};

/// More than can have a buffer open at once, so marks of the dead must be reused.
const KILLS: usize = 160;

#[test]
fn readers_killed_while_opening_reading_or_waiting_hold_nothing() {
    let folder = Folder::new();
    let mut writer = Worker::open(&folder);
    writer.request(&format!("allocate {SOURCE} 24000 while-open"));
    writer.expect("writer", "writer 0");
    let registry = folder.open();
    let buffer = registry.get(SOURCE).unwrap();
    writer.send("write-forever");
    let mut kills = 0;
    while kills < KILLS {
        let begun = buffer.frames().end;
        let mut readers: Vec<_> = (0..8)
            .map(|number| {
                let mut reader = if number < 4 { Worker::get(&folder) } else { Worker::start(&folder) };
                reader.send(&match number {
                    0 | 1 => "read-forever".to_owned(),
                    2 | 3 => format!("wait {} {}", u64::MAX / 4, u64::MAX / 4 + 100),
                    _ => format!("visit-forever {DOMAIN} {SOURCE}"),
                });
                reader
            })
            .collect();
        assert!(buffer.opened_by().len() >= 6, "{:?}", buffer.opened_by());
        readers[2..4].iter().for_each(Worker::wait_until_it_waits);
        for reader in &mut readers {
            // Any moment of a read or visit.
            std::thread::sleep(Duration::from_micros(kills as u64 * 7919 % 3000));
            reader.kill();
            kills += 1;
        }
        let alive: BTreeSet<_> = buffer.opened_by().into_iter().map(|opened| opened.holder.pid).collect();
        assert_eq!(alive, BTreeSet::from([writer.pid(), std::process::id()]), "after {kills} kills");
        assert!(wait_until(DEADLINE, || buffer.frames().end > begun), "the writer stopped");
    }
    registry.sweep().unwrap();
    folder.assert_clean(1, 2, "swept");
    // Of the last two processes, one closes and one is killed.
    drop((buffer, registry));
    writer.kill();
    folder.assert_clean(1, 1, "the writer was killed");
    let registry = folder.open();
    assert!(!registry.contains(SOURCE));
    folder.assert_clean(0, 1, "swept when opened");
}

#[test]
fn marks_of_dead_readers_are_reused() {
    let folder = Folder::new();
    let registry = folder.open();
    let options = AllocateOptions::new().lifetime(Lifetime::WhileOpen);
    let buffer = registry.get_or_allocate_with(SOURCE, spec(1000), &options).unwrap();
    let mut alive = Worker::get(&folder);
    // Started before any is killed, so that none sweeps marks when it opens the domain.
    let mut readers: Vec<_> = (0..130 - 2).map(|_| Worker::open(&folder)).collect();
    let refused = readers.iter_mut().filter_map(|reader| {
        let reply = reader.request(&format!("allocate {SOURCE} 1000 while-open"));
        (!reply.starts_with("ring ")).then_some(reply)
    });
    let refused: Vec<_> = refused.collect();
    assert_eq!(refused.len(), 2, "{refused:?}");
    assert!(refused[0].starts_with("error TooManyProcesses "), "{refused:?}");
    // Marks are reused without a sweep.
    let mut last = readers.pop().unwrap();
    readers.iter_mut().for_each(Worker::kill);
    last.expect(&format!("get {SOURCE}"), &format!("ring {}", buffer.id()));
    let pids: BTreeSet<_> = buffer.opened_by().into_iter().map(|opened| opened.holder.pid).collect();
    assert_eq!(pids, BTreeSet::from([std::process::id(), alive.pid(), last.pid()]));
    last.kill();
    alive.kill();
}
