//! Metrics, as Prometheus reads them.

use std::collections::HashMap;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

use crate::buffer::CaptureBuffer;
use crate::counts::{Histogram, READ_RESULTS};
use crate::registry::Registry;
use crate::report::{AllocationReport, Attempts};
use crate::source::redact;
use crate::sync::Ordering;
use crate::track::{Outcome, Resolver, key_of};
use crate::watch::AnomalyKind;

/// How many sources have metrics of their own; there are totals of all.
pub const MAX_METRIC_SOURCES: usize = 64;
/// How long the name of a source is in a label.
const LABEL_CHARS: usize = 48;

/// Whose attempts are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// This registry's.
    Registry,
    /// Those of all processes of the domain that track.
    Domain,
}

/// A number, or a histogram, with its labels.
#[derive(Debug)]
enum Value {
    Number(Option<(&'static str, String)>, f64),
    Histogram(Vec<(f64, u64)>, f64),
}

/// Everything that is told of one name.
#[derive(Debug)]
struct Family {
    name: &'static str,
    help: &'static str,
    is_counter: bool,
    values: Vec<Value>,
}

#[derive(Debug)]
struct Families(Vec<Family>);

impl Collector for Families {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        for family in &self.0 {
            let is_histogram = matches!(family.values.first(), Some(Value::Histogram(..)));
            let kind = match (is_histogram, family.is_counter) {
                (true, _) => MetricType::Histogram,
                (_, true) => MetricType::Counter,
                (_, false) => MetricType::Gauge,
            };
            let mut metric = encoder.encode_descriptor(family.name, family.help, None, kind)?;
            for value in &family.values {
                match value {
                    Value::Histogram(buckets, sum) => {
                        let count = buckets.iter().map(|(_, count)| count).sum();
                        metric.encode_histogram::<NoLabelSet>(*sum, count, buckets, None)?;
                    }
                    Value::Number(Some((name, value)), number) => {
                        let labels = [(*name, value.as_str())];
                        encode(&mut metric.encode_family(&labels)?, family.is_counter, *number)?;
                    }
                    Value::Number(None, number) => encode(&mut metric, family.is_counter, *number)?,
                }
            }
        }
        Ok(())
    }
}

fn encode(metric: &mut MetricEncoder<'_>, is_counter: bool, number: f64) -> Result<(), std::fmt::Error> {
    if is_counter { metric.encode_counter::<NoLabelSet, _, f64>(&number, None) } else { metric.encode_gauge(&number) }
}

/// The text that Prometheus reads, in its own format: there, unlike in OpenMetrics, a counter's name ends with `_total` everywhere.
pub(crate) fn text(registry: &Registry, scope: Scope) -> String {
    let families = Families(families(registry, scope));
    let counters: Vec<_> = families.0.iter().filter(|family| family.is_counter).map(|family| family.name).collect();
    let mut metrics = prometheus_client::registry::Registry::default();
    metrics.register_collector(Box::new(families));
    let mut text = String::new();
    // Writing to a string can't fail.
    let _ = prometheus_client::encoding::text::encode_registry(&mut text, &metrics);
    let mut told = String::with_capacity(text.len());
    for line in text.lines() {
        let described = line.strip_prefix("# HELP ").or_else(|| line.strip_prefix("# TYPE "));
        let name = described.and_then(|rest| rest.split(' ').next()).filter(|name| counters.contains(name));
        match (name, line.split_once('{')) {
            (Some(name), _) => told.push_str(&line.replacen(name, &format!("{name}_total"), 1)),
            // No labels, no braces.
            (None, Some((name, rest))) if rest.starts_with("} ") => told.extend([name, &rest[1..]]),
            (None, _) => told.push_str(line),
        }
        told.push('\n');
    }
    told
}

fn number(value: f64) -> Vec<Value> {
    vec![Value::Number(None, value)]
}

fn labelled<'a>(name: &'static str, values: impl IntoIterator<Item = (&'a str, f64)>) -> Vec<Value> {
    // Names of ours are words; as labels they are one.
    let shown = |value: &str| if name == "source" { value.to_owned() } else { value.replace(' ', "_") };
    values.into_iter().map(|(value, number)| Value::Number(Some((name, shown(value))), number)).collect()
}

fn families(registry: &Registry, scope: Scope) -> Vec<Family> {
    let mut families = Vec::new();
    let mut add = |name, help, is_counter, values: Vec<Value>| {
        if !values.is_empty() {
            families.push(Family { name, help, is_counter, values });
        }
    };
    let (counts, stats) = (&registry.tracker().counts, registry.stats());
    let report = (scope == Scope::Domain).then(|| AllocationReport::collect(registry, &mut Resolver::default(), false));
    let attempts = report.as_ref().map_or_else(|| registry.attempts(), |report| report.totals.results);
    let by_result = |attempts: &Attempts, is_attempt: bool| {
        let outcomes = Outcome::ALL.into_iter().filter(move |outcome| outcome.is_attempt() == is_attempt);
        let attempts = *attempts;
        outcomes.map(move |outcome| (outcome.name(), attempts.of(outcome) as f64))
    };
    add(
        "capbuf_allocation_attempts",
        "Attempts to get a buffer, by what came of them.",
        true,
        labelled("result", by_result(&attempts, true)),
    );
    add("capbuf_allocations", "Rings that were made.", true, number(attempts.allocations() as f64));
    add("capbuf_removals", "Buffers that were removed.", true, number(attempts.removed as f64));
    let tracks = f64::from(u8::from(registry.is_allocation_tracking()));
    add("capbuf_tracking_enabled", "Whether allocations are tracked.", false, number(tracks));
    if scope == Scope::Registry {
        add(
            "capbuf_mapped_bytes",
            "Bytes mapped for rings that this registry made.",
            false,
            number(stats.bytes as f64),
        );
        add("capbuf_budget_bytes", "Bytes that those may take.", false, number(stats.budget_bytes as f64));
        let reads = counts.reads();
        let reads = READ_RESULTS.iter().zip(reads).map(|(result, count)| (*result, count as f64));
        add("capbuf_reads", "Reads, by what came of them.", true, labelled("result", reads));
        let waits = counts.waits.load(Ordering::Relaxed) as f64;
        add("capbuf_read_waits", "Reads that slept until their frames came.", true, number(waits));
        let mut durations = |name, help, histogram: &Histogram| {
            let (buckets, sum) = histogram.told();
            add(name, help, false, vec![Value::Histogram(buckets, sum)]);
        };
        durations("capbuf_allocation_duration_seconds", "How long making a ring took.", &counts.allocation_durations);
        durations(
            "capbuf_read_duration_seconds",
            "How long reads took, waiting included, while allocations were tracked.",
            &counts.read_durations,
        );
    }
    if let Some(report) = &report {
        let held = report.totals.removed_and_held as f64;
        add("capbuf_removed_held_buffers", "Buffers that were removed and are still held.", false, number(held));
    } else {
        let held = registry.removed_and_held().len() as f64;
        add("capbuf_removed_held_buffers", "Buffers that were removed and are still held.", false, number(held));
    }
    let live = Live::of(registry);
    add("capbuf_live_buffers", "Buffers that there are.", false, number(live.buffers as f64));
    add("capbuf_live_bytes", "Bytes that the buffers take that there are.", false, number(live.bytes as f64));
    let pool = registry.pool_stats();
    add("capbuf_pool_rings", "Rings of removed buffers that are kept.", false, number(pool.rings as f64));
    add("capbuf_pool_bytes", "Bytes that they take.", false, number(pool.bytes as f64));
    if scope == Scope::Registry {
        add("capbuf_pool_hits", "Rings taken from the pool.", true, number(pool.hits as f64));
        add("capbuf_pool_misses", "Rings made as none in the pool fitted.", true, number(pool.misses as f64));
        add("capbuf_pool_trimmed", "Rings given back from the pool.", true, number(pool.trimmed as f64));
    }
    let anomalies = registry.anomalies();
    let kinds = AnomalyKind::ALL.into_iter().map(|kind| {
        let of_kind = anomalies.iter().filter(|anomaly| anomaly.kind == kind);
        (kind.name(), of_kind.map(|anomaly| anomaly.count as f64).sum())
    });
    add("capbuf_anomalies", "What watches of this registry found wrong.", true, labelled("kind", kinds));
    sources(&live, &mut add);
    families
}

/// The buffers that there are.
struct Live {
    buffers: usize,
    bytes: u64,
    /// Those that have metrics of their own.
    told: Vec<CaptureBuffer>,
}

impl Live {
    /// In a domain of many sources all files are looked at, and only those mapped that have metrics of their own.
    fn of(registry: &Registry) -> Self {
        let Some(domain) = registry.domain_itself() else {
            let mut told = registry.buffers();
            let bytes = told.iter().map(|buffer| buffer.shared.region.layout().region_bytes).sum();
            let buffers = told.len();
            told.truncate(MAX_METRIC_SOURCES);
            return Self { buffers, bytes, told };
        };
        // What can't be listed has no buffers to show.
        let sizes = domain.sizes().unwrap_or_default();
        let told = sizes.iter().filter_map(|(source, _)| registry.get(source.as_str())).take(MAX_METRIC_SOURCES);
        Self { buffers: sizes.len(), bytes: sizes.iter().map(|(_, bytes)| bytes).sum(), told: told.collect() }
    }
}

/// What is told of each source; of those beyond the bound only that there are more.
fn sources(live: &Live, add: &mut impl FnMut(&'static str, &'static str, bool, Vec<Value>)) {
    let told = &live.told;
    let labels = labels(told.iter().map(|buffer| buffer.source().as_str()));
    let untold = live.buffers.saturating_sub(told.len()) as f64;
    add(
        "capbuf_sources_without_metrics",
        "Sources beyond those that have metrics of their own.",
        false,
        number(untold),
    );
    let statuses: Vec<_> = told.iter().map(CaptureBuffer::status).collect();
    let each = |value: &dyn Fn(usize) -> Option<f64>| {
        let values = (0..told.len()).filter_map(|at| Some((labels[at].as_str(), value(at)?)));
        labelled("source", values)
    };
    let status = |at: usize| &statuses[at];
    add("capbuf_source_writes", "Calls of write.", true, each(&|at| Some(status(at).writes as f64)));
    add("capbuf_source_frames", "Frames written.", true, each(&|at| Some(status(at).newest_frame as f64)));
    add("capbuf_source_gaps", "Gaps recorded.", true, each(&|at| Some(status(at).gaps as f64)));
    let evictions = "Reads that came too late for some of their frames.";
    add("capbuf_source_evictions", evictions, true, each(&|at| Some(status(at).evictions as f64)));
    let age = "How long ago the newest frame was captured.";
    add("capbuf_source_last_write_age_seconds", age, false, each(&|at| Some(status(at).age?.as_secs_f64())));
    let peak = "Largest magnitude of the last second, full scale being 1.";
    add("capbuf_source_peak_ratio", peak, false, each(&|at| Some(status(at).level?.peak.into())));
    let rms = "Root of the mean square of the last second, full scale being 1.";
    add("capbuf_source_rms_ratio", rms, false, each(&|at| Some(status(at).level?.rms.into())));
    let writer = "Whether somebody who lives holds the writer.";
    add("capbuf_source_has_writer", writer, false, each(&|at| Some(f64::from(u8::from(status(at).has_writer)))));
    let restarts = "How often a source was opened again after it had run.";
    add("capbuf_source_restarts", restarts, true, each(&|at| Some(status(at).health.as_ref()?.restarts as f64)));
    let state = "What a source is doing, as who feeds it told: 1 idle, 2 starting, 3 running, 4 stalled, 5 backing off, 6 circuit open, \
                 7 stopped, 8 finished, 9 failed.";
    add("capbuf_source_state", state, false, each(&|at| Some(f64::from(status(at).health.as_ref()?.state as u32))));
    let kept = "How much audio is kept.";
    let kept_s = |at: usize| {
        let frames = status(at).newest_frame.saturating_sub(status(at).oldest_frame);
        Some(frames as f64 / f64::from(told[at].spec().sample_rate_hz()))
    };
    add("capbuf_source_kept_seconds", kept, false, each(&kept_s));
    let lag = "How far the last window read in this process ended behind the newest frame.";
    let lag_s = |at: usize| {
        let lag_frames = told[at].shared.window_lag_frames.load(Ordering::Relaxed);
        (lag_frames != u64::MAX).then(|| lag_frames as f64 / f64::from(told[at].spec().sample_rate_hz()))
    };
    add("capbuf_source_window_lag_seconds", lag, false, each(&lag_s));
}

/// A short name for each source, no two the same: without scheme, credentials and query, so that no URL is in a label.
fn labels<'a>(sources: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut named = Vec::new();
    let mut count: HashMap<String, usize> = HashMap::new();
    for source in sources {
        let name = label(source);
        *count.entry(name.clone()).or_default() += 1;
        named.push((name, source));
    }
    let unique = |(name, source): (String, &str)| match count[&name] {
        1 => name,
        _ => format!("{name} #{:08x}", key_of(source) >> 32),
    };
    named.into_iter().map(unique).collect()
}

fn label(source: &str) -> String {
    let shown = redact(source);
    let rest = shown.split_once("://").map_or(shown.as_str(), |(_, rest)| rest);
    let rest = rest.strip_prefix("***@").unwrap_or(rest);
    let path = if rest.len() < shown.len() { rest.split(['?', '#', ';']).next().unwrap_or_default() } else { rest };
    path.chars().take(LABEL_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{Length, SampleFormat, Spec};

    #[test]
    fn of_many_sources_of_a_domain_only_those_are_mapped_that_have_metrics_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Registry::builder().domains_folder(folder.path()).open("birds").unwrap();
        let (ours, looks) = (open(), open());
        let spec = Spec::new(Length::Frames(100), 1000, 1, SampleFormat::S16).unwrap();
        let of = |number: usize| ours.get_or_allocate(&format!("source {number:03}"), spec).unwrap();
        let buffers: Vec<_> = (0..MAX_METRIC_SOURCES + 30).map(of).collect();
        let bytes: u64 = buffers.iter().map(|buffer| buffer.status().bytes).sum();
        // One that can't be opened any more takes nobody's place, and is there.
        ours.remove("source 001").unwrap();
        let bytes = bytes - buffers[1].status().bytes;
        let told = text(&looks, Scope::Domain);
        for line in [
            "capbuf_live_buffers 93.0".to_owned(),
            format!("capbuf_live_bytes {bytes}.0"),
            "capbuf_sources_without_metrics 29.0".to_owned(),
            "capbuf_source_frames_total{source=\"source 064\"} 0.0".to_owned(),
        ] {
            assert!(told.lines().any(|told| told == line), "no {line} in\n{told}");
        }
        assert!(!told.contains("source 065"), "{told}");
        assert_eq!(looks.stats().rings_mapped, MAX_METRIC_SOURCES as u64);
    }

    #[test]
    fn a_label_is_short_tells_sources_apart_and_is_no_url() {
        let sources = ["rtsp://me:sesame@cam/1?x=1", "rtsp://you:sesame@cam/1", "device:alsa:hw:1,0", "me:sesame@host"];
        let labels = labels(sources.into_iter());
        assert!(labels[0].starts_with("cam/1 #") && labels[1].starts_with("cam/1 #") && labels[0] != labels[1]);
        assert_eq!(labels[2..], ["device:alsa:hw:1,0", "host"]);
        assert_eq!(label(&"x".repeat(1000)).len(), LABEL_CHARS);
    }
}
