//! Parts of a report: of one process, of what was used since a moment, counts since a reset.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::collect::ProcessLog;
use crate::track::{Dropped, Line, OTHERS, Outcome, Peak, WINDOW_NS};

/// The part of a report that is asked for.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ReportFilter {
    /// Only what this process recorded or holds.
    pub pid: Option<u32>,
    /// Only call sites and stacks that were used since then, in ns of UTC. Their counts are whole.
    pub since_utc_ns: Option<i64>,
    /// Counts from the last reset of the domain's reports on.
    pub since_reset: bool,
}

impl ReportFilter {
    /// True for what a process recorded or holds that this part is about.
    pub(super) fn is_of(&self, pid: u32) -> bool {
        self.pid.is_none_or(|only| only == pid)
    }

    /// Leaves out what was not used since `since_utc_ns`.
    pub(super) fn leave_out_unused(&self, logs: &mut [ProcessLog]) {
        let Some(since_utc_ns) = self.since_utc_ns else { return };
        for log in logs {
            log.contents.lines.retain(|line| line.last_utc_ns >= since_utc_ns);
            log.contents.records.retain(|record| record.utc_ns >= since_utc_ns);
            let lines = log.contents.lines.iter_mut();
            let peaks = lines.flat_map(|line| [&mut line.allocated, &mut line.refused]);
            // Another process may have written any start.
            let unused = peaks.filter(|peak| peak.start_utc_ns.saturating_add(WINDOW_NS) < since_utc_ns);
            unused.for_each(|peak| *peak = Peak::default());
        }
    }
}

/// A line's key: its source, call site and stack.
type Key = (u64, u64, u64);
type Counts = [u64; Outcome::COUNT];

/// The counts of all logs at a reset.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Mark {
    pub(super) utc_ns: i64,
    logs: Vec<MarkedLog>,
}

#[derive(Debug, Serialize, Deserialize)]
struct MarkedLog {
    pid: u32,
    created_utc_ns: i64,
    dropped: [u64; 5],
    lines: Vec<(Key, Counts)>,
}

impl Mark {
    pub(super) fn of(logs: &[ProcessLog], utc_ns: i64) -> Self {
        let marked = |log: &ProcessLog| MarkedLog {
            pid: log.contents.pid,
            created_utc_ns: log.contents.created_utc_ns,
            dropped: log.contents.dropped.counts(),
            lines: log.contents.lines.iter().map(|line| (key(line), line.counts)).collect(),
        };
        Self { utc_ns, logs: logs.iter().map(marked).collect() }
    }

    /// A mark from its JSON; `None` if it is none. Another process may have written anything.
    pub(super) fn from_json(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// Takes what was counted before the mark out of logs. What a log counted that was summed up
    /// since is in the sums.
    pub(super) fn take_out(self, logs: &mut [ProcessLog]) {
        let utc_ns = self.utc_ns;
        let (mut summed, mut summed_dropped) = (HashMap::<Key, Counts>::new(), [0_u64; 5]);
        for marked in self.logs {
            let is_it = |log: &&mut ProcessLog| {
                (log.contents.pid, log.contents.created_utc_ns) == (marked.pid, marked.created_utc_ns)
            };
            if let Some(log) = logs.iter_mut().find(is_it).filter(|log| log.contents.pid != 0) {
                let mut before = HashMap::new();
                marked.lines.into_iter().for_each(|(key, counts)| add(before.entry(key).or_default(), &counts));
                for line in &mut log.contents.lines {
                    // A line that was displaced and begun anew has nothing of before.
                    if line.first_utc_ns < utc_ns
                        && let Some(before) = before.get_mut(&key(line))
                    {
                        take(&mut line.counts, before);
                    }
                }
                // Of lines that were displaced since.
                let others = log.contents.lines.iter_mut().filter(|line| line.source == OTHERS);
                others.for_each(|line| before.values_mut().for_each(|before| take(&mut line.counts, before)));
                let mut before = marked.dropped;
                log.contents.dropped.take(&mut before);
                continue;
            }
            for ((source, ..), counts) in marked.lines {
                add(summed.entry((source, 0, 0)).or_default(), &counts);
            }
            add(&mut summed_dropped, &marked.dropped);
        }
        if let Some(sums) = logs.iter_mut().find(|log| log.contents.pid == 0) {
            for line in &mut sums.contents.lines {
                if let Some(before) = summed.get_mut(&(line.source, 0, 0)) {
                    take(&mut line.counts, before);
                }
            }
            let others = sums.contents.lines.iter_mut().filter(|line| line.source == OTHERS);
            others.for_each(|line| summed.values_mut().for_each(|before| take(&mut line.counts, before)));
            sums.contents.dropped.take(&mut summed_dropped);
        }
        for log in logs {
            log.contents.lines.retain_mut(|line| since(line, utc_ns));
            log.contents.records.retain(|record| record.utc_ns >= utc_ns);
        }
    }
}

fn key(line: &Line) -> Key {
    (line.source, line.site, line.path)
}

fn add<const N: usize>(sums: &mut [u64; N], more: &[u64; N]) {
    sums.iter_mut().zip(more).for_each(|(sum, more)| *sum = sum.saturating_add(*more));
}

/// Takes as much of `before` out of `counts` as there is, and leaves the rest in `before`.
fn take<const N: usize>(counts: &mut [u64; N], before: &mut [u64; N]) {
    for (count, before) in counts.iter_mut().zip(before) {
        let taken = (*count).min(*before);
        *count -= taken;
        *before -= taken;
    }
}

/// Drops the part of a line from before the mark; returns false if nothing is left.
fn since(line: &mut Line, utc_ns: i64) -> bool {
    line.first_utc_ns = line.first_utc_ns.max(utc_ns);
    for peak in [&mut line.allocated, &mut line.refused] {
        if peak.start_utc_ns < utc_ns {
            *peak = Peak::default();
        }
    }
    line.counts.iter().any(|count| *count > 0)
}

impl Dropped {
    fn counts(&self) -> [u64; 5] {
        [self.sources, self.attempts, self.call_sites, self.holders, self.stacks]
    }

    fn take(&mut self, before: &mut [u64; 5]) {
        let mut counts = self.counts();
        take(&mut counts, before);
        [self.sources, self.attempts, self.call_sites, self.holders, self.stacks] = counts;
    }
}
