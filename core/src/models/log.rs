//! The log of a tracker: read by others while rows are written, and written over.

use std::collections::HashMap;

use loom::thread;

use super::{Defect, Model, saw};
use crate::memory::Words;
use crate::sync::Arc;
use crate::track::{Contents, Entry, Log, Outcome};

fn log() -> Log {
    Log::new(Words::on_heap(Log::words(1)), 1, 1, "", 0)
}

/// An attempt that says one number everywhere.
fn entry<'a>(number: u64, name: &'a dyn Fn() -> String, thread_name: &'a str, frames: &'a [u64]) -> Entry<'a> {
    Entry {
        source_key: number,
        name,
        site_key: number,
        buffer: number,
        outcome: Outcome::Allocated,
        utc_ns: number as i64,
        duration_ns: number,
        frames,
        thread: number as u32,
        thread_name,
    }
}

fn name_of(number: u64) -> String {
    format!("source {number}")
}

fn record(log: &Log, number: u64) {
    log.record(&entry(number, &String::new, &name_of(number), &[number]), number);
}

/// What stands in the one place there is, if it makes sense: that of one attempt, whole.
fn recorded(log: &Log) -> Option<u64> {
    let records = Contents::records(log);
    assert!(records.len() <= 1);
    let record = records.into_iter().next()?;
    let number = record.utc_ns as u64;
    let read = (record.duration_ns, record.source, record.thread.into(), record.thread_name, record.frames);
    assert_eq!(read, (number, number, number, name_of(number), vec![number]));
    Some(number)
}

/// Something is written to the log while something else is read from it, which is the number that stands there, if any.
fn read_while_written(log: Log, write: impl FnOnce(&Log) + Send + 'static, read: fn(&Log) -> Option<u64>) {
    let log = Arc::new(log);
    let theirs = Arc::clone(&log);
    let writer = thread::spawn(move || write(&theirs));
    let reader = thread::spawn(move || saw_number(read(&log)));
    writer.join().unwrap();
    reader.join().unwrap();
}

fn saw_number(number: Option<u64>) {
    saw(match number {
        Some(2) => "the old one",
        Some(_) => "the new one",
        None => "none",
    });
}

pub(super) const ALL: &[Model] = &[
    A_RECORD_THAT_IS_WRITTEN_OVER_IS_READ_WHOLE_OR_NOT,
    OF_TWO_WHO_RECORD_IN_ONE_PLACE_ONE_STAYS,
    A_NAME_THAT_MAKES_PLACE_IS_READ_WHOLE_OR_NOT,
    A_HOLD_THAT_IS_LET_GO_AND_TAKEN_AGAIN_IS_READ_WHOLE_OR_NOT,
];

const A_RECORD_THAT_IS_WRITTEN_OVER_IS_READ_WHOLE_OR_NOT: Model = Model {
    run: || {
        let log = log();
        record(&log, 2);
        read_while_written(log, |log| record(log, 3), recorded);
    },
    preemptions: 2,
    outcomes: &["the old one", "the new one"],
    planted: &[
        ("track/log.rs", "fence(Ordering::Release)", Defect::Lost),
        ("track/log.rs", "row[0].store(writing + 1, Ordering::Release)", Defect::Relaxed),
        ("track/log.rs", "row[0].compare_exchange(before, writing,", Defect::Lost),
        ("track/contents.rs", "let key = row[0].load(Ordering::Acquire)", Defect::Relaxed),
        ("track/contents.rs", "fence(Ordering::Acquire)", Defect::Lost),
    ],
};

#[test]
fn a_record_that_is_written_over_is_read_whole_or_not() {
    A_RECORD_THAT_IS_WRITTEN_OVER_IS_READ_WHOLE_OR_NOT.check();
}

const OF_TWO_WHO_RECORD_IN_ONE_PLACE_ONE_STAYS: Model = Model {
    run: || {
        let log = Arc::new(log());
        let writers = [2, 3].map(|number| {
            let log = Arc::clone(&log);
            thread::spawn(move || record(&log, number))
        });
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        let stays = recorded(&log).expect("one of them");
        assert_eq!(Contents::of(&log).dropped.stacks, 1);
        saw(if stays == 2 { "the one" } else { "the other" });
    },
    preemptions: 2,
    outcomes: &["the one", "the other"],
    planted: &[
        ("track/log.rs", "row[0].compare_exchange(before, writing,", Defect::Split),
        ("track/log.rs", "row[0].compare_exchange(before, writing,", Defect::Lost),
    ],
};

#[test]
fn of_two_who_record_in_one_place_one_stays() {
    OF_TWO_WHO_RECORD_IN_ONE_PLACE_ONE_STAYS.check();
}

fn name(log: &Log, number: u64) {
    log.name(&entry(number, &|| name_of(number), "", &[]), number);
}

fn named(log: &Log) -> Option<u64> {
    let names: HashMap<_, _> = Contents::sources(log);
    names.iter().for_each(|(number, name)| assert_eq!(*name, name_of(*number)));
    names.into_keys().next()
}

const A_NAME_THAT_MAKES_PLACE_IS_READ_WHOLE_OR_NOT: Model = Model {
    run: || {
        let log = log();
        name(&log, 2);
        read_while_written(log, |log| name(log, 3), named);
    },
    preemptions: 2,
    outcomes: &["the old one", "the new one", "none"],
    planted: &[
        ("track/log.rs", "fence(Ordering::Release)", Defect::Lost),
        ("track/log.rs", "row[0].store(key, Ordering::Release)", Defect::Relaxed),
        ("track/log.rs", "row[0].compare_exchange(expected, BUSY,", Defect::Lost),
        ("track/contents.rs", "let key = row[0].load(Ordering::Acquire)", Defect::Relaxed),
        ("track/contents.rs", "fence(Ordering::Acquire)", Defect::Lost),
    ],
};

#[test]
fn a_name_that_makes_place_is_read_whole_or_not() {
    A_NAME_THAT_MAKES_PLACE_IS_READ_WHOLE_OR_NOT.check();
}

fn hold(log: &Log, number: u64) -> Option<(usize, u64)> {
    log.hold(number, number, number, number as i64, 0)
}

fn held(log: &Log) -> Option<u64> {
    let holds = Contents::holds(log);
    let hold = holds.first()?;
    let read = (hold.buffer, hold.site, hold.since_utc_ns as u64);
    assert_eq!(read, (hold.source, hold.source, hold.source));
    Some(hold.source)
}

const A_HOLD_THAT_IS_LET_GO_AND_TAKEN_AGAIN_IS_READ_WHOLE_OR_NOT: Model = Model {
    run: || {
        let log = log();
        let (at, key) = hold(&log, 2).unwrap();
        let write = move |log: &Log| {
            log.release(at, key);
            hold(log, 3).expect("its place is free again");
        };
        read_while_written(log, write, held);
    },
    preemptions: 2,
    outcomes: &["the old one", "the new one", "none"],
    planted: &[
        ("track/log.rs", "fence(Ordering::Release)", Defect::Lost),
        ("track/log.rs", "row[0].store(key, Ordering::Release)", Defect::Relaxed),
        ("track/log.rs", "row[0].compare_exchange(key, 0, Ordering::Release", Defect::Lost),
        ("track/contents.rs", "let key = row[0].load(Ordering::Acquire)", Defect::Relaxed),
        ("track/contents.rs", "fence(Ordering::Acquire)", Defect::Lost),
    ],
};

#[test]
fn a_hold_that_is_let_go_and_taken_again_is_read_whole_or_not() {
    A_HOLD_THAT_IS_LET_GO_AND_TAKEN_AGAIN_IS_READ_WHOLE_OR_NOT.check();
}
