//! Metrics of single sources.

use super::encode::{Value, labelled, number};
use super::labels::labels;
use crate::buffer::CaptureBuffer;
use crate::registry::Registry;
use crate::sync::Ordering;

/// Maximum number of sources with metrics of their own; totals cover all sources.
pub const MAX_METRIC_SOURCES: usize = 64;

/// Live buffers.
pub(super) struct Live {
    pub(super) buffers: usize,
    pub(super) bytes: u64,
    /// Buffers with metrics of their own.
    listed: Vec<CaptureBuffer>,
}

impl Live {
    /// In a domain, reads the sizes of all buffers and maps only those with metrics of their own.
    pub(super) fn of(registry: &Registry) -> Self {
        let sizes = registry.domain_itself().map(|domain| domain.sizes());
        let Some(Ok(sizes)) = sizes else {
            // In a folder that can't be listed those that are mapped are known.
            let mut listed = registry.mapped_buffers();
            listed.sort_by(|one, other| one.source().cmp(other.source()));
            let bytes = listed.iter().map(|buffer| buffer.shared.region.layout().region_bytes).sum();
            let buffers = listed.len();
            listed.truncate(MAX_METRIC_SOURCES);
            return Self { buffers, bytes, listed };
        };
        let listed = sizes.iter().filter_map(|(source, _)| registry.get(source.as_str())).take(MAX_METRIC_SOURCES);
        Self { buffers: sizes.len(), bytes: sizes.iter().map(|(_, bytes)| bytes).sum(), listed: listed.collect() }
    }
}

/// Returns the labels of buffers. Equal names are numbered by age: a label stays when another
/// buffer is added.
fn labels_by_age(listed: &[CaptureBuffer]) -> Vec<String> {
    let mut by_age: Vec<_> = (0..listed.len()).collect();
    by_age.sort_by_key(|at| {
        let created = &listed[*at].shared.region.header().created_utc_ns;
        (created.load(Ordering::Relaxed), listed[*at].id())
    });
    let mut labelled = vec![String::new(); listed.len()];
    let labels = labels(by_age.iter().map(|at| listed[*at].source().as_str()));
    by_age.iter().zip(labels).for_each(|(at, label)| labelled[*at] = label);
    labelled
}

/// Adds the metrics of each listed source, and the number of the others.
pub(super) fn sources(live: &Live, add: &mut impl FnMut(&'static str, &'static str, bool, Vec<Value>)) {
    let listed = &live.listed;
    let labels = labels_by_age(listed);
    let unlisted = live.buffers.saturating_sub(listed.len()) as f64;
    add("capbuf_sources_without_metrics", "Sources without metrics of their own.", false, number(unlisted));
    let statuses: Vec<_> = listed.iter().map(CaptureBuffer::status).collect();
    let each = |value: &dyn Fn(usize) -> Option<f64>| {
        let values = (0..listed.len()).filter_map(|at| Some((labels[at].as_str(), value(at)?)));
        labelled("source", values)
    };
    let status = |at: usize| &statuses[at];
    add("capbuf_source_writes", "Calls of write.", true, each(&|at| Some(status(at).writes as f64)));
    add("capbuf_source_frames", "Frames written.", true, each(&|at| Some(status(at).newest_frame as f64)));
    add("capbuf_source_gaps", "Gaps recorded.", true, each(&|at| Some(status(at).gaps as f64)));
    let evictions = "Reads that came too late for some of their frames.";
    add("capbuf_source_evictions", evictions, true, each(&|at| Some(status(at).evictions as f64)));
    let age = "Time since the newest frame was captured.";
    add("capbuf_source_last_write_age_seconds", age, false, each(&|at| Some(status(at).age?.as_secs_f64())));
    let peak = "Peak magnitude of the last second; full scale is 1.";
    add("capbuf_source_peak_ratio", peak, false, each(&|at| Some(status(at).level?.peak.into())));
    let rms = "Root mean square of the last second; full scale is 1.";
    add("capbuf_source_rms_ratio", rms, false, each(&|at| Some(status(at).level?.rms.into())));
    let writer = "1 if a live process holds the writer.";
    add("capbuf_source_has_writer", writer, false, each(&|at| Some(f64::from(u8::from(status(at).has_writer)))));
    let restarts = "Number of times that a source was reopened after it had run.";
    add("capbuf_source_restarts", restarts, true, each(&|at| Some(status(at).health.as_ref()?.restarts as f64)));
    let state = "State of a source, as published by its supervisor: 1 idle, 2 starting, 3 running, 4 stalled, 5 backing off, 6 circuit open, \
                 7 stopped, 8 finished, 9 failed.";
    add("capbuf_source_state", state, false, each(&|at| Some(f64::from(status(at).health.as_ref()?.state as u32))));
    let kept = "Duration of the audio kept.";
    let kept_s = |at: usize| {
        let frames = status(at).newest_frame.saturating_sub(status(at).oldest_frame);
        Some(frames as f64 / f64::from(listed[at].spec().sample_rate_hz()))
    };
    add("capbuf_source_kept_seconds", kept, false, each(&kept_s));
    let lag = "Time from the end of the last window read in this process to the newest frame.";
    let lag_s = |at: usize| {
        let lag_frames = listed[at].shared.window_lag_frames.load(Ordering::Relaxed);
        (lag_frames != u64::MAX).then(|| lag_frames as f64 / f64::from(listed[at].spec().sample_rate_hz()))
    };
    add("capbuf_source_window_lag_seconds", lag, false, each(&lag_s));
}
