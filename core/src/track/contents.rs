//! The valid contents of a log at one moment.

use std::collections::HashMap;

use super::caller::Language;
use super::dropped::{Drop, Dropped};
use super::ended::{OTHERS, OTHERS_NAME};
use super::log::Log;
use super::log_layout::{Table, header, row};
use super::outcome::Outcome;
use super::peak::Peak;
use super::stack::FRAMES;
use super::text::text;
use crate::sync::{AtomicU64, Ordering, fence};

/// The valid contents of a log at one moment: another process may have stored anything.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    pub(crate) pid: u32,
    pub(crate) program: String,
    pub(crate) created_utc_ns: i64,
    pub(crate) is_enabled: bool,
    pub(crate) dropped: Dropped,
    /// Names of sources without credentials, by key.
    pub(crate) sources: HashMap<u64, String>,
    pub(crate) sites: HashMap<u64, SiteText>,
    /// Stacks, by key.
    pub(crate) paths: HashMap<u64, Vec<u64>>,
    /// Keys of call sites, by row.
    pub(crate) site_rows: Vec<u64>,
    pub(crate) modules: Vec<String>,
    pub(crate) lines: Vec<Line>,
    pub(crate) records: Vec<Record>,
    pub(crate) holds: Vec<Hold>,
}

/// A call site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SiteText {
    pub(crate) language: Option<Language>,
    pub(crate) file: String,
    pub(crate) line: u32,
    pub(crate) function: String,
    /// Its frame if it is known by address only; otherwise zero.
    pub(crate) frame: u64,
}

/// Attempts of a source at one call site.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line {
    pub(crate) source: u64,
    pub(crate) site: u64,
    /// Key of the stack; 0 without one.
    pub(crate) path: u64,
    pub(crate) first_utc_ns: i64,
    pub(crate) last_utc_ns: i64,
    pub(crate) counts: [u64; Outcome::COUNT],
    /// The most allocations within a minute.
    pub(crate) allocated: Peak,
    /// The most refusals within a minute.
    pub(crate) refused: Peak,
}

/// One attempt.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) utc_ns: i64,
    pub(crate) duration_ns: u64,
    pub(crate) source: u64,
    pub(crate) outcome: Outcome,
    pub(crate) thread: u32,
    pub(crate) thread_name: String,
    pub(crate) frames: Vec<u64>,
}

/// A held handle.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hold {
    pub(crate) source: u64,
    pub(crate) buffer: u64,
    pub(crate) site: u64,
    pub(crate) since_utc_ns: i64,
}

fn get(row: &[AtomicU64], word: usize) -> u64 {
    row[word].load(Ordering::Relaxed)
}

/// Reads a row whose key, or number, is the same before and after.
fn whole<R>(row: &[AtomicU64], is_written: impl Fn(u64) -> bool, read: impl Fn(u64) -> Option<R>) -> Option<R> {
    // A row rewritten more often is read in the next report.
    const TRIES: usize = 4;
    for _ in 0..TRIES {
        // SYNC record (read): as for rows with a key.
        // SYNC row (read key): acquires the content of the key.
        let key = row[0].load(Ordering::Acquire);
        if !is_written(key) {
            return None;
        }
        let value = read(key);
        // SYNC row (read content): orders the loads of the content before the load of the key
        // below.
        fence(Ordering::Acquire);
        if row[0].load(Ordering::Relaxed) == key {
            return value;
        }
    }
    None
}

fn is_key(key: u64) -> bool {
    key > 1
}

impl Contents {
    /// Reads a log.
    pub(crate) fn of(log: &Log) -> Self {
        let (head, layout) = (&log.all()[..header::WORDS], &log.layout);
        let dropped = |at: usize| get(head, header::DROPPED + at);
        let keyed = |table: Table| log.rows(table).map(|row| (row, row[0].load(Ordering::Relaxed)));
        let sites = keyed(layout.sites).map(|(row, key)| (key, whole(row, is_key, |_| Some(site(row)))));
        let (site_rows, sites): (Vec<_>, Vec<_>) = sites.map(|(key, site)| (key, site.map(|site| (key, site)))).unzip();
        let mut sources = Self::sources(log);
        let mut lines: Vec<_> =
            log.rows(layout.lines).filter_map(|row| whole(row, is_key, |_| Some(line(row)))).collect();
        if let Some(displaced) = displaced(head) {
            lines.push(displaced);
            sources.insert(OTHERS, OTHERS_NAME.to_owned());
        }
        Self {
            pid: get(head, header::PID) as u32,
            program: text(head, header::PROGRAM, 0, get(head, header::PROGRAM_BYTES) as usize),
            created_utc_ns: get(head, header::CREATED) as i64,
            is_enabled: get(head, header::ENABLED) == 1,
            dropped: Dropped {
                sources: dropped(Drop::Source as usize),
                attempts: dropped(Drop::Attempts as usize),
                call_sites: dropped(Drop::Site as usize),
                holders: dropped(Drop::Hold as usize),
                stacks: dropped(Drop::Record as usize),
            },
            sources,
            sites: sites.into_iter().flatten().collect(),
            paths: log
                .rows(layout.paths)
                .filter_map(|row| whole(row, is_key, |key| Some((key, path_frames(row)))))
                .collect(),
            site_rows,
            modules: log
                .rows(layout.modules)
                .map(|row| whole(row, is_key, |_| Some(path(row))).unwrap_or_default())
                .collect(),
            lines,
            records: Self::records(log),
            holds: Self::holds(log),
        }
    }

    pub(crate) fn sources(log: &Log) -> HashMap<u64, String> {
        let name = |row| text(row, row::SOURCE_NAME, 0, get(row, row::SOURCE_BYTES) as usize);
        let rows = log.rows(log.layout.sources);
        rows.filter_map(|row| whole(row, is_key, |key| Some((key, name(row))))).collect()
    }

    pub(crate) fn records(log: &Log) -> Vec<Record> {
        let is_written = |number| number > 0 && number % 2 == 0;
        log.rows(log.layout.records).filter_map(|row| whole(row, is_written, |_| record(row))).collect()
    }

    pub(crate) fn holds(log: &Log) -> Vec<Hold> {
        log.rows(log.layout.holds).filter_map(|row| whole(row, is_key, |_| Some(hold(row)))).collect()
    }
}

fn site(row: &[AtomicU64]) -> SiteText {
    let (line, bytes) = (get(row, row::SITE_LINE), get(row, row::SITE_BYTES));
    let [file, function] = [bytes & 0xffff_ffff, bytes >> 32].map(|bytes| bytes as usize);
    SiteText {
        language: Language::from_number(line >> 32),
        file: text(row, row::SITE_TEXT, 0, file),
        line: line as u32,
        function: text(row, row::SITE_TEXT, file, function),
        frame: get(row, row::SITE_FRAME),
    }
}

fn path_frames(row: &[AtomicU64]) -> Vec<u64> {
    let count = usize::try_from(get(row, row::PATH_COUNT)).unwrap_or(0).min(FRAMES);
    (0..count).map(|frame| get(row, row::PATH_FRAMES + frame)).collect()
}

fn path(row: &[AtomicU64]) -> String {
    text(row, row::MODULE_PATH, 0, get(row, row::MODULE_BYTES) as usize)
}

fn line(row: &[AtomicU64]) -> Line {
    Line {
        source: get(row, row::LINE_SOURCE),
        site: get(row, row::LINE_SITE),
        path: get(row, row::LINE_PATH),
        first_utc_ns: get(row, row::LINE_FIRST) as i64,
        last_utc_ns: get(row, row::LINE_LAST) as i64,
        counts: std::array::from_fn(|outcome| get(row, row::LINE_COUNTS + outcome)),
        allocated: Peak::of(&row[row::LINE_ALLOCATED..][..2]),
        refused: Peak::of(&row[row::LINE_REFUSED..][..2]),
    }
}

/// The counts of displaced lines; `None` if there are none.
fn displaced(head: &[AtomicU64]) -> Option<Line> {
    let counts: [u64; Outcome::COUNT] = std::array::from_fn(|outcome| get(head, header::DISPLACED + outcome));
    (counts != [0; Outcome::COUNT]).then(|| Line {
        source: OTHERS,
        site: 0,
        path: 0,
        first_utc_ns: get(head, header::CREATED) as i64,
        last_utc_ns: get(head, header::DISPLACED_LAST) as i64,
        counts,
        allocated: Peak::default(),
        refused: Peak::default(),
    })
}

fn record(row: &[AtomicU64]) -> Option<Record> {
    let what = get(row, row::RECORD_WHAT);
    let frames = ((what >> 8 & 0xff) as usize).min(FRAMES);
    let thread_name = text(row, row::RECORD_THREAD, 0, 16);
    Some(Record {
        utc_ns: get(row, row::RECORD_UTC) as i64,
        duration_ns: get(row, row::RECORD_DURATION),
        source: get(row, row::RECORD_SOURCE),
        outcome: Outcome::from_number(what & 0xff)?,
        thread: (what >> 32) as u32,
        thread_name: thread_name.trim_end_matches('?').to_owned(),
        frames: (0..frames).map(|frame| get(row, row::RECORD_FRAMES + frame)).collect(),
    })
}

fn hold(row: &[AtomicU64]) -> Hold {
    Hold {
        source: get(row, row::HOLD_SOURCE),
        buffer: get(row, row::HOLD_BUFFER),
        site: get(row, row::HOLD_SITE),
        since_utc_ns: get(row, row::HOLD_SINCE) as i64,
    }
}
