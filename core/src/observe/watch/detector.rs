//! A detector: applies the rules to a registry on each call.

use std::fmt;

use super::rules::Rules;
use super::settings::WatchSettings;
use super::snapshot::Snapshot;
use crate::registry::Registry;
use crate::track::{Anomaly, Resolver, Severity};

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
}

impl Detector {
    /// Creates a detector. A condition that exists before the first look counts from that look.
    pub fn new(settings: WatchSettings) -> Self {
        Self { rules: Rules::new(settings), resolver: Resolver::default() }
    }

    /// Examines `registry`; returns the anomalies that are new since the last look. Reads files,
    /// allocates: not for the audio thread.
    pub fn look(&mut self, registry: &Registry) -> Vec<Anomaly> {
        let events = self.rules.step(&Snapshot::of(registry, &mut self.resolver));
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
