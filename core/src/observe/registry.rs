//! The methods of `Registry` that observe it: tracking, reports, metrics, watches.

use super::metrics::{self, Scope};
use super::report::{AllocationReport, Attempts};
use super::watch::{Watch, WatchSettings};
use crate::error::Result;
use crate::registry::Registry;
use crate::sync::{Ordering, process};
use crate::track::Anomaly;

impl Registry {
    /// Starts or stops recording attempts to get a buffer: result, time, thread, call site and
    /// stack.
    ///
    /// Disabled, it costs one relaxed load per attempt. Enabled, it costs some microseconds, no
    /// lock, and memory of a fixed size: see
    /// [`RegistryBuilder::tracked_sources`](crate::RegistryBuilder::tracked_sources). Counts
    /// continue from their last values. In a domain each process decides for itself, `capbuf track
    /// on` switches all of them, and a report of any process covers all that track.
    /// `DEBUG_BUFFER_ALLOC=true` in the environment enables it from the start: see
    /// [`docs::tracking`](crate::docs::tracking). Without effect in a forked child of a domain's
    /// process.
    pub fn enable_allocation_tracking(&self, enable: bool) {
        self.tracker().set(enable);
    }

    /// Returns true if attempts are recorded. Wait-free: one load.
    pub fn is_allocation_tracking(&self) -> bool {
        self.tracker().is_on()
    }

    /// Reports the allocations of this registry; in a domain, those of all its processes.
    ///
    /// Contains attempts, allocations and live buffers by source and call site, the holders of
    /// buffers, and the newest different stacks. Attempts are those recorded while tracking was
    /// enabled.
    /// Reads files, resolves stacks, allocates: not for the audio thread.
    pub fn allocation_report(&self) -> AllocationReport {
        AllocationReport::of(self)
    }

    /// Returns the metrics of this registry and its buffers, in Prometheus's text format.
    ///
    /// Attempts and reads are those of this registry, counted always and at no cost to a hit.
    /// Writes, frames, gaps and evictions are those of the buffers, by any process. Up to
    /// [`MAX_METRIC_SOURCES`](crate::MAX_METRIC_SOURCES) sources have metrics of their own,
    /// labelled with a short name without credentials. Reads the last second of each to measure its
    /// level: not for the audio thread.
    ///
    /// ```
    /// # let registry = capbuf::Registry::private();
    /// assert!(registry.metrics_text().contains("capbuf_live_buffers 0"));
    /// ```
    pub fn metrics_text(&self) -> String {
        metrics::text(self, Scope::Registry)
    }

    /// Returns the metrics of a whole domain, for an outside observer.
    ///
    /// Attempts are those of all processes that track, see [`Registry::allocation_report`]. Reads
    /// and their durations, known only to each process, are left out.
    pub fn domain_metrics_text(&self) -> String {
        metrics::text(self, Scope::Domain)
    }

    /// Starts a thread that watches this registry, or its domain, for anomalies. It ends when the
    /// watch is dropped.
    ///
    /// The watch returns anomalies as events; they also appear in [`Registry::allocation_report`],
    /// in metrics, and as events of the crate `tracing`. Some are found only while tracking is
    /// enabled, see [`Registry::enable_allocation_tracking`]. A watch keeps no buffer alive.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) if `settings.every` is zero;
    /// [`Error::System`](crate::Error::System) if the thread can't be started.
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
    /// let event = watch.next_event(Duration::from_secs(60)).expect("an event");
    /// assert_eq!(event.kind, AnomalyKind::SourceUnderTwoNames);
    /// # drop(buffers);
    /// # Ok::<(), capbuf::Error>(())
    /// ```
    pub fn watch(&self, settings: WatchSettings) -> Result<Watch> {
        self.check_process()?;
        Watch::start(self.clone(), settings, None)
    }

    /// Starts a watch like [`Registry::watch`], which calls `on_event` with each event on its own
    /// thread.
    ///
    /// # Errors
    /// As [`Registry::watch`].
    pub fn watch_with(
        &self,
        settings: WatchSettings,
        on_event: impl FnMut(&Anomaly) + Send + 'static,
    ) -> Result<Watch> {
        self.check_process()?;
        Watch::start(self.clone(), settings, Some(Box::new(on_event)))
    }

    /// Returns the attempts of this registry, tracked or not.
    pub(crate) fn attempts(&self) -> Attempts {
        let counts = &self.tracker().counts;
        let get = |counter: &process::AtomicU64| counter.load(Ordering::Relaxed);
        let (refused, spec_mismatch) = (get(&counts.refused), get(&counts.spec_mismatch));
        let found = counts.hits().saturating_add(get(&counts.found_later));
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
    fn attempts_are_counted_by_result_without_tracking() {
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
        let expected = Attempts {
            allocated: 1,
            already_there: 4,
            refused: 3,
            spec_mismatch: 2,
            over_budget: 1,
            failed: 1,
            removed: 1,
            ..Attempts::default()
        };
        assert_eq!(registry.attempts(), expected);
    }

    #[test]
    fn anomalies_of_all_watches_are_reported_until_they_end() {
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
