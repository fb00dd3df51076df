//! A detector: the rules, applied to a registry each time it is asked.

use std::fmt;

use super::rules::Rules;
use super::settings::WatchSettings;
use super::snapshot::Snapshot;
use crate::registry::Registry;
use crate::track::{Anomaly, Resolver, Severity};

/// Looks at a registry when it is told to, and finds what is wrong: for who has a loop of his own.
///
/// Registries may change from look to look, if they are of one domain. See [`Registry::watch`] for a thread that looks.
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
    /// Makes one that has seen nothing yet: what was wrong before its first look counts as from then on.
    pub fn new(settings: WatchSettings) -> Self {
        Self { rules: Rules::new(settings), resolver: Resolver::default() }
    }

    /// Looks; returns what is wrong and was not at the last look. Reads files, allocates: not for the audio thread.
    pub fn look(&mut self, registry: &Registry) -> Vec<Anomaly> {
        let events = self.rules.step(&Snapshot::of(registry, &mut self.resolver));
        for event in &events {
            tell(event);
        }
        events
    }

    /// Everything that was found so far, the oldest first, with how often and when last: the newest 1 024.
    pub fn found(&self) -> Vec<Anomaly> {
        self.rules.found()
    }
}

impl fmt::Debug for Detector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Detector").field("found", &self.found().len()).finish_non_exhaustive()
    }
}

fn tell(event: &Anomaly) {
    let (kind, source) = (event.kind.name(), event.source.as_deref().unwrap_or_default());
    let (evidence, advice) = (&event.evidence, event.advice);
    match event.severity {
        Severity::Notice => tracing::info!(target: "capbuf", kind, source, advice, "{evidence}"),
        Severity::Warning => tracing::warn!(target: "capbuf", kind, source, advice, "{evidence}"),
        Severity::Severe => tracing::error!(target: "capbuf", kind, source, advice, "{evidence}"),
    }
}
