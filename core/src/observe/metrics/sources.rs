//! Metrics of single sources.

use std::collections::BTreeMap;

use super::encode::{Value, labelled, number};
use super::labels::labels;
use crate::buffer::{CaptureBuffer, SourceHealth};
use crate::registry::Registry;
use crate::source::Source;
use crate::sync::Ordering;

/// Maximum number of sources with metrics of their own; totals cover all sources.
pub const MAX_METRIC_SOURCES: usize = 64;

/// Live buffers, and the sources that have none yet.
pub(super) struct Live {
    pub(super) buffers: usize,
    pub(super) bytes: u64,
    /// Sources, those without a buffer included.
    sources: usize,
    /// Sources with metrics of their own.
    listed: Vec<Listed>,
}

/// A source with metrics of its own.
struct Listed {
    source: Source,
    buffer: Option<CaptureBuffer>,
    /// As its living recorder published it; `None` if that of the buffer counts.
    health: Option<SourceHealth>,
}

impl Live {
    /// In a domain, reads the sizes of all buffers and maps only those with metrics of their own.
    pub(super) fn of(registry: &Registry) -> Self {
        let sizes: Vec<(Source, u64)> = match registry.domain_itself().map(|domain| domain.sizes()) {
            Some(Ok(sizes)) => sizes,
            // In a folder that can't be listed those that are mapped are known.
            _ => {
                let bytes = |buffer: &CaptureBuffer| buffer.shared.region.layout().region_bytes;
                registry.mapped_buffers().iter().map(|buffer| (buffer.source().clone(), bytes(buffer))).collect()
            }
        };
        let (buffers, bytes) = (sizes.len(), sizes.iter().map(|(_, bytes)| bytes).sum());
        let mut sources: BTreeMap<Source, Option<SourceHealth>> =
            sizes.iter().map(|(source, _)| (source.clone(), None)).collect();
        sources.extend(registry.recorded().into_iter().map(|recorded| (recorded.source, Some(recorded.health))));
        let count = sources.len();
        let listed = sources.into_iter().filter_map(|(source, health)| {
            let buffer = registry.get(source.as_str());
            // A removed buffer takes none of the places.
            (buffer.is_some() || health.is_some()).then_some(Listed { source, buffer, health })
        });
        Self { buffers, bytes, sources: count, listed: listed.take(MAX_METRIC_SOURCES).collect() }
    }
}

/// Returns the labels of sources. Equal names are numbered by age: a label stays when another
/// buffer is added. Sources without a buffer come last.
fn labels_by_age(listed: &[Listed]) -> Vec<String> {
    let mut by_age: Vec<_> = (0..listed.len()).collect();
    by_age.sort_by_key(|at| {
        listed[*at].buffer.as_ref().map_or((i64::MAX, 0), |buffer| {
            let created = &buffer.shared.region.header().created_utc_ns;
            (created.load(Ordering::Relaxed), buffer.id())
        })
    });
    let mut labelled = vec![String::new(); listed.len()];
    let labels = labels(by_age.iter().map(|at| listed[*at].source.as_str()));
    by_age.iter().zip(labels).for_each(|(at, label)| labelled[*at] = label);
    labelled
}

/// Adds the metrics of each listed source, and the number of the others.
pub(super) fn sources(live: &Live, add: &mut impl FnMut(&'static str, &'static str, bool, Vec<Value>)) {
    let listed = &live.listed;
    let labels = labels_by_age(listed);
    let unlisted = live.sources.saturating_sub(listed.len()) as f64;
    add("capbuf_sources_without_metrics", "Sources without metrics of their own.", false, number(unlisted));
    let buffer = |at: usize| listed[at].buffer.as_ref();
    let statuses: Vec<_> = listed.iter().map(|listed| listed.buffer.as_ref().map(CaptureBuffer::status)).collect();
    let each = |value: &dyn Fn(usize) -> Option<f64>| {
        let values = (0..listed.len()).filter_map(|at| Some((labels[at].as_str(), value(at)?)));
        labelled("source", values)
    };
    let status = |at: usize| statuses[at].as_ref();
    let health = |at: usize| listed[at].health.as_ref().or_else(|| status(at)?.health.as_ref());
    add("capbuf_source_writes", "Calls of write.", true, each(&|at| Some(status(at)?.writes as f64)));
    add("capbuf_source_frames", "Frames written.", true, each(&|at| Some(status(at)?.newest_frame as f64)));
    add("capbuf_source_gaps", "Gaps recorded.", true, each(&|at| Some(status(at)?.gaps as f64)));
    let evictions = "Reads that came too late for some of their frames.";
    add("capbuf_source_evictions", evictions, true, each(&|at| Some(status(at)?.evictions as f64)));
    let age = "Time since the newest frame was captured.";
    add("capbuf_source_last_write_age_seconds", age, false, each(&|at| Some(status(at)?.age?.as_secs_f64())));
    let peak = "Peak magnitude of the last second; full scale is 1.";
    add("capbuf_source_peak_ratio", peak, false, each(&|at| Some(status(at)?.level?.peak.into())));
    let rms = "Root mean square of the last second; full scale is 1.";
    add("capbuf_source_rms_ratio", rms, false, each(&|at| Some(status(at)?.level?.rms.into())));
    let writer = "1 if a live process holds the writer; 0 also for a source that was not opened yet.";
    let has_writer = |at: usize| Some(f64::from(u8::from(status(at).is_some_and(|status| status.has_writer))));
    add("capbuf_source_has_writer", writer, false, each(&has_writer));
    let lost = "Buffers of a source that were removed, or whose files were taken away, while it was recorded.";
    let losses = |at: usize| Some(buffer(at)?.shared.region.header().readers.losses.load(Ordering::Relaxed).into());
    add("capbuf_source_buffers_lost", lost, true, each(&losses));
    let restarts = "Number of times that a source was reopened after it had run.";
    add("capbuf_source_restarts", restarts, true, each(&|at| Some(health(at)?.restarts as f64)));
    let state = "State of a source, as published by its supervisor: 1 idle, 2 starting, 3 running, 4 stalled, 5 backing off, 6 circuit open, \
                 7 stopped, 8 finished, 9 failed.";
    add("capbuf_source_state", state, false, each(&|at| Some(f64::from(health(at)?.state as u32))));
    let kept = "Duration of the audio kept.";
    let kept_s = |at: usize| {
        let frames = status(at)?.newest_frame.saturating_sub(status(at)?.oldest_frame);
        Some(frames as f64 / f64::from(buffer(at)?.spec().sample_rate_hz()))
    };
    add("capbuf_source_kept_seconds", kept, false, each(&kept_s));
    let uncertainty = "Bound of the error of the newest frame's time, by the clock that gave it.";
    let uncertain = (0..listed.len()).filter_map(|at| {
        let timing = status(at)?.timing?;
        let labels = vec![("source", labels[at].clone()), ("clock", timing.clock.name().to_owned())];
        Some(Value::Number(labels, timing.uncertainty_ns as f64 * 1e-9))
    });
    add("capbuf_timeline_uncertainty_seconds", uncertainty, false, uncertain.collect());
    let lag = "Time from the end of the last window read in this process to the newest frame.";
    let lag_s = |at: usize| {
        let lag_frames = buffer(at)?.shared.window_lag_frames.load(Ordering::Relaxed);
        (lag_frames != u64::MAX).then_some(lag_frames as f64 / f64::from(buffer(at)?.spec().sample_rate_hz()))
    };
    add("capbuf_source_window_lag_seconds", lag, false, each(&lag_s));
}
