//! Findings of a report, without a watch: those of other processes, and those of the logs.

use super::{AllocationReport, CallSite, SourceReport};
use crate::domain::FoundCounts;
use crate::observe::watch::{Rules, Snapshot, WatchSettings};
use crate::registry::Registry;
use crate::track::{Anomaly, AnomalyKind, Peak, WINDOW_NS};

/// Adds what other processes of the domain found, what the buffers show at this moment, and what
/// the logs hold. An anomaly that a watch has found is not added again.
pub(super) fn add(report: &mut AllocationReport, registry: &Registry) {
    let settings = WatchSettings::default();
    let now = Rules::new(settings).step(&Snapshot::of_report(report, registry));
    let logged = report.sources.iter().flat_map(|source| logged(source, report.made_utc_ns, &settings));
    let (elsewhere, removed) = elsewhere(registry);
    report.found_before = removed;
    let found = elsewhere.into_iter().chain(logged.collect::<Vec<_>>()).chain(now);
    for anomaly in found {
        let is_known = |known: &Anomaly| (known.kind, &known.source) == (anomaly.kind, &anomaly.source);
        if !report.anomalies.iter().any(is_known) {
            report.anomalies.push(anomaly);
        }
    }
    report.anomalies.sort_by_key(|anomaly| anomaly.first_utc_ns);
}

/// Anomalies that the watches of other processes of the domain have found, and the counts of those
/// that are not kept any more.
fn elsewhere(registry: &Registry) -> (Vec<Anomaly>, FoundCounts) {
    let (published, removed) = registry.domain_itself().map(|domain| domain.findings()).unwrap_or_default();
    let mut found: Vec<_> =
        published.iter().flat_map(|text| text.lines().filter_map(Anomaly::from_json).collect::<Vec<_>>()).collect();
    found.sort_by_key(|anomaly| anomaly.first_utc_ns);
    (found, removed)
}

fn logged(source: &SourceReport, now_utc_ns: i64, settings: &WatchSettings) -> Vec<Anomaly> {
    let mut found = Vec::new();
    let mut find = |kind: AnomalyKind, evidence: String, count: u64, first_utc_ns: i64, last_utc_ns: i64| {
        let (severity, advice) = (kind.severity(), kind.advice());
        let source = Some(source.source.clone());
        found.push(Anomaly { kind, severity, source, evidence, advice, count, first_utc_ns, last_utc_ns });
    };
    let places = Busy::of(&source.call_sites);
    if let Some((peak, busiest)) = busiest_minute(&places)
        && peak.count >= settings.churn_allocations
    {
        let (own, of_all) = (busiest.allocated.count, peak.count);
        let times = if own < of_all { format!(", {own} times") } else { String::new() };
        let mut evidence = format!("allocated {of_all} times in a minute{times} from {}", busiest.text());
        if let Some(remover) = source.call_sites.iter().max_by_key(|site| site.results.removed)
            && remover.results.removed > 0
        {
            evidence += &format!("; removed {} times at {}", remover.results.removed, remover.place());
        }
        let last_utc_ns = busiest.last_utc_ns.min(peak.start_utc_ns.saturating_add(WINDOW_NS));
        find(AnomalyKind::Churn, evidence, 1, peak.start_utc_ns, last_utc_ns);
    }
    for place in &places {
        let Peak { count, start_utc_ns } = place.refused;
        if count >= settings.repeated_allocations {
            let from = place.text();
            let evidence = format!("allocate was called {count} times in a minute for an existing buffer, from {from}");
            let last_utc_ns = place.last_utc_ns.min(start_utc_ns.saturating_add(WINDOW_NS));
            find(AnomalyKind::RepeatedAllocation, evidence, 1, start_utc_ns, last_utc_ns);
        }
    }
    let conflicts = source.call_sites.iter().filter(|site| site.results.spec_mismatch > 0);
    if let Some(site) = conflicts.max_by_key(|site| site.last_utc_ns) {
        let (count, place) = (source.results.unwrap_or_default().spec_mismatch, site.place());
        let evidence = format!("it was requested with another spec {count} times, last from {place}");
        find(AnomalyKind::SpecConflict, evidence, 1, site.first_utc_ns, site.last_utc_ns);
    }
    // The time of the removal is that of the log: without one it is unknown.
    let removals = source.call_sites.iter().filter(|site| site.results.removed > 0);
    if let Some(removed_utc_ns) = removals.map(|site| site.last_utc_ns).max() {
        let held_ns = now_utc_ns.saturating_sub(removed_utc_ns);
        let is_long = u128::try_from(held_ns).is_ok_and(|held_ns| held_ns >= settings.removed_held.as_nanos());
        if let Some(holder) = source.holders.iter().find(|holder| is_long && holder.is_removed) {
            let held_s = held_ns / 1_000_000_000;
            let held_by = holder.to_string().replace("REMOVED, ", "");
            let evidence = format!("its buffer was removed at least {held_s} s ago and is {held_by}");
            find(AnomalyKind::RemovedAndHeld, evidence, 1, removed_utc_ns, now_utc_ns);
        }
    }
    found
}

/// A place in a program, by all paths to it.
struct Busy<'a> {
    busiest: &'a CallSite,
    paths: usize,
    allocated: Peak,
    refused: Peak,
    last_utc_ns: i64,
}

impl<'a> Busy<'a> {
    /// The places of call sites, which are sorted by attempts.
    fn of(sites: &'a [CallSite]) -> Vec<Self> {
        let mut places: Vec<Self> = Vec::new();
        for site in sites {
            let is_same = |place: &&mut Self| {
                let of = |site: &'a CallSite| (site.pid, site.line, &site.file, &site.function);
                of(place.busiest) == of(site)
            };
            match places.iter_mut().find(is_same) {
                Some(place) => {
                    place.paths += 1;
                    place.allocated.add(site.allocated);
                    place.refused.add(site.refused);
                    place.last_utc_ns = place.last_utc_ns.max(site.last_utc_ns);
                }
                None => {
                    let CallSite { allocated, refused, last_utc_ns, .. } = *site;
                    places.push(Self { busiest: site, paths: 1, allocated, refused, last_utc_ns });
                }
            }
        }
        places
    }

    fn text(&self) -> String {
        match self.paths {
            1 => self.busiest.place(),
            paths => format!("{} by {paths} paths, most often from {}", self.busiest.innermost(), self.busiest.place()),
        }
    }
}

/// The minute with the most allocations from all places, and the place with most of them.
fn busiest_minute<'a, 'b>(places: &'b [Busy<'a>]) -> Option<(Peak, &'b Busy<'a>)> {
    let minute = |place: &Busy<'_>| {
        let overlapping = places.iter().filter(|other| other.allocated.overlaps(&place.allocated));
        let count = overlapping.fold(0_u64, |sum, other| sum.saturating_add(other.allocated.count));
        Peak { count, start_utc_ns: place.allocated.start_utc_ns }
    };
    let allocating = places.iter().filter(|place| place.allocated.count > 0);
    let minutes = allocating.map(|place| (minute(place), place));
    minutes.max_by_key(|(minute, place)| (minute.count, place.allocated.count))
}
