//! Readers killed at any moment hold nothing and disturb no other process.

use std::collections::BTreeSet;
use std::time::Duration;

use capbuf::{AllocateOptions, Lifetime, SourceState};
use capbuf_tests::wait_until;

use crate::worker::{DEADLINE, DOMAIN, Folder, SOURCE, Worker, spec};

/// More than the list of holders has room for, so marks of the dead must be reused.
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
fn readers_beyond_the_table_are_counted_and_marks_of_dead_ones_are_reused() {
    let folder = Folder::new();
    let registry = folder.open();
    let options = AllocateOptions::new().lifetime(Lifetime::WhileOpen);
    let buffer = registry.get_or_allocate_with(SOURCE, spec(1000), &options).unwrap();
    let mut alive = Worker::get(&folder);
    // Started before any is killed, so that none sweeps marks when it opens the domain.
    let (mut last, mut recorder) = (Worker::open(&folder), Worker::open(&folder));
    let mut readers: Vec<_> = (0..130 - 2).map(|_| Worker::open(&folder)).collect();
    for reader in &mut readers {
        reader.expect(&format!("allocate {SOURCE} 1000 while-open"), &format!("ring {}", buffer.id()));
    }
    // None is refused, and none keeps a recorder out, which has no mark either.
    assert_eq!((buffer.opened_by().len(), buffer.status().unlisted_processes), (128, 2));
    recorder.expect(&format!("capture {SOURCE} 1000"), "captures");
    assert!(wait_until(DEADLINE, || buffer.frames().end > 1000), "nothing is recorded");
    assert_eq!(buffer.status().writer.map(|writer| writer.pid), Some(recorder.pid()));
    let sources = registry.sources().unwrap();
    let states: Vec<_> = sources.iter().map(|info| info.health.as_ref().map(|health| health.state)).collect();
    assert_eq!(states, [Some(SourceState::Running)]);
    assert_eq!(buffer.status().unlisted_processes, 3);
    // Killed ones count no more, listed or not; marks are reused without a sweep.
    readers.iter_mut().for_each(Worker::kill);
    recorder.kill();
    last.expect(&format!("get {SOURCE}"), &format!("ring {}", buffer.id()));
    let pids: BTreeSet<_> = buffer.opened_by().into_iter().map(|opened| opened.holder.pid).collect();
    assert_eq!(pids, BTreeSet::from([std::process::id(), alive.pid(), last.pid()]));
    assert_eq!(buffer.status().unlisted_processes, 0);
    last.kill();
    alive.kill();
}
