//! A log of bounded size that any number of threads add to without a lock, and that any process can read meanwhile.
//!
//! It is one block of words, in tables of rows of one length each:
//!
//! | table | a row is |
//! |---|---|
//! | sources | a source's key and its name without credentials |
//! | lines | how often what came of a source at one call site, and when |
//! | sites | a call site |
//! | modules | the path of a file whose code is loaded |
//! | records | one attempt, with its stack; a source has eight places, the oldest go first |
//! | holds | a handle that is held |
//!
//! Rows of most tables are found by a key, in a set of eight that the key picks. The key is the row's first word: zero while the row
//! is free, one while it is written, and then what the row's text was made of, so a row that bears the key before and after it was
//! read is whole. Where all eight are taken the one that was used longest ago goes, and is counted. Records bear a number instead,
//! odd while they are written.

use std::path::Path;

use super::modules::MODULES;
use super::outcome::Outcome;
use super::stack::FRAMES;
use crate::memory::{Words, copy};
use crate::sync::{AtomicU64, Ordering, fence};

/// The first eight bytes of every log.
pub(super) const MAGIC: u64 = u64::from_le_bytes(*b"capblog\0");
/// Changes whenever the meaning or place of any word does.
pub(super) const VERSION: u64 = 1;

/// Rows among which a key may lie.
const SET: usize = if cfg!(loom) { 1 } else { 8 };
/// The places of one source's records.
const RECORDS: usize = if cfg!(loom) { 1 } else { 8 };

const BUSY: u64 = 1;

/// A key that is neither free nor busy.
pub(super) const fn usable(key: u64) -> u64 {
    if key <= BUSY { key + 2 } else { key }
}

/// The words of the header.
pub(super) mod header {
    pub(in crate::track) const MAGIC: usize = 0;
    pub(in crate::track) const VERSION: usize = 1;
    pub(in crate::track) const SOURCES: usize = 2;
    pub(in crate::track) const PID: usize = 3;
    pub(in crate::track) const CREATED: usize = 4;
    pub(in crate::track) const ENABLED: usize = 5;
    /// The first of those of [`super::Dropped`].
    pub(in crate::track) const DROPPED: usize = 8;
    pub(in crate::track) const PROGRAM_BYTES: usize = 16;
    pub(in crate::track) const PROGRAM: usize = 17;
    pub(in crate::track) const WORDS: usize = 32;
}

/// What found no place, or had to make place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
#[non_exhaustive]
pub struct Dropped {
    /// Sources that are told no more, as others were asked for since.
    pub sources: u64,
    /// Attempts that are counted no more by their source and call site.
    pub attempts: u64,
    /// Call sites of which only the number of attempts is known.
    pub call_sites: u64,
    /// Handles whose holder is not on record.
    pub holders: u64,
    /// Attempts that are counted and whose stack is on record no more.
    pub stacks: u64,
}

#[derive(Clone, Copy)]
pub(super) enum Drop {
    Source = 0,
    Attempts = 1,
    Site = 2,
    Hold = 3,
    Record = 4,
}

/// How many sources one log has room for: a bound for what it takes.
pub(super) const MAX_SOURCES: usize = 1 << 16;

/// Where a table lies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Table {
    first: usize,
    pub(super) rows: usize,
    row_words: usize,
}

/// Where everything lies, computed from the number of sources.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    pub(super) sources: Table,
    pub(super) lines: Table,
    pub(super) sites: Table,
    pub(super) modules: Table,
    /// One word each: how many records the group has had.
    groups: Table,
    pub(super) records: Table,
    pub(super) holds: Table,
    pub(super) words: usize,
}

impl Layout {
    /// Lays a log for so many sources out: a power of two.
    pub(super) fn of(sources: usize) -> Self {
        let mut words = header::WORDS;
        let mut table = |rows: usize, row_words: usize| {
            let first = words;
            words += rows * row_words;
            Table { first, rows, row_words }
        };
        let groups = if cfg!(loom) { 1 } else { (sources / 8).clamp(64, 1024) };
        // Models look at one row, and pay for all of them.
        let rows = |rows: usize| if cfg!(loom) { 1 } else { rows };
        Self {
            sources: table(sources, 32),
            lines: table(rows(2 * sources), 16),
            sites: table(rows(1024), 48),
            modules: table(rows(MODULES), 32),
            groups: table(groups, 1),
            records: table(groups * RECORDS, 32),
            holds: table(rows(2048), 8),
            words,
        }
    }

    pub(super) fn bytes(&self) -> u64 {
        (self.words * size_of::<u64>()) as u64
    }
}

/// The words of a row, by table.
pub(super) mod row {
    /// When it was used last: the row that was used longest ago goes first.
    pub(in crate::track) const SOURCE_USED: usize = 1;
    pub(in crate::track) const SOURCE_BYTES: usize = 2;
    pub(in crate::track) const SOURCE_NAME: usize = 3;

    pub(in crate::track) const LINE_SOURCE: usize = 1;
    pub(in crate::track) const LINE_SITE: usize = 2;
    pub(in crate::track) const LINE_FIRST: usize = 3;
    pub(in crate::track) const LINE_LAST: usize = 4;
    pub(in crate::track) const LINE_BUFFER: usize = 5;
    /// One for each outcome.
    pub(in crate::track) const LINE_COUNTS: usize = 6;

    /// The line in the lower half, the language in the upper one.
    pub(in crate::track) const SITE_LINE: usize = 1;
    /// A frame, if it is known by its address only.
    pub(in crate::track) const SITE_FRAME: usize = 2;
    /// The bytes of the file's path in the lower half, those of the function's name in the upper one.
    pub(in crate::track) const SITE_BYTES: usize = 3;
    pub(in crate::track) const SITE_TEXT: usize = 4;

    pub(in crate::track) const MODULE_BYTES: usize = 1;
    pub(in crate::track) const MODULE_PATH: usize = 2;

    pub(in crate::track) const RECORD_UTC: usize = 1;
    pub(in crate::track) const RECORD_DURATION: usize = 2;
    pub(in crate::track) const RECORD_SOURCE: usize = 3;
    pub(in crate::track) const RECORD_SITE: usize = 4;
    pub(in crate::track) const RECORD_BUFFER: usize = 5;
    /// The outcome in the lowest byte, the number of frames in the next one, the thread's number in the upper half.
    pub(in crate::track) const RECORD_WHAT: usize = 6;
    pub(in crate::track) const RECORD_THREAD: usize = 7;
    pub(in crate::track) const RECORD_FRAMES: usize = 9;

    pub(in crate::track) const HOLD_SOURCE: usize = 1;
    pub(in crate::track) const HOLD_BUFFER: usize = 2;
    pub(in crate::track) const HOLD_SITE: usize = 3;
    pub(in crate::track) const HOLD_SINCE: usize = 4;
    pub(in crate::track) const HOLD_THREAD: usize = 5;
}

/// A frame of a stack in one word: the number of a module in the upper 16 bits and a place in it below; or, with this number, the
/// number of a site; or, with the other, an address that is in no module.
pub(super) const FRAME_OF_SITE: u64 = 0xffff;
pub(super) const FRAME_UNKNOWN: u64 = 0xfffe;
pub(super) const FRAME_PLACE_BITS: u32 = 48;

/// One attempt, to be logged.
pub(crate) struct Entry<'a> {
    pub(crate) source_key: u64,
    /// Without credentials; asked for only if the source is new to the log.
    pub(crate) name: &'a dyn Fn() -> String,
    pub(crate) site_key: u64,
    pub(crate) buffer: u64,
    pub(crate) outcome: Outcome,
    pub(crate) utc_ns: i64,
    pub(crate) duration_ns: u64,
    pub(crate) frames: &'a [u64],
    pub(crate) thread: u32,
    pub(crate) thread_name: &'a str,
}

/// A log.
#[derive(Debug)]
pub(crate) struct Log {
    words: Words,
    pub(super) layout: Layout,
    /// Names new holds.
    holds: AtomicU64,
}

impl Log {
    /// The words of a log for so many sources.
    #[cfg(all(test, loom))]
    pub(crate) fn words(sources: usize) -> usize {
        Layout::of(sources).words
    }

    /// Begins a log in zeroed words.
    pub(crate) fn new(words: Words, sources: usize, pid: u32, program: &str, created_utc_ns: i64) -> Self {
        let log = Self { words, layout: Layout::of(sources), holds: AtomicU64::new(2) };
        let header = log.all();
        let set = |word: usize, value: u64| header[word].store(value, Ordering::Relaxed);
        set(header::VERSION, VERSION);
        set(header::SOURCES, sources as u64);
        set(header::PID, pid.into());
        set(header::CREATED, created_utc_ns as u64);
        put_text(&header[..header::WORDS], header::PROGRAM_BYTES, header::PROGRAM, program);
        // SYNC log: who sees the magic number sees the rest of the header.
        header[header::MAGIC].store(MAGIC, Ordering::Release);
        log
    }

    /// A log that another process has begun; `None` if it is none, or not of this version.
    pub(super) fn of_another(words: Words) -> Option<Self> {
        let header = words.all().get(..header::WORDS)?;
        // SYNC log: see `new`.
        let is_log = header[header::MAGIC].load(Ordering::Acquire) == MAGIC
            && header[header::VERSION].load(Ordering::Relaxed) == VERSION;
        let sources = usize::try_from(header[header::SOURCES].load(Ordering::Relaxed)).ok()?;
        let is_size = sources.is_power_of_two() && (SET..=MAX_SOURCES).contains(&sources);
        if !is_log || !is_size || words.all().len() < Layout::of(sources).words {
            return None;
        }
        Some(Self { words, layout: Layout::of(sources), holds: AtomicU64::new(2) })
    }

    /// A log in a file, to be read.
    pub(crate) fn in_file(file: &std::fs::File) -> Option<Self> {
        Self::of_another(Words::in_file(file)?)
    }

    pub(super) fn all(&self) -> &[AtomicU64] {
        self.words.all()
    }

    pub(super) fn rows(&self, table: Table) -> impl Iterator<Item = &[AtomicU64]> {
        self.all()[table.first..][..table.rows * table.row_words].chunks_exact(table.row_words)
    }

    pub(super) fn row(&self, table: Table, row: usize) -> Option<&[AtomicU64]> {
        (row < table.rows).then(|| &self.all()[table.first + row * table.row_words..][..table.row_words])
    }

    pub(super) fn set_enabled(&self, enabled: bool) {
        self.all()[header::ENABLED].store(u64::from(enabled), Ordering::Relaxed);
    }

    pub(super) fn drop_counted(&self, what: Drop, count: u64) {
        // SYNC none: a counter, read for display.
        self.all()[header::DROPPED + what as usize].fetch_add(count, Ordering::Relaxed);
    }

    /// The row of a key: found, or written by `write` into a free one, or, if rows may go, into the one that was used longest ago,
    /// after `gone` was called with it. Lock-free; where threads meet, a key may have two rows.
    fn place(
        &self,
        table: Table,
        key: u64,
        used: Option<usize>,
        gone: impl Fn(&[AtomicU64]),
        write: impl Fn(&[AtomicU64]),
    ) -> Option<(usize, &[AtomicU64])> {
        let sets = table.rows / SET;
        let first = (key as usize % sets) * SET;
        let set = || (first..first + SET).filter_map(|row| Some((row, self.row(table, row)?)));
        // SYNC row: a key is published after the row's content.
        if let Some(found) = set().find(|(_, row)| row[0].load(Ordering::Acquire) == key) {
            return Some(found);
        }
        // SYNC row: claimed before it is written.
        let take = |row: &[AtomicU64], expected: u64| {
            row[0].compare_exchange(expected, BUSY, Ordering::Acquire, Ordering::Relaxed).is_ok()
        };
        let publish = |row: &[AtomicU64]| {
            // SYNC row: a reader that meets any of what is written now doesn't meet the old key after that.
            fence(Ordering::Release);
            write(row);
            row[0].store(key, Ordering::Release);
        };
        if let Some(free) = set().find(|(_, row)| row[0].load(Ordering::Relaxed) == 0 && take(row, 0)) {
            publish(free.1);
            return Some(free);
        }
        let used = used?;
        // Somebody else may be faster at the oldest one; not often.
        for _ in 0..SET {
            let keyed = set().map(|(at, row)| (at, row, row[0].load(Ordering::Relaxed)));
            let oldest =
                keyed.filter(|(_, _, key)| *key != BUSY).min_by_key(|(_, row, _)| row[used].load(Ordering::Relaxed));
            let (at, row, old_key) = oldest?;
            if take(row, old_key) {
                gone(row);
                publish(row);
                return Some((at, row));
            }
        }
        None
    }

    /// Writes a call site down, once; its key, and its row for use in frames.
    pub(super) fn site(
        &self,
        key: u64,
        language: u64,
        frame: u64,
        file: &str,
        line: u32,
        function: &str,
    ) -> (u64, Option<usize>) {
        let key = usable(key);
        let write = |row: &[AtomicU64]| {
            let set = |word: usize, value: u64| row[word].store(value, Ordering::Relaxed);
            set(row::SITE_LINE, u64::from(line) | language << 32);
            set(row::SITE_FRAME, frame);
            let room = (row.len() - row::SITE_TEXT) * size_of::<u64>();
            // The end of a path tells more than its beginning, the beginning of a function's name more than its end.
            let function = start_of(function, room / 3);
            let file = end_of(file, room - function.len());
            set(row::SITE_BYTES, file.len() as u64 | (function.len() as u64) << 32);
            copy::copy_in(&row[row::SITE_TEXT..], 0, file.as_bytes());
            copy::copy_in(&row[row::SITE_TEXT..], file.len(), function.as_bytes());
        };
        match self.place(self.layout.sites, key, None, |_| {}, write) {
            Some((at, _)) => (key, Some(at)),
            None => {
                self.drop_counted(Drop::Site, 1);
                (0, None)
            }
        }
    }

    /// Sees to it that a module is written down.
    pub(super) fn module(&self, number: usize, path: Option<&Path>) {
        let Some(row) = self.row(self.layout.modules, number) else { return };
        if row[0].load(Ordering::Relaxed) == 0
            && row[0].compare_exchange(0, BUSY, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        {
            let path = path.map(Path::to_string_lossy).unwrap_or_default();
            put_text(row, row::MODULE_BYTES, row::MODULE_PATH, &path);
            // SYNC row: the path is there.
            row[0].store(number as u64 + 2, Ordering::Release);
        }
    }

    /// Counts and records.
    pub(super) fn add(&self, entry: &Entry<'_>) {
        let now = entry.utc_ns as u64;
        self.name(entry, now);
        self.count(entry, now);
        self.record(entry, now);
    }

    pub(crate) fn name(&self, entry: &Entry<'_>, now: u64) {
        let named = self.place(
            self.layout.sources,
            entry.source_key,
            Some(row::SOURCE_USED),
            |_| self.drop_counted(Drop::Source, 1),
            |row| put_text(row, row::SOURCE_BYTES, row::SOURCE_NAME, &(entry.name)()),
        );
        if let Some((_, row)) = named {
            row[row::SOURCE_USED].store(now, Ordering::Relaxed);
        }
    }

    fn count(&self, entry: &Entry<'_>, now: u64) {
        let attempts = |row: &[AtomicU64]| {
            let taken = |outcome: &Outcome| row[row::LINE_COUNTS + *outcome as usize].swap(0, Ordering::Relaxed);
            // Taken, so that what a thread adds that found the row before counts for the next line and isn't lost.
            let counted = Outcome::ALL.into_iter().map(|outcome| (outcome.is_attempt(), taken(&outcome)));
            counted.filter(|(is_attempt, _)| *is_attempt).map(|(_, count)| count).sum::<u64>()
        };
        let line = self.place(
            self.layout.lines,
            usable(entry.source_key ^ entry.site_key.rotate_left(32)),
            Some(row::LINE_LAST),
            |row| self.drop_counted(Drop::Attempts, attempts(row)),
            |row| {
                row[row::LINE_SOURCE].store(entry.source_key, Ordering::Relaxed);
                row[row::LINE_SITE].store(entry.site_key, Ordering::Relaxed);
                row[row::LINE_FIRST].store(now, Ordering::Relaxed);
            },
        );
        let Some((_, row)) = line else { return self.drop_counted(Drop::Attempts, 1) };
        // SYNC none: counters, read for display.
        row[row::LINE_LAST].fetch_max(now, Ordering::Relaxed);
        if entry.buffer != 0 {
            row[row::LINE_BUFFER].store(entry.buffer, Ordering::Relaxed);
        }
        row[row::LINE_COUNTS + entry.outcome as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn record(&self, entry: &Entry<'_>, now: u64) {
        let group = entry.source_key as usize % self.layout.groups.rows;
        let Some(counter) = self.row(self.layout.groups, group) else { return };
        let number = counter[0].fetch_add(1, Ordering::Relaxed);
        let Some(row) = self.row(self.layout.records, group * RECORDS + number as usize % RECORDS) else { return };
        let before = row[0].load(Ordering::Relaxed);
        let writing = number.wrapping_mul(2) + 1;
        // SYNC record: claimed before it is written. One who was overtaken by eight others, or is writing there still: the newer one stays.
        if before % 2 == 1
            || before > writing
            || row[0].compare_exchange(before, writing, Ordering::Acquire, Ordering::Relaxed).is_err()
        {
            return self.drop_counted(Drop::Record, 1);
        }
        if before > 0 {
            self.drop_counted(Drop::Record, 1);
        }
        // SYNC record: a reader that meets any of what is written now doesn't meet the old number after that.
        fence(Ordering::Release);
        let set = |word: usize, value: u64| row[word].store(value, Ordering::Relaxed);
        let frames = &entry.frames[..entry.frames.len().min(FRAMES)];
        set(row::RECORD_UTC, now);
        set(row::RECORD_DURATION, entry.duration_ns);
        set(row::RECORD_SOURCE, entry.source_key);
        set(row::RECORD_SITE, entry.site_key);
        set(row::RECORD_BUFFER, entry.buffer);
        set(row::RECORD_WHAT, entry.outcome as u64 | (frames.len() as u64) << 8 | u64::from(entry.thread) << 32);
        let mut name = [0; 16];
        let text = start_of(entry.thread_name, name.len());
        name[..text.len()].copy_from_slice(text.as_bytes());
        copy::copy_in(&row[row::RECORD_THREAD..], 0, &name);
        frames.iter().enumerate().for_each(|(at, frame)| set(row::RECORD_FRAMES + at, *frame));
        // SYNC record: whole.
        row[0].store(writing + 1, Ordering::Release);
    }

    /// Notes that a handle is held; where it is noted, and by which key.
    pub(crate) fn hold(
        &self,
        source_key: u64,
        buffer: u64,
        site_key: u64,
        utc_ns: i64,
        thread: u32,
    ) -> Option<(usize, u64)> {
        let table = self.layout.holds;
        let key = self.holds.fetch_add(1, Ordering::Relaxed);
        let from = key as usize % table.rows;
        let free = (from..table.rows).chain(0..from).find(|at| {
            // SYNC row: as in `place`.
            self.row(table, *at).is_some_and(|row| {
                row[0].load(Ordering::Relaxed) == 0
                    && row[0].compare_exchange(0, BUSY, Ordering::Acquire, Ordering::Relaxed).is_ok()
            })
        });
        let Some((at, row)) = free.and_then(|at| Some((at, self.row(table, at)?))) else {
            self.drop_counted(Drop::Hold, 1);
            return None;
        };
        // SYNC row: as in `place`.
        fence(Ordering::Release);
        for (word, value) in [
            (row::HOLD_SOURCE, source_key),
            (row::HOLD_BUFFER, buffer),
            (row::HOLD_SITE, site_key),
            (row::HOLD_SINCE, utc_ns as u64),
            (row::HOLD_THREAD, thread.into()),
        ] {
            row[word].store(value, Ordering::Relaxed);
        }
        // SYNC row: published.
        row[0].store(key, Ordering::Release);
        Some((at, key))
    }

    /// Takes back that a handle is held.
    pub(crate) fn release(&self, at: usize, key: u64) {
        if let Some(row) = self.row(self.layout.holds, at) {
            // SYNC row: free again.
            let _ = row[0].compare_exchange(key, 0, Ordering::Release, Ordering::Relaxed);
        }
    }
}

fn start_of(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

fn end_of(text: &str, bytes: usize) -> &str {
    &text[text.ceil_char_boundary(text.len().saturating_sub(bytes))..]
}

/// Writes a text into a row, cut where the row ends, and its length before it.
fn put_text(row: &[AtomicU64], bytes: usize, first: usize, text: &str) {
    let room = (row.len() - first) * size_of::<u64>();
    let text = start_of(text, room);
    row[bytes].store(text.len() as u64, Ordering::Relaxed);
    copy::copy_in(&row[first..], 0, text.as_bytes());
}

/// Reads a row's text. Never more than the row holds, and nothing that a terminal would act upon: another process wrote it.
pub(super) fn text(row: &[AtomicU64], first: usize, skip: usize, bytes: usize) -> String {
    let Some(words) = row.get(first..) else { return String::new() };
    let room = size_of_val(words);
    let skip = skip.min(room);
    let mut text = vec![0; bytes.min(room - skip)];
    copy::copy_out(words, skip, &mut text);
    String::from_utf8_lossy(&text).chars().map(|char| if char.is_control() { '?' } else { char }).collect()
}
