//! A detector: applies the rules to a registry on each call.

use std::collections::HashMap;
use std::fmt;

use super::rules::Rules;
use super::settings::WatchSettings;
use super::snapshot::Snapshot;
use crate::observe::report::AllocationReport;
use crate::registry::Registry;
use crate::track::{Anomaly, AnomalyKind, Resolver, Severity};

/// Finds anomalies in a registry on each call of [`Detector::look`]: for programs with their own
/// loop.
///
/// Successive calls may pass different registries of one domain. See [`Registry::watch`] for a
/// thread that calls it.
///
/// ```
/// use capbuf::{Detector, Registry, WatchSettings};
///
/// let registry = Registry::private();
/// let mut detector = Detector::new(WatchSettings::default());
/// assert!(detector.look(&registry).is_empty());
/// ```
pub struct Detector {
    rules: Rules,
    resolver: Resolver,
    /// Anomalies of the past and of other processes that were returned, each with its count; `None`
    /// for a detector of the present.
    past: Option<HashMap<(AnomalyKind, Option<String>), u64>>,
}

impl Detector {
    /// Creates a detector. A condition that exists before the first look counts from that look.
    pub fn new(settings: WatchSettings) -> Self {
        Self { rules: Rules::new(settings), resolver: Resolver::default(), past: None }
    }

    /// Creates a detector for an observer from outside: its looks also return what the logs of the
    /// domain's processes hold, and what the watches of those processes have found.
    pub fn with_past(settings: WatchSettings) -> Self {
        Self { past: Some(HashMap::new()), ..Self::new(settings) }
    }

    /// Examines `registry`; returns the anomalies that are new since the last look. Reads files,
    /// allocates: not for the audio thread.
    pub fn look(&mut self, registry: &Registry) -> Vec<Anomaly> {
        let report = AllocationReport::collect(registry, &mut self.resolver, false);
        let mut events = self.rules.step(&Snapshot::of_report(&report, registry));
        if let Some(past) = &mut self.past {
            let found = self.rules.found();
            let is_found = |anomaly: &Anomaly| {
                found.iter().any(|known| (known.kind, &known.source) == (anomaly.kind, &anomaly.source))
            };
            // With the paths to a place, which the rules take together.
            let report = AllocationReport::with_findings(registry, &mut self.resolver, true);
            for anomaly in report.anomalies.into_iter().filter(|anomaly| !is_found(anomaly)) {
                let returned = past.entry((anomaly.kind, anomaly.source.clone())).or_default();
                if anomaly.count > *returned {
                    *returned = anomaly.count;
                    events.push(anomaly);
                }
            }
        }
        for event in &events {
            log(event);
        }
        events
    }

    /// Returns the anomalies found so far, oldest first: the newest 1 024.
    pub fn found(&self) -> Vec<Anomaly> {
        self.rules.found()
    }
}

impl fmt::Debug for Detector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Detector").field("found", &self.found().len()).finish_non_exhaustive()
    }
}

fn log(event: &Anomaly) {
    let (kind, source) = (event.kind.name(), event.source.as_deref().unwrap_or_default());
    let (evidence, advice) = (&event.evidence, event.advice);
    match event.severity {
        Severity::Notice => tracing::info!(target: "capbuf", kind, source, advice, "{evidence}"),
        Severity::Warning => tracing::warn!(target: "capbuf", kind, source, advice, "{evidence}"),
        Severity::Severe => tracing::error!(target: "capbuf", kind, source, advice, "{evidence}"),
    }
}
