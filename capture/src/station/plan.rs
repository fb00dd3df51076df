//! The plan of a reconfiguration: the difference between the running and the configured sources.

use std::collections::BTreeMap;

use capbuf::{GapReason, Registry};

use super::carry;
use super::changes::Changes;
use super::config::SourceConfig;
use super::running::Running;
use crate::error::{Error, Result};

/// The configured sources, by name.
pub(super) type Configured<'a> = BTreeMap<&'a str, &'a SourceConfig>;

/// Checks a configuration.
pub(super) fn check<'a>(sources: &'a [SourceConfig], registry: &Registry) -> Result<Configured<'a>> {
    let mut configured = Configured::new();
    let mut total_bytes = 0_u64;
    for config in sources {
        let refused = |reason: String| {
            let name = if config.name.is_empty() { &config.locator } else { &config.name };
            Error::Config { source_name: capbuf::redact(name), reason }
        };
        capbuf::Source::new(&config.name).map_err(|error| refused(error.to_string()))?;
        config.source().map_err(|error| refused(error.to_string()))?;
        let spec = config.options.likely_spec().map_err(|error| refused(error.to_string()))?;
        total_bytes = total_bytes.saturating_add(spec.audio_bytes());
        let (limit, budget) = (registry.max_buffer_bytes(), registry.stats().budget_bytes);
        if spec.audio_bytes() > limit {
            return Err(refused(format!(
                "{spec} is {} bytes; allowed: up to {limit} in one buffer",
                spec.audio_bytes()
            )));
        }
        if total_bytes > budget {
            let own = spec.audio_bytes();
            return Err(refused(format!(
                "{spec} is {own} bytes; with it all buffers have {total_bytes} bytes, the budget is {budget}"
            )));
        }
        if configured.insert(&config.name, config).is_some() {
            return Err(refused("the name is given twice".to_owned()));
        }
    }
    Ok(configured)
}

/// The plan of a reconfiguration.
pub(super) struct Plan {
    pub(super) changes: Changes,
}

impl Plan {
    pub(super) fn of(running: &BTreeMap<String, Running>, configured: &Configured<'_>, registry: &Registry) -> Self {
        let mut changes = Changes::default();
        for (name, config) in configured {
            let list = match running.get(*name) {
                // A source that has ended or failed is started again.
                Some(running) if running.config == **config && !running.supervised.state().has_ended() => {
                    &mut changes.unchanged
                }
                running => match registry.get(name).map(|buffer| carry::compare(buffer.spec(), &config.options)) {
                    Some(carry::Fit::OtherLength) => &mut changes.resized,
                    Some(carry::Fit::OtherFormat) => &mut changes.reformatted,
                    _ if running.is_some() => &mut changes.restarted,
                    _ => &mut changes.started,
                },
            };
            list.push((*name).to_owned());
        }
        changes.stopped = running.keys().filter(|name| !configured.contains_key(name.as_str())).cloned().collect();
        Self { changes }
    }

    /// Returns the names of sources to start.
    pub(super) fn to_start(&self) -> impl Iterator<Item = &String> {
        let Changes { started, restarted, resized, reformatted, .. } = &self.changes;
        started.iter().chain(restarted).chain(resized).chain(reformatted)
    }

    /// Returns the reason of the gap in the buffer of a source that is restarted.
    pub(super) fn after(&self, name: &String) -> Option<GapReason> {
        let Changes { restarted, resized, .. } = &self.changes;
        (restarted.contains(name) || resized.contains(name)).then_some(GapReason::Reconfigured)
    }

    /// Returns the names of sources to stop, for good or to restart them.
    pub(super) fn to_stop(&self) -> impl Iterator<Item = &String> {
        self.to_start().chain(&self.changes.stopped)
    }
}
