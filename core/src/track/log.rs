//! A log of bounded size, which threads extend without a lock and any process may read meanwhile.
//!
//! Rows are found, claimed and published as `log_layout` describes.

use std::path::Path;

use xxhash_rust::xxh3::xxh3_64;

use super::dropped::Drop;
use super::key::{BUSY, usable};
use super::log_layout::{Layout, MAGIC, MAX_SOURCES, RECORDS, SET, Table, VERSION, header, row};
use super::outcome::Outcome;
use super::peak::Peak;
use super::stack::FRAMES;
use super::text::{end_of, put_text, start_of};
use crate::memory::{Words, copy};
use crate::sync::{AtomicU64, Ordering, fence};

/// One attempt to be logged.
pub(crate) struct Entry<'a> {
    pub(crate) source_key: u64,
    /// The name without credentials; computed only if the source is new to the log.
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
    /// Numbers new holds.
    holds: AtomicU64,
}

impl Log {
    /// The words of a log for `sources` sources.
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
        // SYNC log (publish): releases the rest of the header.
        header[header::MAGIC].store(MAGIC, Ordering::Release);
        log
    }

    /// A log of another process; `None` if it is invalid or of another version.
    pub(super) fn of_another(words: Words) -> Option<Self> {
        let header = words.all().get(..header::WORDS)?;
        // SYNC log (observe): acquires the rest of the header.
        let is_log = header[header::MAGIC].load(Ordering::Acquire) == MAGIC
            && header[header::VERSION].load(Ordering::Relaxed) == VERSION;
        let sources = usize::try_from(header[header::SOURCES].load(Ordering::Relaxed)).ok()?;
        let is_size = sources.is_power_of_two() && (SET..=MAX_SOURCES).contains(&sources);
        if !is_log || !is_size || words.all().len() < Layout::of(sources).words {
            return None;
        }
        Some(Self { words, layout: Layout::of(sources), holds: AtomicU64::new(2) })
    }

    /// A log in a file, for reading.
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

    /// Counts attempts whose line was displaced, or has none: by outcome, at no call site.
    pub(super) fn count_displaced(&self, outcome: Outcome, count: u64, last_utc_ns: u64) {
        // SYNC none: counters, read for display.
        self.all()[header::DISPLACED + outcome as usize].fetch_add(count, Ordering::Relaxed);
        self.all()[header::DISPLACED_LAST].fetch_max(last_utc_ns, Ordering::Relaxed);
        if outcome.is_attempt() {
            self.drop_counted(Drop::Attempts, count);
        }
    }

    /// Finds the row of a key, or writes it by `write` into a free row. If `gone` is set, it may
    /// displace the row that was used longest ago, after calling `gone` with it. Lock-free; racing
    /// threads may give a key two rows.
    pub(super) fn place(
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
        // SYNC row (find): a row that is found is only added to.
        if let Some(found) = set().find(|(_, row)| row[0].load(Ordering::Acquire) == key) {
            return Some(found);
        }
        // SYNC row (claim): before it is written.
        let take = |row: &[AtomicU64], expected: u64| {
            row[0].compare_exchange(expected, BUSY, Ordering::Acquire, Ordering::Relaxed).is_ok()
        };
        let publish = |row: &[AtomicU64]| {
            // SYNC row (write): a reader that sees any word written below no longer sees the old
            // key.
            fence(Ordering::Release);
            write(row);
            // SYNC row (publish): releases the content.
            row[0].store(key, Ordering::Release);
        };
        if let Some(free) = set().find(|(_, row)| row[0].load(Ordering::Relaxed) == 0 && take(row, 0)) {
            publish(free.1);
            return Some(free);
        }
        let used = used?;
        // Another thread may be faster at the oldest one; rarely.
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

    /// Records a call site once; returns its key, and its row for use in frames.
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
            // The end of a path and the beginning of a function's name are the most useful parts.
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

    /// Records a module once.
    pub(super) fn module(&self, number: usize, path: Option<&Path>) {
        let Some(row) = self.row(self.layout.modules, number) else { return };
        if row[0].load(Ordering::Relaxed) == 0
            && row[0].compare_exchange(0, BUSY, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        {
            let path = path.map(Path::to_string_lossy).unwrap_or_default();
            put_text(row, row::MODULE_BYTES, row::MODULE_PATH, &path);
            // SYNC row (publish path): releases the path.
            row[0].store(number as u64 + 2, Ordering::Release);
        }
    }

    /// Records a stack once; returns its key, or 0 without a stack or a place for it.
    fn path(&self, entry: &Entry<'_>) -> u64 {
        let frames = &entry.frames[..entry.frames.len().min(FRAMES)];
        if frames.is_empty() {
            return 0;
        }
        let key = usable(xxh3_64(bytemuck::cast_slice(frames)) ^ entry.site_key);
        let write = |row: &[AtomicU64]| {
            row[row::PATH_COUNT].store(frames.len() as u64, Ordering::Relaxed);
            let places = row[row::PATH_FRAMES..].iter();
            places.zip(frames).for_each(|(place, frame)| place.store(*frame, Ordering::Relaxed));
        };
        self.place(self.layout.paths, key, None, |_| {}, write).map_or(0, |_| key)
    }

    /// Counts and records an attempt.
    pub(super) fn add(&self, entry: &Entry<'_>) {
        let now = entry.utc_ns as u64;
        self.name(entry, now);
        self.count(entry, now, self.path(entry));
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

    fn count(&self, entry: &Entry<'_>, now: u64, path: u64) {
        let displace = |row: &[AtomicU64]| {
            let last = row[row::LINE_LAST].load(Ordering::Relaxed);
            for outcome in Outcome::ALL {
                // Swapped out: counts that a thread still adds belong to the next line, and are not
                // lost.
                let count = row[row::LINE_COUNTS + outcome as usize].swap(0, Ordering::Relaxed);
                self.count_displaced(outcome, count, last);
            }
        };
        let line = self.place(
            self.layout.lines,
            usable(entry.source_key ^ entry.site_key.rotate_left(32) ^ path.rotate_left(16)),
            Some(row::LINE_LAST),
            displace,
            |row| {
                row[row::LINE_SOURCE].store(entry.source_key, Ordering::Relaxed);
                row[row::LINE_SITE].store(entry.site_key, Ordering::Relaxed);
                row[row::LINE_PATH].store(path, Ordering::Relaxed);
                row[row::LINE_FIRST].store(now, Ordering::Relaxed);
                Peak::clear(&row[row::LINE_ALLOCATED..][..4]);
            },
        );
        let Some((_, row)) = line else { return self.count_displaced(entry.outcome, 1, now) };
        // SYNC none: counters, read for display.
        row[row::LINE_LAST].fetch_max(now, Ordering::Relaxed);
        if entry.buffer != 0 {
            row[row::LINE_BUFFER].store(entry.buffer, Ordering::Relaxed);
        }
        row[row::LINE_COUNTS + entry.outcome as usize].fetch_add(1, Ordering::Relaxed);
        match entry.outcome {
            outcome if outcome.is_allocation() => Peak::count(&row[row::LINE_ALLOCATED..][..2], entry.utc_ns),
            Outcome::Refused => Peak::count(&row[row::LINE_REFUSED..][..2], entry.utc_ns),
            _ => {}
        }
    }

    pub(crate) fn record(&self, entry: &Entry<'_>, now: u64) {
        let group = entry.source_key as usize % self.layout.groups.rows;
        let Some(counter) = self.row(self.layout.groups, group) else { return };
        let number = counter[0].fetch_add(1, Ordering::Relaxed);
        let frames = &entry.frames[..entry.frames.len().min(FRAMES)];
        // A stack is kept once for each outcome: one path that is taken again and again displaces
        // no other.
        let same = usable(xxh3_64(bytemuck::cast_slice(frames)) ^ entry.site_key ^ entry.source_key)
            .wrapping_add(entry.outcome as u64);
        let rows = || (0..RECORDS).filter_map(|at| self.row(self.layout.records, group * RECORDS + at));
        let is_same = |row: &&[AtomicU64]| {
            row[0].load(Ordering::Relaxed) != 0 && row[row::RECORD_SAME].load(Ordering::Relaxed) == same
        };
        let oldest = || rows().min_by_key(|row| row[0].load(Ordering::Relaxed));
        let known = rows().find(is_same);
        let Some(row) = known.or_else(oldest) else { return };
        let before = row[0].load(Ordering::Relaxed);
        let writing = number.wrapping_mul(2) + 1;
        // SYNC record (claim): before it is written. A writer that eight others overtook gives way:
        // the newer record stays.
        if before % 2 == 1
            || before > writing
            || row[0].compare_exchange(before, writing, Ordering::Acquire, Ordering::Relaxed).is_err()
        {
            return self.drop_counted(Drop::Record, 1);
        }
        if before > 0 && known.is_none() {
            self.drop_counted(Drop::Record, 1);
        }
        // SYNC record (write): a reader that sees any word written below no longer sees the old
        // number.
        fence(Ordering::Release);
        let set = |word: usize, value: u64| row[word].store(value, Ordering::Relaxed);
        set(row::RECORD_UTC, now);
        set(row::RECORD_DURATION, entry.duration_ns);
        set(row::RECORD_SOURCE, entry.source_key);
        set(row::RECORD_SITE, entry.site_key);
        set(row::RECORD_SAME, same);
        set(row::RECORD_WHAT, entry.outcome as u64 | (frames.len() as u64) << 8 | u64::from(entry.thread) << 32);
        let mut name = [0; 16];
        let text = start_of(entry.thread_name, name.len());
        name[..text.len()].copy_from_slice(text.as_bytes());
        copy::copy_in(&row[row::RECORD_THREAD..], 0, &name);
        frames.iter().enumerate().for_each(|(at, frame)| set(row::RECORD_FRAMES + at, *frame));
        // SYNC record (publish): releases the record.
        row[0].store(writing + 1, Ordering::Release);
    }

    /// Records that a handle is held; returns the row and its key.
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
            // SYNC row (claim hold): before it is written.
            self.row(table, *at).is_some_and(|row| {
                row[0].load(Ordering::Relaxed) == 0
                    && row[0].compare_exchange(0, BUSY, Ordering::Acquire, Ordering::Relaxed).is_ok()
            })
        });
        let Some((at, row)) = free.and_then(|at| Some((at, self.row(table, at)?))) else {
            self.drop_counted(Drop::Hold, 1);
            return None;
        };
        // SYNC row (write hold): as `write`.
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
        // SYNC row (publish hold): releases the content.
        row[0].store(key, Ordering::Release);
        Some((at, key))
    }

    /// Removes the record of a held handle.
    pub(crate) fn release(&self, at: usize, key: u64) {
        if let Some(row) = self.row(self.layout.holds, at) {
            // SYNC row (free): the content may be overwritten.
            let _ = row[0].compare_exchange(key, 0, Ordering::Release, Ordering::Relaxed);
        }
    }
}
