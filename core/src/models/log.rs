//! A tracker's log: rows read while they are written and overwritten.

use std::collections::HashMap;

use loom::thread;

use super::{Defect, Model, saw};
use crate::memory::Words;
use crate::sync::Arc;
use crate::track::{Contents, Entry, Log, Outcome};

fn log() -> Log {
    Log::new(Words::on_heap(Log::words(1)), 1, 1, "", 0)
}

/// An attempt with one number in every field.
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

/// The record in the log's one place. Fails the model if it mixes two attempts.
fn recorded(log: &Log) -> Option<u64> {
    let records = Contents::records(log);
    assert!(records.len() <= 1);
    let record = records.into_iter().next()?;
    let number = record.utc_ns as u64;
    let read = (record.duration_ns, record.source, record.thread.into(), record.thread_name, record.frames);
    assert_eq!(read, (number, number, number, name_of(number), vec![number]));
    Some(number)
}

/// Writes number 3 over number 2 on one thread while another reads.
fn read_while_written(log: Log, write: impl FnOnce(&Log) + Send + 'static, read: fn(&Log) -> Option<u64>) {
    let log = Arc::new(log);
    let (theirs, others) = (Arc::clone(&log), Arc::clone(&log));
    let writer = thread::spawn(move || write(&theirs));
    let reader = thread::spawn(move || saw_number(read(&others)));
    writer.join().unwrap();
    reader.join().unwrap();
    assert_eq!(read(&log), Some(3), "the new one stands");
}

fn saw_number(number: Option<u64>) {
    saw(match number {
        Some(2) => "the old one",
        Some(_) => "the new one",
        None => "none",
    });
}

pub(super) const ALL: &[Model] = &[OVERWRITTEN_RECORD, RACING_RECORDS, REPLACED_NAME, REUSED_HOLD];

const OVERWRITTEN_RECORD: Model = Model {
    run: || {
        let log = log();
        record(&log, 2);
        read_while_written(log, |log| record(log, 3), recorded);
    },
    preemptions: 2,
    outcomes: &["the old one", "the new one"],
    planted: &[
        ("record (write)", Defect::Lost),
        ("record (publish)", Defect::Relaxed),
        ("record (publish)", Defect::Lost),
        ("record (claim)", Defect::Lost),
        ("row (read key)", Defect::Relaxed),
        ("row (read content)", Defect::Lost),
    ],
};

#[test]
fn overwritten_record_is_read_whole_or_not_at_all() {
    OVERWRITTEN_RECORD.check();
}

const RACING_RECORDS: Model = Model {
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
    planted: &[("record (claim)", Defect::Split), ("record (claim)", Defect::Lost)],
};

#[test]
fn one_of_two_racing_records_stays() {
    RACING_RECORDS.check();
}

fn name(log: &Log, number: u64) {
    log.name(&entry(number, &|| name_of(number), "", &[]), number);
}

fn named(log: &Log) -> Option<u64> {
    let names: HashMap<_, _> = Contents::sources(log);
    names.iter().for_each(|(number, name)| assert_eq!(*name, name_of(*number)));
    names.into_keys().next()
}

const REPLACED_NAME: Model = Model {
    run: || {
        let log = log();
        name(&log, 2);
        read_while_written(log, |log| name(log, 3), named);
    },
    preemptions: 2,
    outcomes: &["the old one", "the new one", "none"],
    planted: &[
        ("row (write)", Defect::Lost),
        ("row (publish)", Defect::Relaxed),
        ("row (publish)", Defect::Lost),
        ("row (claim)", Defect::Lost),
        ("row (read key)", Defect::Relaxed),
        ("row (read content)", Defect::Lost),
    ],
};

#[test]
fn replaced_name_is_read_whole_or_not_at_all() {
    REPLACED_NAME.check();
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

const REUSED_HOLD: Model = Model {
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
        ("row (write hold)", Defect::Lost),
        ("row (publish hold)", Defect::Relaxed),
        ("row (publish hold)", Defect::Lost),
        ("row (free)", Defect::Lost),
        ("row (read key)", Defect::Relaxed),
        ("row (read content)", Defect::Lost),
    ],
};

#[test]
fn reused_hold_is_read_whole_or_not_at_all() {
    REUSED_HOLD.check();
}
