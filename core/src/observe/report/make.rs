//! Builds a report from the buffers and from all logs.

use std::collections::{HashMap, HashSet};

use super::collect::{Collected, ProcessLog, collect_domain, collect_logs, collect_private, of_source};
use super::filter::{Mark, ReportFilter};
use super::{AllocationReport, Attempts, ProcessReport, SourceReport, Totals, findings};
use crate::domain::{Domain, FoundCounts};
use crate::error::{Error, Result};
use crate::holder::Holder;
use crate::registry::Registry;
use crate::track::{Contents, Dropped, Log, Resolver, ended_processes, summed_logs};

impl AllocationReport {
    pub(crate) fn of(registry: &Registry) -> Self {
        Self::filtered(registry, &ReportFilter::default())
    }

    /// Builds a part of a report.
    pub(crate) fn filtered(registry: &Registry, filter: &ReportFilter) -> Self {
        let mut report = Self::collect_filtered(registry, &mut Resolver::default(), true, filter);
        findings::add(&mut report, registry);
        report
    }

    /// Begins the counts of filtered reports anew.
    pub(crate) fn reset(registry: &Registry, domain: &Domain) -> Result<()> {
        let mark = Mark::of(&logs(registry).0, registry.clock().utc_ns());
        let text = serde_json::to_string(&mark).map_err(|error| Error::system("writing the mark", error))?;
        domain.set_mark(&text)
    }

    /// Builds a report, with or without stacks, and with what it shows to be wrong.
    pub(crate) fn with_findings(registry: &Registry, resolver: &mut Resolver, with_stacks: bool) -> Self {
        let mut report = Self::collect(registry, resolver, with_stacks);
        findings::add(&mut report, registry);
        report
    }

    /// Builds a report, with or without stacks.
    pub(crate) fn collect(registry: &Registry, resolver: &mut Resolver, with_stacks: bool) -> Self {
        Self::collect_filtered(registry, resolver, with_stacks, &ReportFilter::default())
    }

    fn collect_filtered(
        registry: &Registry,
        resolver: &mut Resolver,
        with_stacks: bool,
        filter: &ReportFilter,
    ) -> Self {
        let (mut logs, ended_processes) = logs(registry);
        let mark = || Mark::from_json(&registry.domain_itself()?.mark()?);
        let mark = filter.since_reset.then(mark).flatten();
        let reset_utc_ns = mark.as_ref().map(|mark| mark.utc_ns);
        let is_tracked = logs.iter().filter(|log| filter.is_of(log.contents.pid)).any(ProcessLog::has_counts);
        if let Some(mark) = mark {
            mark.take_out(&mut logs);
        }
        logs.retain(|log| filter.is_of(log.contents.pid));
        filter.leave_out_unused(&mut logs);
        let mut sources: HashMap<u64, Collected> = HashMap::new();
        let mut removed: HashSet<u64> = HashSet::new();
        match registry.domain_itself() {
            Some(domain) => collect_domain(registry.tracker(), &domain, &mut sources),
            None => {
                for buffer in registry.mapped_buffers() {
                    collect_private(registry.tracker(), &buffer.shared, &mut sources);
                }
            }
        }
        let now_utc_ns = registry.clock().utc_ns();
        let mapped = registry.mapped_buffers().into_iter().filter(|buffer| buffer.shared.is_removed());
        let held = mapped.map(|buffer| buffer.shared).chain(registry.removed_and_held());
        for shared in held {
            if removed.insert(shared.id) {
                let collected = of_source(registry.tracker(), &mut sources, shared.source.as_str());
                let Holder { pid, program } = Holder::this_process();
                collected.opened.push((pid, program, shared.opened_utc_ns, shared.id, true));
            }
        }
        collect_logs(&logs, &mut sources);
        if filter.pid.is_some() {
            let collected = sources.values_mut();
            collected.for_each(|collected| collected.opened.retain(|opened| filter.is_of(opened.0)));
        }
        let mut dropped = Dropped::default();
        for log in &logs {
            dropped.add(&log.contents.dropped);
        }
        let mut reports: Vec<_> = sources
            .into_iter()
            .map(|(key, collected)| collected.report(key, &logs, is_tracked, resolver, with_stacks))
            .collect();
        reports.sort_by(|one, other| (&one.source, &one.key).cmp(&(&other.source, &other.key)));
        let processes = logs.iter().filter(|log| log.contents.pid != 0).map(|log| ProcessReport {
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
            reset_utc_ns,
            totals: totals(&reports, is_tracked),
            dropped,
            pool: registry.pool_stats(),
            unusable_files: registry
                .unusable_files()
                .map_or_else(|error| vec![error.to_string()], |files| files.iter().map(ToString::to_string).collect()),
            anomalies: registry.anomalies(),
            ended_processes: if filter.pid.is_some() { 0 } else { ended_processes },
            processes: processes.collect(),
            sources: reports,
            found_before: FoundCounts::new(),
        }
    }
}

/// Returns all logs, oldest first; then the sums of ended processes, and their number.
fn logs(registry: &Registry) -> (Vec<ProcessLog>, u64) {
    let own = registry.tracker().contents();
    let (mut logs, sums, ended) = registry.domain_itself().map(|domain| of_domain(&domain)).unwrap_or_default();
    // A log that did not fit in the domain is visible only to its own process.
    if let Some(own) = own
        && !logs.iter().any(|log| (log.contents.pid, log.contents.created_utc_ns) == (own.pid, own.created_utc_ns))
    {
        logs.push(ProcessLog { contents: own, is_alive: true });
    }
    logs.sort_by_key(|log| (log.contents.created_utc_ns, log.contents.pid));
    logs.extend(sums);
    (logs, ended)
}

/// The logs of a domain, the sums of ended processes, and their number.
fn of_domain(domain: &Domain) -> (Vec<ProcessLog>, Option<ProcessLog>, u64) {
    loop {
        // Locked until all logs are read, so that nothing is counted twice or left out.
        let locked = domain.sums();
        let sums = locked.as_ref().and_then(|locked| Log::in_file(locked.file()));
        // Those that a process had no time to remove.
        let summed = sums.as_ref().map(summed_logs).unwrap_or_default();
        let files = domain.logs().unwrap_or_default().into_iter().filter(|file| !summed.contains(&file.liveness));
        let switches = domain.switches().map(|(settings, _)| settings).unwrap_or_default();
        let opened = files.filter_map(|file| {
            let mut contents = Contents::of(&Log::in_file(&file.file)?);
            // Other processes may have switched it.
            if let Some((_, on)) = switches.iter().find(|(liveness, _)| *liveness == file.liveness) {
                contents.is_enabled = *on;
            }
            Some(ProcessLog { contents, is_alive: file.is_alive })
        });
        let logs = opened.collect();
        if locked.is_none() && domain.sums().is_some() {
            // The first sums were made meanwhile.
            continue;
        }
        let ended = sums.as_ref().map_or(0, ended_processes);
        let sums = sums.filter(|_| ended > 0).map(|sums| Contents::of(&sums));
        return (logs, sums.map(|contents| ProcessLog { contents, is_alive: false }), ended);
    }
}

/// Sums over all sources; attempts only if any were recorded.
fn totals(sources: &[SourceReport], is_tracked: bool) -> Totals {
    let (mut totals, mut results) = (Totals::default(), Attempts::default());
    let mut removed = HashSet::new();
    for source in sources {
        totals.live_buffers = totals.live_buffers.saturating_add(source.live);
        totals.live_bytes = totals.live_bytes.saturating_add(source.bytes);
        totals.live_audio_bytes = totals.live_audio_bytes.saturating_add(source.audio_bytes);
        results.sum(&source.results.unwrap_or_default());
        removed.extend(source.holders.iter().filter(|holder| holder.is_removed).map(|holder| &holder.buffer));
    }
    totals.removed_and_held = removed.len() as u64;
    totals.results = is_tracked.then_some(results);
    totals.attempts = totals.results.map(|results| results.attempts());
    totals.allocations = totals.results.map(|results| results.allocations());
    totals
}
