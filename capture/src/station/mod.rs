//! The sources of a station: what is to be recorded, and what is done when that changes.

mod carry;
mod plan;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use capbuf::{CaptureBuffer, GapReason, Registry, SourceState};

use crate::capture::Supervised;
use crate::error::Result;
use crate::kinds::source;
use crate::locator::Locator;
use crate::options::CaptureOptions;
use crate::state::{State, Transition};
use plan::Plan;

/// What becomes of the buffer of a source that is no longer configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum WhenGone {
    /// It is taken out of the registry: its memory goes back when the last handle ends.
    #[default]
    Remove,
    /// It stays, with its audio, as long as its lifetime says.
    Keep,
}

/// A source as it is configured.
///
/// ```
/// use capbuf::Length;
/// use capbuf_capture::{CaptureOptions, SourceConfig};
///
/// let nest = SourceConfig::new("nest", "rtsp://user:password@camera/audio")
///     .options(CaptureOptions::new().length(Length::Seconds(120.0)));
/// assert_eq!(nest.name(), "nest");
/// ```
#[derive(Clone, PartialEq)]
pub struct SourceConfig {
    name: String,
    locator: String,
    options: CaptureOptions,
    when_gone: WhenGone,
}

impl SourceConfig {
    /// A source by its locator, whose buffer has a name of its own; the locator is as good a name as any.
    pub fn new(name: impl Into<String>, locator: impl Into<String>) -> Self {
        let (options, when_gone) = (CaptureOptions::new(), WhenGone::default());
        Self { name: name.into(), locator: locator.into(), options, when_gone }
    }

    /// What is asked of it: how long, in which format, and how it is supervised.
    pub fn options(mut self, options: CaptureOptions) -> Self {
        self.options = options;
        self
    }

    /// What becomes of its buffer when it is no longer configured.
    pub fn when_gone(mut self, when_gone: WhenGone) -> Self {
        self.when_gone = when_gone;
        self
    }

    /// The name of its buffer.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it comes from, as given: it may hold credentials.
    pub fn locator(&self) -> &str {
        &self.locator
    }
}

impl fmt::Debug for SourceConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceConfig")
            .field("name", &capbuf::redact(&self.name))
            .field("locator", &capbuf::redact(&self.locator))
            .field("options", &self.options)
            .field("when_gone", &self.when_gone)
            .finish()
    }
}

/// What a reconfiguration did, by the names of sources, in their order.
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Changes {
    /// Not touched: not one frame of them is lost.
    pub unchanged: Vec<String>,
    /// Begun.
    pub started: Vec<String>,
    /// Begun anew, as where they come from or how they are supervised has changed. The ring stays; what is missing of audio is a
    /// gap because of [`GapReason::Reconfigured`].
    pub restarted: Vec<String>,
    /// Begun anew in a ring of another length, which has what fits of the audio of the old one, and then a gap as above. The writer is
    /// where the audio arrives, as on a sound card's thread, and bound to its ring: to give it another one, its source is closed.
    pub resized: Vec<String>,
    /// Begun anew in a new ring, as the format has changed: none of the old audio is in it.
    pub reformatted: Vec<String>,
    /// Stopped.
    pub stopped: Vec<String>,
}

impl fmt::Debug for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |names: &[String]| names.iter().map(|name| capbuf::redact(name)).collect::<Vec<_>>();
        f.debug_struct("Changes")
            .field("unchanged", &shown(&self.unchanged))
            .field("started", &shown(&self.started))
            .field("restarted", &shown(&self.restarted))
            .field("resized", &shown(&self.resized))
            .field("reformatted", &shown(&self.reformatted))
            .field("stopped", &shown(&self.stopped))
            .finish()
    }
}

impl Changes {
    /// Tells whether anything was changed.
    pub fn is_empty(&self) -> bool {
        let Self { started, restarted, resized, reformatted, stopped, .. } = self;
        [started, restarted, resized, reformatted, stopped].iter().all(|names| names.is_empty())
    }
}

/// A source of a station at one moment.
#[derive(Clone)]
#[non_exhaustive]
pub struct SourceStatus {
    /// The name of its buffer.
    pub name: String,
    /// What it is doing.
    pub state: State,
    /// How often it was opened again after it had run.
    pub restarts: u64,
    /// Its last changes of state.
    pub history: Vec<Transition>,
    /// Its buffer, once there is one.
    pub buffer: Option<CaptureBuffer>,
}

impl fmt::Debug for SourceStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceStatus")
            .field("name", &capbuf::redact(&self.name))
            .field("state", &self.state)
            .field("restarts", &self.restarts)
            .field("history", &self.history)
            .field("buffer", &self.buffer)
            .finish()
    }
}

/// Records what it is told to, and changes what it records while it does.
///
/// Cheap to clone: clones are the same station. When the last one is dropped all sources are stopped.
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
/// // What can't be is refused as a whole, and nothing is changed.
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
    /// Held by who reconfigures, from beginning to end.
    reconfiguring: Mutex<()>,
    /// Held for a look only.
    running: Mutex<BTreeMap<String, Running>>,
}

#[derive(Clone)]
struct Running {
    config: SourceConfig,
    supervised: Arc<Supervised>,
}

/// How long sources that are to stop are waited for, all of them together.
const STOPPED_WITHIN: Duration = Duration::from_secs(5);

impl Station {
    /// Makes a station that records nothing yet.
    pub fn new(registry: &Registry) -> Self {
        let (reconfiguring, running) = (Mutex::default(), Mutex::default());
        Self { inner: Arc::new(Inner { registry: registry.clone(), reconfiguring, running }) }
    }

    /// Records these sources, and no others.
    ///
    /// Compares with what runs: what is unchanged is not touched; what is new begins, and what is gone ends, and its buffer
    /// becomes what was configured. All or nothing: what can't be is refused before anything is changed. Told the same again it does
    /// nothing. Blocks while sources are stopped, five seconds at most; new ones are opened in the background. Threads that call
    /// it at the same time take turns: what the last one said holds.
    ///
    /// # Errors
    /// [`Error::Config`](crate::Error::Config) for a source that can't be, with its name; nothing was changed.
    pub fn reconfigure(&self, sources: &[SourceConfig]) -> Result<Changes> {
        let _turn = self.inner.reconfiguring.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = plan::check(sources, &self.inner.registry)?;
        let plan = Plan::of(&self.inner.running(), &wanted, &self.inner.registry);
        let ended: Vec<_> = plan.to_end().filter_map(|name| self.inner.running().remove(name)).collect();
        stop_all(&ended);
        let kept = |name: &str| ended.iter().find(|ended| ended.config.name == name);
        for name in &plan.changes.stopped {
            if kept(name).is_some_and(|ended| ended.config.when_gone == WhenGone::Remove) {
                // Somebody else may have removed it.
                let _ = self.inner.registry.remove(name);
            }
        }
        drop(ended);
        for name in plan.to_begin() {
            if let Some(config) = wanted.get(name.as_str()) {
                let supervised = self.inner.begin(config, plan.after(name))?;
                self.inner.running().insert(name.clone(), Running { config: (*config).clone(), supervised });
            }
        }
        Ok(plan.changes)
    }

    /// Tells whether a configuration can be, and changes nothing.
    ///
    /// # Errors
    /// As [`Station::reconfigure`].
    pub fn check(&self, sources: &[SourceConfig]) -> Result<()> {
        plan::check(sources, &self.inner.registry).map(drop)
    }

    /// The sources as they are now, in the order of their names.
    pub fn sources(&self) -> Vec<SourceStatus> {
        let running = self.inner.running().clone();
        let status = |(name, running): (String, Running)| SourceStatus {
            name,
            state: running.supervised.state(),
            restarts: running.supervised.restarts(),
            history: running.supervised.history(),
            buffer: running.supervised.buffer().cloned(),
        };
        running.into_iter().map(status).collect()
    }

    /// Stops all sources, all at once, and waits for them, five seconds at most. Tells whether all are closed. The buffers stay.
    pub fn stop(&self) -> bool {
        let _turn = self.inner.reconfiguring.lock().unwrap_or_else(PoisonError::into_inner);
        let ended: Vec<_> = std::mem::take(&mut *self.inner.running()).into_values().collect();
        stop_all(&ended)
    }
}

fn stop_all(ended: &[Running]) -> bool {
    ended.iter().for_each(|ended| ended.supervised.request_stop());
    let deadline = Instant::now() + STOPPED_WITHIN;
    let stopped: Vec<_> = ended
        .iter()
        .map(|ended| ended.supervised.wait_for_end(deadline.saturating_duration_since(Instant::now())))
        .collect();
    stopped.into_iter().all(|stopped| stopped)
}

impl Inner {
    fn running(&self) -> MutexGuard<'_, BTreeMap<String, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, config: &SourceConfig, after: Option<GapReason>) -> Result<Arc<Supervised>> {
        let options = carry::fit(&self.registry, config);
        let source = source(&config.locator.parse::<Locator>()?);
        Supervised::begin_after(&self.registry, &config.name, source, &options, after).map(Arc::new)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let ended: Vec<_> = std::mem::take(&mut *self.running()).into_values().collect();
        stop_all(&ended);
    }
}

impl SourceStatus {
    /// Tells whether audio flows.
    pub fn is_running(&self) -> bool {
        self.state.kind() == SourceState::Running
    }
}
