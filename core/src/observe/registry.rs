//! What a registry tells of itself: tracking, reports, metrics, anomalies.

use super::metrics::{self, Scope};
use super::report::{AllocationReport, Attempts};
use super::watch::{Watch, WatchSettings};
use crate::error::Result;
use crate::registry::Registry;
use crate::sync::{Ordering, process};
use crate::track::Anomaly;

impl Registry {
    /// Records every attempt to get a buffer from here on, with what came of it, when, by whom and from where; or ends that.
    ///
    /// Off, it costs one relaxed load an attempt. On, some microseconds, no lock, and memory of a fixed size: see
    /// [`RegistryBuilder::tracked_sources`](crate::RegistryBuilder::tracked_sources). Counts go on from what they were. In a domain every process decides for itself, and
    /// the report of any tells of all that track. From outside `DEBUG_BUFFER_ALLOC=true` does the same from the beginning.
    pub fn enable_allocation_tracking(&self, enable: bool) {
        self.tracker().set(enable);
    }

    /// Tells whether attempts are recorded. Wait-free: a load.
    pub fn is_allocation_tracking(&self) -> bool {
        self.tracker().is_on()
    }

    /// Tells everything that is known of allocations: in a domain, those of all its processes.
    ///
    /// Attempts, allocations and live buffers by source and call site, who holds what, and the newest stacks; of attempts what was
    /// recorded while tracking was enabled. Reads files, resolves stacks, allocates: not for the audio thread.
    pub fn allocation_report(&self) -> AllocationReport {
        AllocationReport::of(self)
    }

    /// Metrics of this registry and its buffers, in Prometheus's text format.
    ///
    /// Attempts and reads are this registry's own, counted all the time and at no cost to a hit; writes, frames, gaps and evictions are
    /// those of the buffers, whoever wrote and read them. Up to [`MAX_METRIC_SOURCES`](crate::MAX_METRIC_SOURCES) sources have
    /// metrics of their own, by a short name without credentials. Reads the last second of each to measure its level: not for
    /// the audio thread.
    ///
    /// ```
    /// # let registry = capbuf::Registry::private();
    /// assert!(registry.metrics_text().contains("capbuf_live_buffers 0"));
    /// ```
    pub fn metrics_text(&self) -> String {
        metrics::text(self, Scope::Registry)
    }

    /// Metrics of a whole domain, for who looks at it from outside: attempts are those of all processes that track, see
    /// [`Registry::allocation_report`]; what only each process knows, its reads and their durations, is left out.
    pub fn domain_metrics_text(&self) -> String {
        metrics::text(self, Scope::Domain)
    }

    /// Starts a thread that looks after this registry, or its domain, and tells what is wrong: to who asks the watch that is returned,
    /// in [`Registry::allocation_report`], in metrics, and as events of the crate `tracing`. It ends when the watch is dropped.
    ///
    /// Some things are known only of what is tracked, see [`Registry::enable_allocation_tracking`]. A buffer is kept from going
    /// by no watch.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) if `settings.every` is zero;
    /// [`Error::System`](crate::Error::System) if no thread can be started.
    ///
    /// ```
    /// use std::time::Duration;
    /// use capbuf::{AnomalyKind, Length, Registry, SampleFormat, Spec, WatchSettings};
    ///
    /// let registry = Registry::private();
    /// let mut settings = WatchSettings::default();
    /// settings.every = Duration::from_millis(10);
    /// let watch = registry.watch(settings)?;
    /// let spec = Spec::new(Length::Seconds(1.0), 8000, 1, SampleFormat::S16)?;
    /// // Two names, two buffers, one camera.
    /// let buffers = ["rtsp://cam/1", "rtsp://cam/1/"].map(|source| registry.get_or_allocate(source, spec));
    /// let event = watch.next_event(Duration::from_secs(60)).expect("it is seen");
    /// assert_eq!(event.kind, AnomalyKind::SourceUnderTwoNames);
    /// # drop(buffers);
    /// # Ok::<(), capbuf::Error>(())
    /// ```
    pub fn watch(&self, settings: WatchSettings) -> Result<Watch> {
        Watch::start(self.clone(), settings, None)
    }

    /// Starts a watch as [`Registry::watch`] does, that calls `tell` with each event, on its own thread.
    ///
    /// # Errors
    /// As [`Registry::watch`].
    pub fn watch_with(&self, settings: WatchSettings, tell: impl FnMut(&Anomaly) + Send + 'static) -> Result<Watch> {
        Watch::start(self.clone(), settings, Some(Box::new(tell)))
    }

    /// The attempts of this registry, whether tracked or not.
    pub(crate) fn attempts(&self) -> Attempts {
        let counts = &self.tracker().counts;
        let get = |counter: &process::AtomicU64| counter.load(Ordering::Relaxed);
        let (refused, spec_mismatch) = (get(&counts.refused), get(&counts.spec_mismatch));
        let found = self.hits().saturating_add(get(&counts.found_later));
        Attempts {
            allocated: self.stats().rings_allocated,
            reused: get(&counts.reused),
            already_there: found.saturating_sub(refused + spec_mismatch),
            refused,
            spec_mismatch,
            over_budget: get(&counts.over_budget),
            failed: get(&counts.failed),
            removed: get(&counts.removed),
            ..Attempts::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::spec::{Length, SampleFormat, Spec};

    fn frames(frames: u64) -> Spec {
        Spec::new(Length::Frames(frames), 1000, 1, SampleFormat::S16).unwrap()
    }

    #[test]
    fn attempts_are_counted_by_what_came_of_them_without_tracking() {
        let registry = Registry::builder().max_buffer_bytes(1 << 20).build();
        let _buffer = registry.get_or_allocate("x", frames(10)).unwrap();
        for _ in 0..4 {
            registry.get_or_allocate("x", frames(10)).unwrap();
        }
        for _ in 0..3 {
            registry.allocate("x", frames(10)).unwrap_err();
        }
        for _ in 0..2 {
            registry.get_or_allocate("x", frames(20)).unwrap_err();
        }
        registry.get_or_allocate("y", frames(1 << 20)).unwrap_err();
        registry.get_or_allocate("", frames(10)).unwrap_err();
        registry.remove("x").unwrap();
        let told = Attempts {
            allocated: 1,
            already_there: 4,
            refused: 3,
            spec_mismatch: 2,
            over_budget: 1,
            failed: 1,
            removed: 1,
            ..Attempts::default()
        };
        assert_eq!(registry.attempts(), told);
    }

    #[test]
    fn what_all_watches_found_is_told_until_they_end() {
        let registry = Registry::private();
        let _buffers = ["rtsp://cam/1", "rtsp://cam/1/"].map(|source| registry.get_or_allocate(source, frames(10)));
        let watch = || {
            let settings = WatchSettings { every: Duration::from_millis(1), ..WatchSettings::default() };
            let watch = registry.watch(settings).unwrap();
            watch.next_event(Duration::from_secs(60)).expect("one camera under two names");
            watch
        };
        let watches = [watch(), watch()];
        assert_eq!(registry.anomalies().len(), 2);
        drop(watches);
        let _watch = watch();
        assert_eq!((registry.anomalies().len(), registry.watches()), (1, 1));
    }
}
