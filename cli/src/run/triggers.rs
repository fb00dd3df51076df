//! The triggers of the daemon; a reload keeps those that did not change.

use capbuf::Registry;
use capbuf_capture::{Trigger, TriggerOptions};

/// The configuration of a trigger.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TriggerConfig {
    pub(super) source: String,
    pub(super) options: TriggerOptions,
}

/// The running triggers.
#[derive(Debug, Default)]
pub(super) struct Triggers {
    running: Vec<(TriggerConfig, Trigger)>,
}

impl Triggers {
    /// Starts and stops triggers until exactly these run. Waits for clips being written.
    pub(super) fn reconfigure(&mut self, registry: &Registry, wanted: &[TriggerConfig]) -> capbuf_capture::Result<()> {
        self.running.retain(|(config, _)| wanted.contains(config));
        for config in wanted {
            if self.running.iter().any(|(running, _)| running == config) {
                continue;
            }
            let source = capbuf::redact(&config.source);
            let log = move |clip: capbuf_capture::Result<capbuf_capture::ClipInfo>| match clip {
                Ok(clip) => {
                    let missing_frames = clip.missing.evicted_frames.saturating_add(clip.missing.not_yet_frames);
                    tracing::info!(source, path = %clip.path.display(), frames = clip.frames, missing_frames, "clip");
                }
                Err(error) => tracing::error!(source, %error, "clip"),
            };
            let trigger = Trigger::begin(registry, &config.source, config.options.clone(), log)?;
            self.running.push((config.clone(), trigger));
        }
        Ok(())
    }
}
