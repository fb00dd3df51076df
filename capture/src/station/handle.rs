//! The handle of a station.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

use capbuf::{GapReason, OwnLock, Registry};

use super::carry;
use super::changes::Changes;
use super::config::{SourceConfig, WhenGone};
use super::plan::{self, Plan};
use super::running::Running;
use super::status::SourceStatus;
use crate::error::{Error, Result};
use crate::supervise::Supervised;

/// Records a set of sources, which can be replaced while it runs.
///
/// Clones share the station. Dropping the last one stops all sources.
///
/// ```
/// use capbuf::Registry;
/// use capbuf_capture::{SourceConfig, Station};
///
/// let station = Station::new(&Registry::private());
/// let tones = |hertz: &[u32]| -> Vec<_> {
///     hertz.iter().map(|hertz| SourceConfig::new(format!("tone {hertz}"), format!("tone:{hertz}"))).collect()
/// };
/// station.reconfigure(&tones(&[440, 880]))?;
/// let changes = station.reconfigure(&tones(&[440, 660]))?;
/// assert_eq!(changes.unchanged, ["tone 440"]);
/// assert_eq!((changes.started, changes.stopped), (vec!["tone 660".to_owned()], vec!["tone 880".to_owned()]));
/// // An invalid configuration is refused as a whole.
/// assert!(station.reconfigure(&[SourceConfig::new("x", "no such source")]).is_err());
/// assert_eq!(station.sources().len(), 2);
/// # Ok::<(), capbuf_capture::Error>(())
/// ```
#[derive(Clone)]
pub struct Station {
    inner: Arc<Inner>,
}

impl fmt::Debug for Station {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Station").field("sources", &self.sources()).finish_non_exhaustive()
    }
}

struct Inner {
    registry: Registry,
    /// Locked during a whole reconfiguration.
    reconfiguring: OwnLock<()>,
    /// Never locked while a source is opened or stopped.
    running: OwnLock<BTreeMap<String, Running>>,
}

/// Time to wait for stopped sources, all together.
const STOP_DEADLINE: Duration = Duration::from_secs(5);

impl Station {
    /// Creates a station without sources.
    pub fn new(registry: &Registry) -> Self {
        let (reconfiguring, running) = (OwnLock::default(), OwnLock::default());
        Self { inner: Arc::new(Inner { registry: registry.clone(), reconfiguring, running }) }
    }

    /// Replaces the set of sources by `sources`.
    ///
    /// Unchanged sources are not touched; new ones are started, missing ones are stopped, and their
    /// buffers kept or removed as configured. An invalid configuration is refused before anything
    /// is changed. Idempotent. Blocks while sources are stopped, up to five seconds; new ones are
    /// opened in the background. One that can't be begun, for want of a thread say, is listed as
    /// failed, and the others go on; the next call begins it again. Concurrent calls are
    /// serialized: the last one wins.
    ///
    /// # Errors
    /// [`Error::Config`](crate::Error::Config) for an invalid source, with its name; nothing was
    /// changed. [`capbuf::Error::Forked`] in a child of the process that made the station.
    pub fn reconfigure(&self, sources: &[SourceConfig]) -> Result<Changes> {
        let _turn = self.inner.reconfiguring.lock().ok_or_else(forked)?;
        let configured = plan::check(sources, &self.inner.registry)?;
        let plan = Plan::of(&*self.inner.running()?, &configured, &self.inner.registry);
        let ended = plan.to_stop().map(|name| Ok(self.inner.running()?.remove(name))).collect::<Result<Vec<_>>>()?;
        let ended: Vec<_> = ended.into_iter().flatten().collect();
        let removed = |ended: &&Running| {
            ended.config.when_gone == WhenGone::Remove && plan.changes.stopped.contains(&ended.config.name)
        };
        let removed: Vec<_> = ended.iter().filter(removed).map(|ended| ended.config.name.clone()).collect();
        stop_all(ended);
        for name in &removed {
            // It may have been removed already.
            let _ = self.inner.registry.remove(name);
        }
        for name in plan.to_start() {
            if let Some(config) = configured.get(name.as_str()) {
                // One that can't be begun keeps no other one from it, and is listed as failed.
                let supervised = Arc::new(self.inner.begin(config, plan.after(name)));
                self.inner.running()?.insert(name.clone(), Running { config: (*config).clone(), supervised });
            }
        }
        Ok(plan.changes)
    }

    /// Checks a configuration without applying it.
    ///
    /// # Errors
    /// As [`Station::reconfigure`].
    pub fn check(&self, sources: &[SourceConfig]) -> Result<()> {
        plan::check(sources, &self.inner.registry).map(drop)
    }

    /// Fails in a child of the process that made the station.
    ///
    /// # Errors
    /// [`capbuf::Error::Forked`].
    #[doc(hidden)]
    pub fn check_process(&self) -> Result<()> {
        if self.inner.running.is_inherited() { Err(forked()) } else { Ok(()) }
    }

    /// Returns the status of all sources, sorted by name; none in a forked child.
    pub fn sources(&self) -> Vec<SourceStatus> {
        let running = self.inner.running().map(|running| running.clone()).unwrap_or_default();
        let status = |(name, running): (String, Running)| SourceStatus {
            name,
            state: running.supervised.state(),
            restarts: running.supervised.restarts(),
            history: running.supervised.history(),
            buffer: running.supervised.buffer(),
        };
        running.into_iter().map(status).collect()
    }

    /// Stops all sources, and waits for them together, up to five seconds. Returns whether all are
    /// closed. The buffers stay. In a forked child it returns false at once: the sources go on in
    /// the parent.
    pub fn stop(&self) -> bool {
        let Some(_turn) = self.inner.reconfiguring.lock() else { return false };
        let Ok(mut running) = self.inner.running() else { return false };
        let ended: Vec<_> = std::mem::take(&mut *running).into_values().collect();
        drop(running);
        stop_all(ended)
    }
}

fn forked() -> Error {
    capbuf::Error::Forked { what: "the station".to_owned() }.into()
}

/// Stops sources, and waits for them together. Those that do not close in time end by themselves.
fn stop_all(ended: Vec<Running>) -> bool {
    ended.iter().for_each(|ended| ended.supervised.request_stop());
    let deadline = Instant::now() + STOP_DEADLINE;
    let mut all_stopped = true;
    for Running { supervised, .. } in ended {
        let left = deadline.saturating_duration_since(Instant::now());
        all_stopped &= match Arc::try_unwrap(supervised) {
            // Dropping it would wait again.
            Ok(supervised) => supervised.stop_within(left),
            // In use by `Station::sources`.
            Err(supervised) => supervised.wait_for_end(left),
        };
    }
    all_stopped
}

impl Inner {
    fn running(&self) -> Result<MutexGuard<'_, BTreeMap<String, Running>>> {
        self.running.lock().ok_or_else(forked)
    }

    fn begin(&self, config: &SourceConfig, after: Option<GapReason>) -> Supervised {
        let options = carry::prepare(&self.registry, config);
        match config.source() {
            Ok(source) => Supervised::begin_after(&self.registry, &config.name, source, &options, after),
            Err(reason) => Supervised::failed(&self.registry, &config.name, reason),
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // A child leaves them to its parent.
        let ended = self.running().map(|mut running| std::mem::take(&mut *running)).unwrap_or_default();
        stop_all(ended.into_values().collect());
    }
}
