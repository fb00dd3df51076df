//! What is to be done to get from what runs to what is wanted.

use std::collections::BTreeMap;

use capbuf::{GapReason, Registry};

use super::{Changes, Running, SourceConfig, carry};
use crate::error::{Error, Result};
use crate::locator::Locator;

/// What is wanted, by name.
pub(super) type Wanted<'a> = BTreeMap<&'a str, &'a SourceConfig>;

/// Checks a configuration as a whole, before anything is changed.
pub(super) fn check<'a>(sources: &'a [SourceConfig], registry: &Registry) -> Result<Wanted<'a>> {
    let mut wanted = Wanted::new();
    let mut total_bytes = 0_u64;
    for config in sources {
        let refused = |reason: String| {
            let name = if config.name.is_empty() { &config.locator } else { &config.name };
            Error::Config { source_name: capbuf::redact(name), reason }
        };
        capbuf::Source::new(&config.name).map_err(|error| refused(error.to_string()))?;
        config.locator.parse::<Locator>().map_err(|error| refused(error.to_string()))?;
        let spec = config.options.likely_spec().map_err(|error| refused(error.to_string()))?;
        total_bytes = total_bytes.saturating_add(spec.audio_bytes());
        let (limit, budget) = (registry.max_buffer_bytes(), registry.stats().budget_bytes);
        if spec.audio_bytes() > limit {
            return Err(refused(format!("{spec} is {} bytes, one buffer allows {limit}", spec.audio_bytes())));
        }
        if total_bytes > budget {
            return Err(refused(format!("with it all buffers have {total_bytes} bytes, the budget is {budget}")));
        }
        if wanted.insert(&config.name, config).is_some() {
            return Err(refused("the name is given twice".to_owned()));
        }
    }
    Ok(wanted)
}

/// The way from what runs to what is wanted.
pub(super) struct Plan {
    pub(super) changes: Changes,
}

impl Plan {
    pub(super) fn of(running: &BTreeMap<String, Running>, wanted: &Wanted<'_>, registry: &Registry) -> Self {
        let mut changes = Changes::default();
        for (name, config) in wanted {
            let list = match running.get(*name) {
                // What has failed for good, or ended, is begun again when it is asked for again.
                Some(running) if running.config == **config && !running.supervised.state().has_ended() => {
                    &mut changes.unchanged
                }
                running => match registry.get(name).map(|buffer| carry::fits(buffer.spec(), &config.options)) {
                    Some(carry::Fit::OtherLength) => &mut changes.resized,
                    Some(carry::Fit::OtherFormat) => &mut changes.reformatted,
                    _ if running.is_some() => &mut changes.restarted,
                    _ => &mut changes.started,
                },
            };
            list.push((*name).to_owned());
        }
        changes.stopped = running.keys().filter(|name| !wanted.contains_key(name.as_str())).cloned().collect();
        Self { changes }
    }

    /// The names of sources that are begun.
    pub(super) fn to_begin(&self) -> impl Iterator<Item = &String> {
        let Changes { started, restarted, resized, reformatted, .. } = &self.changes;
        started.iter().chain(restarted).chain(resized).chain(reformatted)
    }

    /// Why the audio of a source that is begun does not go on, where this is why.
    pub(super) fn after(&self, name: &String) -> Option<GapReason> {
        let Changes { restarted, resized, .. } = &self.changes;
        (restarted.contains(name) || resized.contains(name)).then_some(GapReason::Reconfigured)
    }

    /// The names of sources that are ended, as they are gone or to begin anew.
    pub(super) fn to_end(&self) -> impl Iterator<Item = &String> {
        self.to_begin().chain(&self.changes.stopped)
    }
}
