//! Looking after a registry, or a whole domain: what is wrong is told while it is.

mod anomaly;
mod detector;
mod settings;
mod snapshot;
#[cfg(test)]
mod tests;

pub use anomaly::{Anomaly, AnomalyKind, Severity};
pub use settings::WatchSettings;
pub(crate) use snapshot::canonical;

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::registry::Registry;
use crate::sync::PlainArc;
use crate::track::Resolver;
use detector::Rules;
use snapshot::Snapshot;

/// Looks at a registry when it is told to, and finds what is wrong: for who has a loop of his own.
///
/// Registries may change from look to look, if they are of one domain. See [`Registry::watch`] for a thread that looks.
///
/// ```
/// use capbuf::{Detector, Registry, WatchSettings};
///
/// let registry = Registry::private();
/// let mut detector = Detector::new(WatchSettings::default());
/// assert!(detector.look(&registry).is_empty());
/// ```
pub struct Detector {
    rules: Rules,
    resolver: Resolver,
}

impl Detector {
    /// Makes one that has seen nothing yet: what was wrong before its first look counts as from then on.
    pub fn new(settings: WatchSettings) -> Self {
        Self { rules: Rules::new(settings), resolver: Resolver::default() }
    }

    /// Looks; returns what is wrong and was not at the last look. Reads files, allocates: not for the audio thread.
    pub fn look(&mut self, registry: &Registry) -> Vec<Anomaly> {
        let events = self.rules.step(&Snapshot::of(registry, &mut self.resolver));
        for event in &events {
            tell(event);
        }
        events
    }

    /// Everything that was found so far, the oldest first, with how often and when last: the newest 1 024.
    pub fn found(&self) -> Vec<Anomaly> {
        self.rules.found()
    }
}

impl fmt::Debug for Detector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Detector").field("found", &self.found().len()).finish_non_exhaustive()
    }
}

fn tell(event: &Anomaly) {
    let (kind, source) = (event.kind.name(), event.source.as_deref().unwrap_or_default());
    let (evidence, advice) = (&event.evidence, event.advice);
    match event.severity {
        Severity::Notice => tracing::info!(target: "capbuf", kind, source, advice, "{evidence}"),
        Severity::Warning => tracing::warn!(target: "capbuf", kind, source, advice, "{evidence}"),
        Severity::Severe => tracing::error!(target: "capbuf", kind, source, advice, "{evidence}"),
    }
}

/// What is called with each event.
pub(crate) type Callback = Box<dyn FnMut(&Anomaly) + Send>;

/// How many events wait to be taken; the oldest go first.
const WAITING: usize = 1024;

#[derive(Debug, Default)]
struct State {
    events: VecDeque<Anomaly>,
    dropped: u64,
    found: Vec<Anomaly>,
    is_over: bool,
}

/// What a watch's thread and those who take its events share.
#[derive(Debug, Default)]
pub(crate) struct Watched {
    state: Mutex<State>,
    changed: Condvar,
}

impl Watched {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything that was found so far.
    pub(crate) fn found(&self) -> Vec<Anomaly> {
        self.lock().found.clone()
    }
}

/// A thread that looks after a registry. It ends when this is dropped.
///
/// Its methods may be called from any thread at the same time.
#[derive(Debug)]
pub struct Watch {
    watched: PlainArc<Watched>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Watch {
    pub(crate) fn start(registry: Registry, settings: WatchSettings, mut callback: Option<Callback>) -> Result<Self> {
        if settings.every.is_zero() {
            return Err(Error::invalid("every", "0 s", "more than 0 s"));
        }
        let watched = PlainArc::new(Watched::default());
        let theirs = PlainArc::clone(&watched);
        registry.add_watch(&watched);
        let run = move || {
            let mut detector = Detector::new(settings);
            let mut state = theirs.lock();
            while !state.is_over {
                drop(state);
                let events = detector.look(&registry);
                if let Some(callback) = &mut callback {
                    events.iter().for_each(&mut *callback);
                }
                let found = detector.found();
                state = theirs.lock();
                state.found = found;
                state.events.extend(events);
                while state.events.len() > WAITING {
                    state.events.pop_front();
                    state.dropped += 1;
                }
                theirs.changed.notify_all();
                let until = Instant::now() + settings.every;
                while !state.is_over {
                    let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) else {
                        break;
                    };
                    state = theirs.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
                }
            }
        };
        let thread = thread::Builder::new().name("capbuf-watch".into()).spawn(run);
        let thread = thread.map_err(|error| Error::system("starting the thread of a watch", error))?;
        Ok(Self { watched, thread: Some(thread) })
    }

    /// Takes the next event; waits for one up to `timeout`. `None` if none came.
    ///
    /// Up to 1 024 wait to be taken; then the oldest go, and [`Watch::dropped`] counts them.
    pub fn next_event(&self, timeout: Duration) -> Option<Anomaly> {
        let until = Instant::now().checked_add(timeout);
        let mut state = self.watched.lock();
        loop {
            if let Some(event) = state.events.pop_front() {
                return Some(event);
            }
            let left = match until {
                Some(until) => until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?,
                // As good as for ever.
                None => Duration::from_secs(3600),
            };
            state = self.watched.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// How many events were not taken in time.
    pub fn dropped(&self) -> u64 {
        self.watched.lock().dropped
    }

    /// Everything that was found so far, the oldest first, with how often and when last.
    pub fn found(&self) -> Vec<Anomaly> {
        self.watched.found()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.watched.lock().is_over = true;
        self.watched.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // A callback that drops its own watch must not wait for itself.
            if thread.thread().id() != thread::current().id() {
                let _ = thread.join();
            }
        }
    }
}
