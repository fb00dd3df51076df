//! Rings of sources that have left the configuration: removed later, unless the source comes back.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use capbuf::{CaptureBuffer, Registry};
use capbuf_capture::{SourceConfig, Station, WhenGone};

/// The rings to remove, and what to do with those of the configured sources when they are gone.
#[derive(Debug, Default)]
pub(super) struct Removals {
    when_gone: HashMap<String, WhenGone>,
    waiting: BTreeMap<String, Waiting>,
}

/// A ring to remove.
#[derive(Debug)]
struct Waiting {
    due: Instant,
    /// Held, so that a ring whose lifetime is `while open` stays as well.
    buffer: CaptureBuffer,
}

impl Removals {
    /// Returns the rings that these sources leave behind. Called before they are reconfigured.
    pub(super) fn left_by(&self, registry: &Registry, sources: &[SourceConfig]) -> Vec<(String, CaptureBuffer)> {
        let gone = self.when_gone.iter().filter(|(name, when_gone)| {
            **when_gone == WhenGone::Remove && !sources.iter().any(|source| source.name() == name.as_str())
        });
        gone.filter_map(|(name, _)| Some((name.clone(), registry.get(name)?))).collect()
    }

    /// Notes a configuration that was applied: `left` are removed after `remove_after`.
    pub(super) fn update(
        &mut self,
        when_gone: &HashMap<String, WhenGone>,
        left: Vec<(String, CaptureBuffer)>,
        remove_after: Duration,
    ) {
        self.when_gone.clone_from(when_gone);
        let now = Instant::now();
        for (name, buffer) in left {
            tracing::info!(source = capbuf::redact(&name), ?remove_after, "no longer configured; its audio is removed");
            // Later than the clock can tell is never.
            if let Some(due) = now.checked_add(remove_after) {
                self.waiting.insert(name, Waiting { due, buffer });
            }
        }
        self.waiting.retain(|name, _| !when_gone.contains_key(name));
    }

    /// Removes the rings that are due.
    pub(super) fn remove_due(&mut self, registry: &Registry) {
        let now = Instant::now();
        let due: Vec<_> =
            self.waiting.iter().filter(|(_, waiting)| waiting.due <= now).map(|(name, _)| name.clone()).collect();
        due.iter().for_each(|name| self.remove(name, registry));
    }

    /// Removes rings ahead of time, the first due one first, until these sources fit into the
    /// budget.
    pub(super) fn make_room(&mut self, registry: &Registry, sources: &[SourceConfig]) {
        let budget_bytes = registry.stats().budget_bytes;
        loop {
            let waiting = self.waiting.iter().filter(|(name, _)| !sources.iter().any(|source| source.name() == *name));
            let held_bytes: u64 = waiting.clone().map(|(_, waiting)| waiting.buffer.spec().audio_bytes()).sum();
            let Some((name, _)) = waiting.min_by_key(|(_, waiting)| waiting.due) else { return };
            let rest = Registry::builder().budget_bytes(budget_bytes.saturating_sub(held_bytes)).build();
            if Station::new(&rest).check(sources).is_ok() {
                return;
            }
            let name = name.clone();
            self.remove(&name, registry);
        }
    }

    fn remove(&mut self, name: &str, registry: &Registry) {
        let Some(Waiting { buffer, .. }) = self.waiting.remove(name) else { return };
        // It may have been removed, and made anew, by others.
        if registry.get(name).is_none_or(|found| !found.same_as(&buffer)) {
            return;
        }
        let source = capbuf::redact(name);
        match registry.remove(name) {
            Ok(()) => tracing::info!(source, "removed its audio, as it is no longer configured"),
            Err(error) => tracing::error!(source, %error, "can't remove its audio"),
        }
    }

    /// Returns the number of rings to be removed.
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }
}
