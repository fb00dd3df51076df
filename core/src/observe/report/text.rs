//! A report as text.

use std::fmt;

use super::{AllocationReport, Attempts, CallSite, HolderReport, SourceReport, StackFrame};
use crate::track::{Outcome, moment};

/// Maximum number of frames shown of a stack.
const FRAMES: usize = 12;

fn megabytes(bytes: u64) -> String {
    format!("{:.2} MB", bytes as f64 / 1e6)
}

/// Formats a time, to the millisecond.
fn short(utc_ns: i64) -> String {
    moment(utc_ns.saturating_sub(utc_ns.rem_euclid(1_000_000)))
}

impl fmt::Display for Attempts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counted = Outcome::ALL.into_iter().filter(|outcome| self.of(*outcome) > 0);
        let counts: Vec<_> = counted.map(|outcome| format!("{} {}", outcome.name(), self.of(outcome))).collect();
        f.write_str(if counts.is_empty() { "none" } else { "" })?;
        f.write_str(&counts.join(", "))
    }
}

/// Formats a number that may be unknown.
fn known(number: Option<u64>) -> String {
    number.map_or_else(|| "unknown".to_owned(), |number| number.to_string())
}

fn place(file: &str, line: u32, function: &str) -> String {
    let at = if line > 0 { format!("{file}:{line}") } else { file.to_owned() };
    match (at.is_empty(), function.is_empty()) {
        (true, true) => "an unknown place".to_owned(),
        (true, false) => function.to_owned(),
        (false, true) => at,
        (false, false) => format!("{at} {function}"),
    }
}

impl fmt::Display for AllocationReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let owner =
            self.domain.as_ref().map_or_else(|| "a private registry".to_owned(), |name| format!("domain {name}"));
        writeln!(f, "Allocations of {owner} at {}", short(self.made_utc_ns))?;
        if let Some(reset_utc_ns) = self.reset_utc_ns {
            writeln!(f, "counts from the reset at {} on", short(reset_utc_ns))?;
        }
        let totals = &self.totals;
        writeln!(
            f,
            "attempts {}, allocations {}, live buffers {} ({} of audio, {} mapped), removed and still held {}",
            known(totals.attempts),
            known(totals.allocations),
            totals.live_buffers,
            megabytes(totals.live_audio_bytes),
            megabytes(totals.live_bytes),
            totals.removed_and_held
        )?;
        match &totals.results {
            Some(results) => writeln!(f, "results: {results}")?,
            None => writeln!(f, "results: unknown")?,
        }
        let pool = &self.pool;
        if pool.rings > 0 || pool.limit_bytes > 0 {
            let (bytes, limit) = (megabytes(pool.bytes), megabytes(pool.limit_bytes));
            writeln!(f, "pool: {} rings, {bytes} of {limit}; hits {}, misses {}", pool.rings, pool.hits, pool.misses)?;
        }
        for unusable in &self.unusable_files {
            writeln!(f, "not usable: {unusable}")?;
        }
        match self.processes.iter().filter(|process| process.is_tracking).count() {
            0 if self.domain.is_some() => writeln!(f, "no process tracks: run `capbuf track on`")?,
            0 => writeln!(f, "no process tracks: set DEBUG_BUFFER_ALLOC=true, or call enable_allocation_tracking")?,
            _ => {
                for process in &self.processes {
                    let state = match (process.is_alive, process.is_tracking) {
                        (true, true) => "tracks",
                        (true, false) => "tracked",
                        (false, _) => "ended, tracked",
                    };
                    let since = short(process.since_utc_ns);
                    writeln!(f, "process {} ({}) {state} since {since}", process.pid, process.program)?;
                }
            }
        }
        if self.ended_processes > 0 {
            writeln!(f, "ended processes summed up without call sites: {}", self.ended_processes)?;
        }
        let dropped = &self.dropped;
        if [dropped.sources, dropped.attempts, dropped.call_sites, dropped.holders] != [0; 4] {
            writeln!(
                f,
                "dropped from the logs: {} sources, {} attempts, {} call sites, {} holders",
                dropped.sources, dropped.attempts, dropped.call_sites, dropped.holders
            )?;
        }
        self.anomalies.iter().try_for_each(|anomaly| writeln!(f, "{anomaly}"))?;
        self.sources.iter().try_for_each(|source| write!(f, "\n{source}"))
    }
}

impl fmt::Display for SourceReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (attempts, allocations) = (known(self.attempts), known(self.allocations));
        write!(f, "{}: attempts {attempts}, allocations {allocations}, live {}", self.source, self.live)?;
        if let Some(spec) = &self.spec {
            write!(f, ", {} ({spec})", megabytes(self.audio_bytes))?;
        }
        writeln!(f)?;
        if let (Some(first), Some(last)) = (self.first_utc_ns, self.last_utc_ns) {
            writeln!(f, "  first {}, last {}", short(first), short(last))?;
        }
        self.call_sites.iter().try_for_each(|site| writeln!(f, "  {site}"))?;
        self.holders.iter().try_for_each(|holder| writeln!(f, "  {holder}"))?;
        for stack in &self.stacks {
            let (utc, took) = (short(stack.utc_ns), stack.duration_ns as f64 / 1e6);
            let times = if stack.count > 1 { format!(" {} times, last", stack.count) } else { String::new() };
            let thread = if stack.thread_name.is_empty() { String::new() } else { format!(" ({})", stack.thread_name) };
            writeln!(
                f,
                "  {utc} {}{times} in {took:.3} ms, process {}, thread {}{thread}",
                stack.outcome, stack.pid, stack.thread
            )?;
            stack.frames.iter().take(FRAMES).try_for_each(|frame| writeln!(f, "    {frame}"))?;
        }
        Ok(())
    }
}

impl CallSite {
    /// Formats the innermost place: file, line and function, as far as known.
    pub(crate) fn innermost(&self) -> String {
        place(&self.file, self.line, &self.function)
    }

    /// Formats the location: file, line and function, as far as known, and the frames that tell it
    /// apart.
    pub(crate) fn place(&self) -> String {
        let mut place = self.innermost();
        self.via.iter().for_each(|frame| place += &format!(" via {frame}"));
        place
    }
}

impl fmt::Display for CallSite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { attempts, pid, program, results, .. } = self;
        let place = self.place();
        let language = self.language.unwrap_or("?");
        if *pid == 0 {
            return write!(f, "{attempts} x by ended processes: {results}");
        }
        if *attempts == 0 {
            return write!(f, "{} removals {place} ({language}, process {pid} {program})", results.removed);
        }
        write!(f, "{attempts} x {place} ({language}, process {pid} {program}): {results}")
    }
}

impl fmt::Display for HolderReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let removed = if self.is_removed { "REMOVED, still " } else { "" };
        write!(f, "{removed}held by process {} ({}) since {}", self.pid, self.program, short(self.since_utc_ns))?;
        match self.handles {
            Some(handles) => {
                let place = place(&self.file, self.line, &self.function);
                let language = self.language.unwrap_or("?");
                let handles = if handles == 1 { "1 handle".to_owned() } else { format!("{handles} handles") };
                write!(f, ", {handles} taken at {place} ({language})")
            }
            None => Ok(()),
        }
    }
}

impl fmt::Display for StackFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.function)?;
        match (self.file.as_str(), self.line) {
            ("", _) => Ok(()),
            (file, line) => write!(f, " at {file}:{line}"),
        }
    }
}
