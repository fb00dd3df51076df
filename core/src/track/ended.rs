//! The sums of what ended processes did: their logs are removed, their counts stay.

use std::fs::File;

use super::contents::Contents;
use super::dropped::Drop;
use super::key::usable;
use super::log::Log;
use super::log_layout::{Layout, header, row};
use super::outcome::Outcome;
use super::text::put_text;
use crate::domain::{Domain, EndedLog, Sums};
use crate::error::Result;
use crate::memory::{Words, largest_file_bytes};
use crate::sync::{AtomicU64, Ordering};

/// Sources with sums of their own. The others are summed up together.
const SOURCES: usize = 512;
/// The key of the other sources.
pub(crate) const OTHERS: u64 = 2;
pub(super) const OTHERS_NAME: &str = "(other sources)";

/// Adds the logs of ended processes to the domain's sums and removes them, all but the newest
/// `kept` of the last day. Leaves them to another process that is doing so.
///
/// The sums are replaced whole, with a list of the logs that they contain: a process that is killed
/// before it has removed those has counted nothing twice.
pub(crate) fn sum_up_ended(domain: &Domain, kept: usize) -> Result<()> {
    let ended = domain.ended_logs(kept)?;
    if ended.is_empty() {
        return Ok(());
    }
    let Some(locked) = domain.sums_to_extend()? else { return Ok(()) };
    if let Some(summed) = replace_sums(domain, &locked, &ended) {
        return ended[..summed].iter().try_for_each(|log| domain.remove_log(&log.name).map(|_| ()));
    }
    // On a full file system they are changed in place.
    let mut sums = open(locked.file());
    let done = sums.as_ref().map(summed_logs).unwrap_or_default();
    for EndedLog { name, file, liveness } in ended {
        let contents = Log::in_file(&file).filter(|_| !done.contains(&liveness)).map(|log| Contents::of(&log));
        if sums.is_none() {
            // A log makes room for the sums.
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

/// Replaces the sums by new ones that include the first logs of `ended`; returns the number of logs
/// included. `None` if there is no room for two sums at a time.
fn replace_sums(domain: &Domain, locked: &Sums, ended: &[EndedLog]) -> Option<usize> {
    let bytes = Layout::of(SOURCES).bytes();
    let words = Words::in_new_file(&domain.make_sums(bytes).ok()?, bytes).ok()?;
    let (sums, done) = match Log::in_file(locked.file()).filter(|old| old.all().len() == words.all().len()) {
        Some(old) => {
            // SYNC none: nobody else changes the old ones, nor reads the new ones yet.
            let copied = words.all().iter().zip(old.all());
            copied.for_each(|(new, old)| new.store(old.load(Ordering::Relaxed), Ordering::Relaxed));
            (Log::of_another(words)?, summed_logs(&old))
        }
        None => (Log::new(words, SOURCES, 0, "ended processes", 0), Vec::new()),
    };
    // Summed up before, and still there.
    let is_left = |liveness: &u64| !ended.iter().any(|log| log.liveness == *liveness) && domain.has_log(*liveness);
    let mut listed: Vec<u64> = done.iter().copied().filter(is_left).collect();
    let summed = ended.len().min(sums.layout.groups.rows.saturating_sub(listed.len()));
    for log in &ended[..summed] {
        let new = Log::in_file(&log.file).filter(|_| !done.contains(&log.liveness));
        new.iter().for_each(|log| sums.add_sums(&Contents::of(log)));
        listed.push(log.liveness);
    }
    let listed = listed.into_iter().chain(std::iter::repeat(0));
    sums.rows(sums.layout.groups).zip(listed).for_each(|(place, log)| place[0].store(log, Ordering::Relaxed));
    domain.publish_sums().ok().map(|()| summed)
}

/// The logs that the sums contain, by the number of their process's liveness lock, and that may
/// still be there.
pub(crate) fn summed_logs(sums: &Log) -> Vec<u64> {
    let list = sums.rows(sums.layout.groups).map(|place| place[0].load(Ordering::Relaxed));
    list.filter(|liveness| *liveness != 0).collect()
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
                for outcome in Outcome::ALL {
                    self.count_displaced(outcome, line.counts[outcome as usize], line.last_utc_ns as u64);
                }
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
                    put_text(row, row::SOURCE_BYTES, row::SOURCE_NAME, OTHERS_NAME);
                },
            );
        }
        self.place(self.layout.lines, source, None, |_| {}, begin).map(|(_, row)| row)
    }
}

#[cfg(all(test, feature = "observe", not(loom)))]
mod tests {
    use super::*;
    use crate::Registry;
    use crate::spec::{Length, SampleFormat, Spec};

    #[test]
    fn log_that_was_summed_up_and_not_removed_is_counted_once() {
        let folder = tempfile::tempdir().unwrap();
        let open = |tracks| {
            let builder = Registry::builder().domains_folder(folder.path()).track_allocations(tracks);
            builder.open("birds").unwrap()
        };
        let outside = open(false);
        let spec = Spec::new(Length::Frames(10), 1000, 1, SampleFormat::S16).unwrap();
        let end_one = || drop(open(true).get_or_allocate("mic", spec).unwrap());
        let attempts = || outside.allocation_report().totals.attempts;
        let domain = Domain::open("birds", Some(folder.path()), 0).unwrap();
        (0..3).for_each(|_| end_one());
        for round in 0..3 {
            assert_eq!(attempts(), Some(3 + round));
            let locked = domain.sums_to_extend().unwrap().unwrap();
            // The process is killed here, with all logs still there.
            let ended = domain.ended_logs(0).unwrap();
            assert_eq!(replace_sums(&domain, &locked, &ended), Some(ended.len()));
            drop(locked);
            assert_eq!((attempts(), domain.logs().unwrap().len()), (Some(3 + round), ended.len()));
            end_one();
        }
        sum_up_ended(&domain, 0).unwrap();
        assert_eq!((attempts(), domain.logs().unwrap().len()), (Some(6), 0));
        assert_eq!(outside.allocation_report().ended_processes, 6);
    }
}
