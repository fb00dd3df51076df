//! Watches a registry, or a whole domain, for anomalies.

mod detector;
mod rules;
mod settings;
mod snapshot;
#[cfg(test)]
mod tests;
mod thread;

pub use detector::Detector;
pub(super) use rules::Rules;
pub use settings::WatchSettings;
pub(super) use snapshot::Snapshot;
pub use thread::Watch;
