//! A report, put together from what there is and from all logs.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{
    AllocationReport, Attempts, CallSite, HolderReport, ProcessReport, Progress, SourceReport, StackFrame, StackReport,
    Totals,
};
use crate::domain::{Domain, verdict};
use crate::holder::Holder;
use crate::memory::Region;
use crate::registry::Registry;
use crate::shared::Shared;
use crate::spec::Spec;
use crate::sync::Ordering;
use crate::track::{Contents, Dropped, Hold, Line, Log, Outcome, Record, Resolver, key_of};

/// How many stacks are told of a source.
const STACKS: usize = 4;

/// A log, and whether its process lives.
struct Told {
    contents: Contents,
    is_alive: bool,
}

/// What is collected of a source.
#[derive(Default)]
struct Collected {
    name: String,
    live: Option<Live>,
    lines: Vec<(usize, Line)>,
    records: Vec<(usize, Record)>,
    holds: Vec<(usize, Hold)>,
    /// Processes that have a buffer open: pid, program, since when, which buffer, whether it was removed.
    opened: Vec<(u32, String, i64, u64, bool)>,
}

struct Live {
    spec: Spec,
    bytes: u64,
    id: u64,
    progress: Progress,
    canonical: String,
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
        let canonical = crate::watch::canonical(source);
        Self { spec, bytes: region.layout().region_bytes, id: region.id(), progress, canonical }
    }
}

impl AllocationReport {
    pub(crate) fn of(registry: &Registry) -> Self {
        Self::collect(registry, &mut Resolver::default(), true)
    }

    /// Makes a report, with stacks or without.
    pub(crate) fn collect(registry: &Registry, resolver: &mut Resolver, with_stacks: bool) -> Self {
        let told = logs(registry);
        let mut sources: HashMap<u64, Collected> = HashMap::new();
        let mut removed: HashSet<u64> = HashSet::new();
        match registry.domain_itself() {
            Some(domain) => collect_domain(domain, &mut sources),
            None => {
                for buffer in registry.mapped_buffers() {
                    collect_private(&buffer.shared, &mut sources);
                }
            }
        }
        let now_utc_ns = registry.clock().utc_ns();
        let mapped = registry.mapped_buffers().into_iter().filter(|buffer| buffer.is_removed());
        let held = mapped.map(|buffer| buffer.shared).chain(registry.removed_and_held());
        for shared in held {
            if removed.insert(shared.id) {
                let collected = of_source(&mut sources, shared.source.as_str());
                let Holder { pid, program } = Holder::this_process();
                collected.opened.push((pid, program, shared.opened_utc_ns, shared.id, true));
            }
        }
        collect_logs(&told, &mut sources);
        let mut dropped = Dropped::default();
        for log in &told {
            dropped.add(&log.contents.dropped);
        }
        let mut reports: Vec<_> =
            sources.into_iter().map(|(key, collected)| collected.report(key, &told, resolver, with_stacks)).collect();
        reports.sort_by(|one, other| (&one.source, &one.key).cmp(&(&other.source, &other.key)));
        let processes = told.iter().map(|log| ProcessReport {
            pid: log.contents.pid,
            program: log.contents.program.clone(),
            is_alive: log.is_alive,
            is_tracking: log.is_alive && log.contents.is_enabled,
            since_utc_ns: log.contents.created_utc_ns,
        });
        Self {
            domain: registry.domain().map(str::to_owned),
            made_utc_ns: now_utc_ns,
            is_tracking: registry.is_allocation_tracking(),
            totals: totals(&reports),
            dropped,
            pool: registry.pool_stats(),
            anomalies: registry.anomalies(),
            processes: processes.collect(),
            sources: reports,
        }
    }
}

/// All logs, the oldest first.
fn logs(registry: &Registry) -> Vec<Told> {
    let own = registry.tracker().contents();
    let of_file = |domain: &Domain| -> Vec<Told> {
        let files = domain.logs().unwrap_or_default().into_iter();
        let opened = files.filter_map(|file| Some((Log::in_file(&file.file)?, file.is_alive)));
        opened.map(|(log, is_alive)| Told { contents: Contents::of(&log), is_alive }).collect()
    };
    let mut told = registry.domain_itself().map(|domain| of_file(domain)).unwrap_or_default();
    // A log that found no room in the domain is known to its own process only.
    if let Some(own) = own
        && !told.iter().any(|log| (log.contents.pid, log.contents.created_utc_ns) == (own.pid, own.created_utc_ns))
    {
        told.push(Told { contents: own, is_alive: true });
    }
    told.sort_by_key(|log| (log.contents.created_utc_ns, log.contents.pid));
    told
}

fn of_source<'a>(sources: &'a mut HashMap<u64, Collected>, source: &str) -> &'a mut Collected {
    let collected = sources.entry(key_of(source)).or_default();
    if collected.name.is_empty() {
        collected.name = crate::redact(source);
    }
    collected
}

fn collect_domain(domain: &Domain, sources: &mut HashMap<u64, Collected>) {
    // What can't be listed has nothing to show.
    for (_, region, description) in domain.rings().into_iter().flatten() {
        let is_removed = verdict::is_removed(&region);
        let collected = of_source(sources, description.source.as_str());
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

fn collect_private(shared: &Shared, sources: &mut HashMap<u64, Collected>) {
    if shared.is_removed() {
        return;
    }
    let collected = of_source(sources, shared.source.as_str());
    let has_writer = shared.region.header().readers.lease.load(Ordering::Relaxed) != 0;
    collected.live = Some(Live::of(&shared.region, shared.spec, shared.source.as_str(), has_writer));
}

fn collect_logs(told: &[Told], sources: &mut HashMap<u64, Collected>) {
    for (at, log) in told.iter().enumerate() {
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
    // Whose name made place for others is told by its number.
    for (key, collected) in sources {
        if collected.name.is_empty() {
            collected.name = format!("(a source that is told no more, {key:016x})");
        }
    }
}

impl Collected {
    fn report(mut self, key: u64, told: &[Told], resolver: &mut Resolver, with_stacks: bool) -> SourceReport {
        let mut results = Attempts::default();
        self.lines.iter().for_each(|(_, line)| results.add(&line.counts));
        let holders = self.holders(told, resolver);
        let call_sites = self.call_sites(told, resolver);
        let stacks = if with_stacks { self.stacks(told, resolver) } else { Vec::new() };
        let Self { name, live, lines, .. } = self;
        SourceReport {
            source: name,
            key: format!("{key:016x}"),
            attempts: results.attempts(),
            allocations: results.allocations(),
            live: u64::from(live.is_some()),
            bytes: live.as_ref().map_or(0, |live| live.bytes),
            audio_bytes: live.as_ref().map_or(0, |live| live.spec.audio_bytes()),
            spec: live.as_ref().map(|live| live.spec.to_string()),
            buffer: live.as_ref().map(|live| format!("{:016x}", live.id)),
            first_utc_ns: lines.iter().map(|(_, line)| line.first_utc_ns).min(),
            last_utc_ns: lines.iter().map(|(_, line)| line.last_utc_ns).max(),
            results,
            call_sites,
            holders,
            stacks,
            progress: live.as_ref().map(|live| live.progress),
            canonical: live.map(|live| live.canonical),
        }
    }

    fn call_sites(&self, told: &[Told], resolver: &mut Resolver) -> Vec<CallSite> {
        // A site may have two lines, where threads met or where functions were inlined.
        let mut sites: BTreeMap<_, CallSite> = BTreeMap::new();
        for (at, line) in &self.lines {
            let mut results = Attempts::default();
            results.add(&line.counts);
            if results.attempts() == 0 && results.removed == 0 {
                continue;
            }
            let contents = &told[*at].contents;
            let site = contents.sites.get(&line.site);
            let place = site.map(|site| resolver.site(contents, site)).unwrap_or_default();
            let language = site.and_then(|site| site.language).map(crate::track::Language::name);
            let called = sites.entry((*at, language, place.clone())).or_insert_with(|| CallSite {
                language,
                file: place.file,
                line: place.line,
                function: place.function,
                pid: contents.pid,
                program: contents.program.clone(),
                attempts: 0,
                results: Attempts::default(),
                first_utc_ns: line.first_utc_ns,
                last_utc_ns: line.last_utc_ns,
            });
            called.results.add(&line.counts);
            called.attempts = called.results.attempts();
            called.first_utc_ns = called.first_utc_ns.min(line.first_utc_ns);
            called.last_utc_ns = called.last_utc_ns.max(line.last_utc_ns);
        }
        let mut sites: Vec<_> = sites.into_values().collect();
        sites.sort_by_key(|site| std::cmp::Reverse(site.attempts));
        sites
    }

    fn holders(&mut self, told: &[Told], resolver: &mut Resolver) -> Vec<HolderReport> {
        let removed: HashSet<u64> = self.opened.iter().filter(|opened| opened.4).map(|opened| opened.3).collect();
        let live = self.live.as_ref().map(|live| live.id);
        let mut holders: BTreeMap<_, HolderReport> = BTreeMap::new();
        for (at, hold) in &self.holds {
            let contents = &told[*at].contents;
            let site = contents.sites.get(&hold.site);
            let place = site.map(|site| resolver.site(contents, site)).unwrap_or_default();
            let language = site.and_then(|site| site.language).map(crate::track::Language::name);
            let holder = holders.entry((*at, hold.buffer, place.clone())).or_insert_with(|| HolderReport {
                pid: contents.pid,
                program: contents.program.clone(),
                since_utc_ns: hold.since_utc_ns,
                buffer: format!("{:016x}", hold.buffer),
                is_removed: live != Some(hold.buffer) || removed.contains(&hold.buffer),
                handles: Some(0),
                language,
                file: place.file,
                line: place.line,
                function: place.function,
            });
            holder.handles = holder.handles.map(|handles| handles + 1);
            holder.since_utc_ns = holder.since_utc_ns.min(hold.since_utc_ns);
        }
        let mut holders: Vec<_> = holders.into_values().collect();
        for (pid, program, since_utc_ns, buffer, is_removed) in std::mem::take(&mut self.opened) {
            let buffer = format!("{buffer:016x}");
            if holders.iter().any(|known| known.pid == pid && known.buffer == buffer) {
                continue;
            }
            let (language, file, function) = (None, String::new(), String::new());
            holders.push(HolderReport {
                pid,
                program,
                since_utc_ns,
                buffer,
                is_removed,
                handles: None,
                language,
                file,
                line: 0,
                function,
            });
        }
        holders.sort_by(|one, other| {
            let order = |holder: &HolderReport| (holder.since_utc_ns, holder.pid, holder.buffer.clone(), holder.line);
            order(one).cmp(&order(other))
        });
        holders
    }

    fn stacks(&mut self, told: &[Told], resolver: &mut Resolver) -> Vec<StackReport> {
        self.records.sort_by_key(|(at, record)| (std::cmp::Reverse(record.utc_ns), *at));
        let stacks = self.records.iter().take(STACKS).map(|(at, record)| {
            let contents = &told[*at].contents;
            let places: Vec<_> = record.frames.iter().flat_map(|frame| resolver.frame(contents, *frame)).collect();
            // Every stack begins in the tracker; what lies between its functions is of its own, too.
            const DEEPEST: usize = 16;
            let own = places.iter().take(DEEPEST).rposition(|place| is_own(&place.function)).map_or(0, |at| at + 1);
            StackReport {
                utc_ns: record.utc_ns,
                outcome: record.outcome.name(),
                duration_ns: record.duration_ns,
                pid: contents.pid,
                thread: record.thread,
                thread_name: record.thread_name.clone(),
                frames: places
                    .into_iter()
                    .skip(own)
                    .map(|place| StackFrame { function: place.function, file: place.file, line: place.line })
                    .collect(),
            }
        });
        stacks.collect()
    }
}

/// Whether a function is one of the tracker itself, which every stack begins with.
fn is_own(function: &str) -> bool {
    ["backtrace::", "capbuf::track::"].iter().any(|own| function.trim_start_matches('<').starts_with(own))
}

fn totals(sources: &[SourceReport]) -> Totals {
    let mut totals = Totals::default();
    let mut removed = HashSet::new();
    for source in sources {
        totals.attempts = totals.attempts.saturating_add(source.attempts);
        totals.allocations = totals.allocations.saturating_add(source.allocations);
        totals.live_buffers = totals.live_buffers.saturating_add(source.live);
        totals.live_bytes = totals.live_bytes.saturating_add(source.bytes);
        totals.live_audio_bytes = totals.live_audio_bytes.saturating_add(source.audio_bytes);
        totals.results.sum(&source.results);
        removed.extend(source.holders.iter().filter(|holder| holder.is_removed).map(|holder| &holder.buffer));
    }
    totals.removed_and_held = removed.len() as u64;
    totals
}

impl Attempts {
    /// The number of an outcome.
    pub fn of(&self, outcome: Outcome) -> u64 {
        let mut copy = *self;
        *copy.place(outcome)
    }

    fn place(&mut self, outcome: Outcome) -> &mut u64 {
        match outcome {
            Outcome::Allocated => &mut self.allocated,
            Outcome::Reused => &mut self.reused,
            Outcome::AlreadyThere => &mut self.already_there,
            Outcome::Refused => &mut self.refused,
            Outcome::SpecMismatch => &mut self.spec_mismatch,
            Outcome::OverBudget => &mut self.over_budget,
            Outcome::Failed => &mut self.failed,
            Outcome::Removed => &mut self.removed,
            Outcome::LastHandleEnded => &mut self.last_handle_ended,
        }
    }

    fn add(&mut self, counts: &[u64; Outcome::COUNT]) {
        for outcome in Outcome::ALL {
            let place = self.place(outcome);
            // Another process may have written any number.
            *place = place.saturating_add(counts[outcome as usize]);
        }
    }

    fn sum(&mut self, other: &Self) {
        let counts = Outcome::ALL.map(|outcome| other.of(outcome));
        self.add(&counts);
    }

    /// How many attempts there were.
    pub fn attempts(&self) -> u64 {
        let attempts = Outcome::ALL.into_iter().filter(|outcome| outcome.is_attempt());
        attempts.fold(0, |sum, outcome| sum.saturating_add(self.of(outcome)))
    }

    /// How many rings were made.
    pub fn allocations(&self) -> u64 {
        self.allocated.saturating_add(self.reused)
    }
}

impl Dropped {
    fn add(&mut self, other: &Self) {
        for (sum, more) in [
            (&mut self.sources, other.sources),
            (&mut self.attempts, other.attempts),
            (&mut self.call_sites, other.call_sites),
            (&mut self.holders, other.holders),
            (&mut self.stacks, other.stacks),
        ] {
            *sum = sum.saturating_add(more);
        }
    }
}
