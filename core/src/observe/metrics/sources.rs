//! Metrics of single sources.

use super::encode::{Value, labelled, number};
use super::labels::labels;
use crate::buffer::CaptureBuffer;
use crate::registry::Registry;
use crate::sync::Ordering;

/// How many sources have metrics of their own; there are totals of all.
pub const MAX_METRIC_SOURCES: usize = 64;

/// The buffers that there are.
pub(super) struct Live {
    pub(super) buffers: usize,
    pub(super) bytes: u64,
    /// Those that have metrics of their own.
    told: Vec<CaptureBuffer>,
}

impl Live {
    /// In a domain of many sources all files are looked at, and only those mapped that have metrics of their own.
    pub(super) fn of(registry: &Registry) -> Self {
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
pub(super) fn sources(live: &Live, add: &mut impl FnMut(&'static str, &'static str, bool, Vec<Value>)) {
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
