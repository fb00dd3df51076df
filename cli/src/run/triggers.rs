//! The triggers of a daemon: those that did not change go on.

use capbuf::Registry;
use capbuf_capture::{Trigger, TriggerOptions};

/// A trigger as it is configured.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TriggerConfig {
    pub(super) source: String,
    pub(super) options: TriggerOptions,
}

/// Those that listen.
#[derive(Debug, Default)]
pub(super) struct Triggers {
    running: Vec<(TriggerConfig, Trigger)>,
}

impl Triggers {
    /// Has these listen, and no others. Waits for clips that are being written.
    pub(super) fn reconfigure(&mut self, registry: &Registry, wanted: &[TriggerConfig]) -> capbuf_capture::Result<()> {
        self.running.retain(|(config, _)| wanted.contains(config));
        for config in wanted {
            if self.running.iter().any(|(running, _)| running == config) {
                continue;
            }
            let source = capbuf::redact(&config.source);
            let told = move |clip: capbuf_capture::Result<capbuf_capture::ClipInfo>| match clip {
                Ok(clip) => {
                    let missing_frames = clip.missing.evicted_frames.saturating_add(clip.missing.not_yet_frames);
                    tracing::info!(source, path = %clip.path.display(), frames = clip.frames, missing_frames, "clip");
                }
                Err(error) => tracing::error!(source, %error, "clip"),
            };
            let trigger = Trigger::begin(registry, &config.source, config.options.clone(), told)?;
            self.running.push((config.clone(), trigger));
        }
        Ok(())
    }
}
