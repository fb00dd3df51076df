//! The triggers of the daemon; a reload keeps those that did not change.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use capbuf::{Registry, Timing};
use capbuf_capture::{Trigger, TriggerOptions};

/// The configuration of a trigger.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TriggerConfig {
    pub(super) source: String,
    pub(super) options: TriggerOptions,
}

/// The running triggers. Clones share them. No call but [`Triggers::stop`] waits for a clip.
#[derive(Debug, Clone, Default)]
pub(super) struct Triggers {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug, Default)]
struct Shared {
    running: Vec<(TriggerConfig, Trigger)>,
    /// Removed from the configuration, or changed; each ends with its pending clip.
    finishing: Vec<Trigger>,
    is_stopped: bool,
}

impl Triggers {
    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts and ends triggers until exactly these run. A trigger that ends completes its pending
    /// clip on its own thread.
    pub(super) fn reconfigure(&self, registry: &Registry, wanted: &[TriggerConfig]) -> capbuf_capture::Result<()> {
        let mut missing: Vec<&TriggerConfig> = Vec::new();
        for config in wanted {
            let is_running = self.lock().running.iter().any(|(running, _)| running == config);
            if !is_running && !missing.contains(&config) {
                missing.push(config);
            }
        }
        // Begun before the old ones end, so that no event falls in between; without the lock.
        let begun = missing.into_iter().map(|config| Ok((config.clone(), begin(registry, config)?)));
        let begun = begun.collect::<capbuf_capture::Result<Vec<_>>>()?;
        let mut shared = self.lock();
        if shared.is_stopped {
            return Ok(());
        }
        let running = std::mem::take(&mut shared.running);
        let (mut kept, old): (Vec<_>, Vec<_>) = running.into_iter().partition(|(config, _)| wanted.contains(config));
        for (_, trigger) in old {
            trigger.request_finish();
            shared.finishing.push(trigger);
        }
        kept.extend(begun);
        shared.running = kept;
        Ok(())
    }

    /// Drops triggers that have ended.
    pub(super) fn drop_ended(&self) {
        self.lock().finishing.retain(|trigger| !trigger.has_ended());
    }

    /// Ends all triggers, which write their pending clips at once, and waits for them until
    /// `deadline`. Returns whether all have ended.
    pub(super) fn stop(&self, deadline: Instant) -> bool {
        const LOOK_EVERY: Duration = Duration::from_millis(5);
        let mut shared = self.lock();
        shared.is_stopped = true;
        let running = std::mem::take(&mut shared.running);
        shared.finishing.extend(running.into_iter().map(|(_, trigger)| trigger));
        shared.finishing.iter().for_each(Trigger::request_stop);
        loop {
            shared.finishing.retain(|trigger| !trigger.has_ended());
            if shared.finishing.is_empty() {
                return true;
            }
            if Instant::now() >= deadline {
                return false;
            }
            thread::sleep(LOOK_EVERY);
        }
    }
}

fn begin(registry: &Registry, config: &TriggerConfig) -> capbuf_capture::Result<Trigger> {
    let source = capbuf::redact(&config.source);
    let log = move |clip: capbuf_capture::Result<capbuf_capture::ClipInfo>| match clip {
        Ok(clip) => {
            let missing_frames = clip.missing.evicted_frames.saturating_add(clip.missing.not_yet_frames);
            let Timing { clock, latency_ns, uncertainty_ns, .. } = clip.timing;
            let (path, frames) = (clip.path.display(), clip.frames);
            tracing::info!(source, %path, frames, missing_frames, %clock, latency_ns, uncertainty_ns, "clip");
        }
        Err(error) => tracing::error!(source, %error, "clip"),
    };
    Trigger::begin(registry, &config.source, config.options.clone(), log)
}
