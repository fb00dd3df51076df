//! The sums of what ended processes did: their logs are removed, their counts stay.

use std::fs::File;

use super::contents::Contents;
use super::dropped::Drop;
use super::key::usable;
use super::log::Log;
use super::log_layout::{Layout, header, row};
use super::outcome::Outcome;
use super::text::put_text;
use crate::domain::Domain;
use crate::error::Result;
use crate::memory::{Words, largest_file_bytes};
use crate::sync::{AtomicU64, Ordering};

/// Sources with sums of their own. The others are summed up together.
const SOURCES: usize = 512;
/// The key of the other sources.
pub(crate) const OTHERS: u64 = 2;

/// Adds the logs of ended processes to the domain's sums and removes them, all but the newest
/// `kept` of the last day. Leaves them to another process that is doing so.
pub(crate) fn sum_up_ended(domain: &Domain, kept: usize) -> Result<()> {
    let ended = domain.ended_logs(kept)?;
    if ended.is_empty() {
        return Ok(());
    }
    let Some(locked) = domain.sums_to_extend()? else { return Ok(()) };
    let mut sums = open(locked.file());
    for (name, file) in ended {
        let contents = Log::in_file(&file).map(|log| Contents::of(&log));
        if sums.is_none() {
            // On a full file system a log makes room for the sums.
            drop(file);
            domain.remove_log(&name)?;
            sums = open(locked.file());
        }
        if let (Some(sums), Some(contents)) = (&sums, contents) {
            sums.add_sums(&contents);
        }
        domain.remove_log(&name)?;
    }
    Ok(())
}

/// Maps the sums, or begins them. `None` if there is no room, or this process may make no such
/// file.
fn open(file: &File) -> Option<Log> {
    let bytes = Layout::of(SOURCES).bytes();
    let is_new = file.metadata().ok()?.len() != bytes;
    if is_new && bytes > largest_file_bytes() {
        return None;
    }
    if is_new {
        file.set_len(0).ok()?;
        rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, bytes).ok()?;
    }
    let words = Words::in_new_file(file, bytes).ok()?;
    match Log::of_another(words) {
        Some(log) => Some(log),
        // New, of another version, or damaged.
        None => {
            let words = Words::in_new_file(file, bytes).ok()?;
            words.all().iter().for_each(|word| word.store(0, Ordering::Relaxed));
            Some(Log::new(words, SOURCES, 0, "ended processes", 0))
        }
    }
}

/// The number of ended processes in the sums.
pub(crate) fn ended_processes(sums: &Log) -> u64 {
    sums.all()[header::ENDED].load(Ordering::Relaxed)
}

impl Log {
    /// Adds the counts of another log, by source.
    fn add_sums(&self, contents: &Contents) {
        // SYNC none: one process adds at a time.
        let more = |word: &AtomicU64, count: u64| {
            let sum = word.load(Ordering::Relaxed).saturating_add(count);
            word.store(sum, Ordering::Relaxed);
        };
        more(&self.all()[header::ENDED], 1);
        let dropped = &contents.dropped;
        for (what, count) in [
            (Drop::Source, dropped.sources),
            (Drop::Attempts, dropped.attempts),
            (Drop::Site, dropped.call_sites),
            (Drop::Hold, dropped.holders),
            (Drop::Record, dropped.stacks),
        ] {
            more(&self.all()[header::DROPPED + what as usize], count);
        }
        for line in &contents.lines {
            let name = contents.sources.get(&line.source).map_or("", String::as_str);
            let named = self.place(
                self.layout.sources,
                usable(line.source),
                None,
                |_| {},
                |row| {
                    put_text(row, row::SOURCE_BYTES, row::SOURCE_NAME, name);
                },
            );
            let source = if named.is_some() { usable(line.source) } else { OTHERS };
            let sums = self.sums_of(source, line.first_utc_ns).or_else(|| self.sums_of(OTHERS, line.first_utc_ns));
            let Some(row) = sums else {
                let attempts = Outcome::ALL.into_iter().filter(|outcome| outcome.is_attempt());
                let attempts = attempts.fold(0_u64, |sum, outcome| sum.saturating_add(line.counts[outcome as usize]));
                more(&self.all()[header::DROPPED + Drop::Attempts as usize], attempts);
                continue;
            };
            row[row::LINE_FIRST].fetch_min(line.first_utc_ns as u64, Ordering::Relaxed);
            row[row::LINE_LAST].fetch_max(line.last_utc_ns as u64, Ordering::Relaxed);
            let counts = row[row::LINE_COUNTS..].iter().zip(line.counts);
            counts.for_each(|(word, count)| more(word, count));
            line.allocated.raise(&row[row::LINE_ALLOCATED..][..2]);
            line.refused.raise(&row[row::LINE_REFUSED..][..2]);
        }
    }

    fn sums_of(&self, source: u64, first_utc_ns: i64) -> Option<&[AtomicU64]> {
        let begin = |row: &[AtomicU64]| {
            row[row::LINE_SOURCE].store(source, Ordering::Relaxed);
            row[row::LINE_FIRST].store(first_utc_ns as u64, Ordering::Relaxed);
        };
        if source == OTHERS {
            self.place(
                self.layout.sources,
                OTHERS,
                None,
                |_| {},
                |row| {
                    put_text(row, row::SOURCE_BYTES, row::SOURCE_NAME, "(other sources)");
                },
            );
        }
        self.place(self.layout.lines, source, None, |_| {}, begin).map(|(_, row)| row)
    }
}
