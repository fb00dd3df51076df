//! Metrics in Prometheus's text format.

mod encode;
mod labels;
mod sources;

pub use sources::MAX_METRIC_SOURCES;

use encode::{Family, Value, labelled, number};
use sources::{Live, sources};

use super::report::{AllocationReport, Attempts};
use crate::domain::FoundCounts;
use crate::registry::Registry;
use crate::sync::Ordering;
use crate::track::{AnomalyKind, Histogram, Outcome, READ_RESULTS, Resolver};

/// Attempts to include in the metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Those of this registry.
    Registry,
    /// Those of all processes of the domain that track.
    Domain,
}

/// Returns the metrics of a registry, or of its domain, in Prometheus's text format.
pub(crate) fn text(registry: &Registry, scope: Scope) -> String {
    encode::text(families(registry, scope))
}

fn families(registry: &Registry, scope: Scope) -> Vec<Family> {
    let mut families = Vec::new();
    let mut add = |name, help, is_counter, values: Vec<Value>| {
        if !values.is_empty() {
            families.push(Family { name, help, is_counter, values });
        }
    };
    let (counts, stats) = (&registry.tracker().counts, registry.stats());
    let report =
        (scope == Scope::Domain).then(|| AllocationReport::with_findings(registry, &mut Resolver::default(), false));
    // `None`: no process of the domain has tracked, and nothing is known.
    let attempts = report.as_ref().map_or_else(|| Some(registry.attempts()), |report| report.totals.results);
    let by_result = |attempts: &Attempts, is_attempt: bool| {
        let outcomes = Outcome::ALL.into_iter().filter(move |outcome| outcome.is_attempt() == is_attempt);
        let attempts = *attempts;
        outcomes.map(move |outcome| (outcome.name(), attempts.of(outcome) as f64))
    };
    if let Some(attempts) = &attempts {
        let results = labelled("result", by_result(attempts, true));
        add("capbuf_allocation_attempts", "Attempts to get a buffer, by result.", true, results);
        add("capbuf_allocations", "Rings allocated.", true, number(attempts.allocations() as f64));
        add("capbuf_removals", "Buffers removed.", true, number(attempts.removed as f64));
    }
    let is_tracking = report.as_ref().map_or_else(
        || registry.is_allocation_tracking(),
        |report| report.processes.iter().any(|process| process.is_tracking),
    );
    let help = "1 if allocations are tracked; of a domain, by any of its processes.";
    add("capbuf_tracking_enabled", help, false, number(is_tracking.into()));
    if scope == Scope::Registry {
        add(
            "capbuf_mapped_bytes",
            "Bytes mapped for rings that this registry allocated.",
            false,
            number(stats.bytes as f64),
        );
        add(
            "capbuf_budget_bytes",
            "Limit of the bytes mapped for these rings.",
            false,
            number(stats.budget_bytes as f64),
        );
        let reads = counts.reads();
        let reads = READ_RESULTS.iter().zip(reads).map(|(result, count)| (*result, count as f64));
        add("capbuf_reads", "Reads, by result.", true, labelled("result", reads));
        let waits = counts.waits.load(Ordering::Relaxed) as f64;
        add("capbuf_read_waits", "Reads that slept until their frames were written.", true, number(waits));
        let mut durations = |name, help, histogram: &Histogram| {
            let (buckets, sum) = histogram.snapshot();
            add(name, help, false, vec![Value::Histogram(buckets, sum)]);
        };
        durations("capbuf_allocation_duration_seconds", "Duration of ring allocations.", &counts.allocation_durations);
        // Measured while allocations are tracked only: unknown, not zero, before.
        if registry.tracker().has_log() {
            durations(
                "capbuf_read_duration_seconds",
                "Duration of reads, waiting included, while allocations were tracked.",
                &counts.read_durations,
            );
        }
    }
    if let Some(report) = &report {
        let held = report.totals.removed_and_held as f64;
        add("capbuf_removed_held_buffers", "Removed buffers that are still held.", false, number(held));
    } else {
        let held = registry.removed_and_held().len() as f64;
        add("capbuf_removed_held_buffers", "Removed buffers that are still held.", false, number(held));
    }
    let live = Live::of(registry);
    add("capbuf_live_buffers", "Live buffers.", false, number(live.buffers as f64));
    add("capbuf_live_bytes", "Bytes mapped for live buffers.", false, number(live.bytes as f64));
    let unusable = registry.unusable_files().map_or(1, |files| files.len());
    let help = "Files of the domain that can't be used: a report names them.";
    add("capbuf_unusable_files", help, false, number(unusable as f64));
    let pool = registry.pool_stats();
    add("capbuf_pool_rings", "Rings of removed buffers in the pool.", false, number(pool.rings as f64));
    add("capbuf_pool_bytes", "Bytes of the rings in the pool.", false, number(pool.bytes as f64));
    if scope == Scope::Registry {
        add("capbuf_pool_hits", "Rings reused from the pool.", true, number(pool.hits as f64));
        add("capbuf_pool_misses", "Rings allocated because none in the pool fitted.", true, number(pool.misses as f64));
        add("capbuf_pool_trimmed", "Rings of the pool freed.", true, number(pool.trimmed as f64));
    }
    let (anomalies, before) = match report {
        Some(report) => (report.anomalies, report.found_before),
        None => (registry.anomalies(), FoundCounts::new()),
    };
    let counted = AnomalyKind::ALL.into_iter().map(|kind| {
        let of_kind = anomalies.iter().filter(|anomaly| anomaly.kind == kind).map(|anomaly| anomaly.count);
        let before = before.get(kind.name()).copied().unwrap_or_default();
        (kind.name().to_owned(), of_kind.fold(before, u64::saturating_add))
    });
    let mut counted: FoundCounts = counted.collect();
    if scope == Scope::Domain
        && let Some(domain) = registry.domain_itself()
    {
        // What passes, and what is found twice and then once, takes nothing back.
        counted = domain.raise_found(&counted);
    }
    let kinds = AnomalyKind::ALL.into_iter().map(|kind| {
        let count = counted.get(kind.name()).copied().unwrap_or_default();
        (kind.name(), count as f64)
    });
    add(
        "capbuf_anomalies",
        "Anomalies found by watches; of a domain also those that its logs and buffers show.",
        true,
        labelled("kind", kinds),
    );
    sources(&live, &mut add);
    families
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{Length, SampleFormat, Spec};

    #[test]
    fn only_sources_with_metrics_of_their_own_are_mapped() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Registry::builder().domains_folder(folder.path()).open("birds").unwrap();
        let (writer, observer) = (open(), open());
        let spec = Spec::new(Length::Frames(100), 1000, 1, SampleFormat::S16).unwrap();
        let of = |number: usize| writer.get_or_allocate(&format!("source {number:03}"), spec).unwrap();
        let buffers: Vec<_> = (0..MAX_METRIC_SOURCES + 30).map(of).collect();
        let bytes: u64 = buffers.iter().map(|buffer| buffer.status().bytes).sum();
        // A removed source takes none of the places for sources with metrics.
        writer.remove("source 001").unwrap();
        let bytes = bytes - buffers[1].status().bytes;
        let text = text(&observer, Scope::Domain);
        for line in [
            "capbuf_live_buffers 93.0".to_owned(),
            format!("capbuf_live_bytes {bytes}.0"),
            "capbuf_sources_without_metrics 29.0".to_owned(),
            "capbuf_source_frames_total{source=\"source 064\"} 0.0".to_owned(),
        ] {
            assert!(text.lines().any(|found| found == line), "no {line} in\n{text}");
        }
        assert!(!text.contains("source 065"), "{text}");
        assert_eq!(observer.stats().rings_mapped, MAX_METRIC_SOURCES as u64);
    }
}
