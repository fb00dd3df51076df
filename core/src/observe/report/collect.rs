//! Facts about each source, collected from its buffer and from all logs.

use std::collections::HashMap;

use super::{LostBuffer, NewEpoch, Progress};
use crate::buffer::Shared;
use crate::domain::{Domain, removal};
use crate::memory::Region;
use crate::observe::canonical::Canonical;
use crate::source::redact;
use crate::spec::Spec;
use crate::sync::Ordering;
use crate::time::Extent;
use crate::track::{Contents, Hold, Line, Record, Tracker};

/// The log of a process, and whether that process is alive.
pub(super) struct ProcessLog {
    pub(super) contents: Contents,
    pub(super) is_alive: bool,
}

impl ProcessLog {
    /// True if its counts say something: it has some, or counts now.
    pub(super) fn has_counts(&self) -> bool {
        self.contents.is_enabled || !self.contents.lines.is_empty()
    }
}

/// Facts collected about a source.
#[derive(Default)]
pub(super) struct Collected {
    pub(super) name: String,
    pub(super) live: Option<Live>,
    pub(super) lines: Vec<(usize, Line)>,
    pub(super) records: Vec<(usize, Record)>,
    pub(super) holds: Vec<(usize, Hold)>,
    /// Processes with an open buffer: pid, program, open since, buffer id, removed.
    pub(super) opened: Vec<(u32, String, i64, u64, bool)>,
}

pub(super) struct Live {
    pub(super) spec: Spec,
    pub(super) bytes: u64,
    pub(super) id: u64,
    pub(super) progress: Progress,
    pub(super) canonical: Canonical,
    pub(super) lost: Option<LostBuffer>,
    pub(super) epoch: Option<NewEpoch>,
}

impl Live {
    fn of(region: &Region, spec: Spec, source: &str, has_writer: bool) -> Self {
        let header = region.header();
        // SYNC none: counters for display.
        let progress = Progress {
            rate_hz: spec.sample_rate_hz(),
            frames: header.writer.head.load(Ordering::Relaxed),
            gaps: header.writer.gaps.load(Ordering::Relaxed),
            evictions: header.readers.evictions.load(Ordering::Relaxed),
            has_writer,
        };
        let canonical = Canonical::of(source);
        let lost = LostBuffer {
            id: header.readers.lost_buffer.load(Ordering::Relaxed),
            remover: removal::remover(region),
            utc_ns: header.created_utc_ns.load(Ordering::Relaxed),
        };
        let lost = Some(lost).filter(|lost| lost.id != 0);
        let begin = Extent::of(region).and_then(|extent| extent.begin_of_epoch(region));
        let epoch = begin.map(|anchor| NewEpoch {
            first_frame: anchor.first_frame,
            utc_ns: anchor.utc_ns,
            back_ns: anchor.back_ns,
        });
        Self { spec, bytes: region.layout().region_bytes, id: region.id(), progress, canonical, lost, epoch }
    }
}

pub(super) fn of_source<'a>(
    tracker: &Tracker,
    sources: &'a mut HashMap<u64, Collected>,
    source: &str,
) -> &'a mut Collected {
    let collected = sources.entry(tracker.key_of(source)).or_default();
    if collected.name.is_empty() {
        collected.name = redact(source);
    }
    collected
}

pub(super) fn collect_domain(tracker: &Tracker, domain: &Domain, sources: &mut HashMap<u64, Collected>) {
    // A folder that can't be listed shows no buffers.
    for (_, region, description) in domain.rings().into_iter().flatten() {
        let is_removed = removal::is_removed(&region);
        let collected = of_source(tracker, sources, description.source.as_str());
        for (holder, since_utc_ns) in domain.holders(&region) {
            collected.opened.push((holder.pid, holder.program, since_utc_ns, region.id(), is_removed));
        }
        if !is_removed {
            let lease = region.header().readers.lease.load(Ordering::Relaxed);
            let has_writer = lease != 0 && domain.is_alive(lease);
            collected.live = Some(Live::of(&region, description.spec, description.source.as_str(), has_writer));
        }
    }
}

pub(super) fn collect_private(tracker: &Tracker, shared: &Shared, sources: &mut HashMap<u64, Collected>) {
    if shared.is_removed() {
        return;
    }
    let collected = of_source(tracker, sources, shared.source.as_str());
    let has_writer = shared.region.header().readers.lease.load(Ordering::Relaxed) != 0;
    collected.live = Some(Live::of(&shared.region, shared.spec, shared.source.as_str(), has_writer));
}

pub(super) fn collect_logs(logs: &[ProcessLog], sources: &mut HashMap<u64, Collected>) {
    for (at, log) in logs.iter().enumerate() {
        let contents = &log.contents;
        let mut of_key = |key: u64| {
            let collected = sources.entry(key).or_default();
            if collected.name.is_empty() {
                collected.name = contents.sources.get(&key).cloned().unwrap_or_default();
            }
        };
        contents.lines.iter().for_each(|line| of_key(line.source));
        contents.records.iter().for_each(|record| of_key(record.source));
        contents.holds.iter().for_each(|hold| of_key(hold.source));
        for line in &contents.lines {
            if let Some(collected) = sources.get_mut(&line.source) {
                collected.lines.push((at, *line));
            }
        }
        for record in &contents.records {
            if let Some(collected) = sources.get_mut(&record.source) {
                collected.records.push((at, record.clone()));
            }
        }
        for hold in contents.holds.iter().filter(|_| log.is_alive) {
            if let Some(collected) = sources.get_mut(&hold.source) {
                collected.holds.push((at, *hold));
            }
        }
    }
    // A source whose name the log has dropped is shown by its key.
    for (key, collected) in sources {
        if collected.name.is_empty() {
            collected.name = format!("(unnamed source {key:016x})");
        }
    }
}
