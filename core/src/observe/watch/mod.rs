//! Watches a registry, or a whole domain, for anomalies.

mod detector;
mod rules;
mod settings;
mod snapshot;
#[cfg(test)]
mod tests;
mod thread;

pub use detector::Detector;
pub use settings::WatchSettings;
pub use thread::Watch;
