//! The thread that reads the configuration file and applies it.
//!
//! Whatever it does may block: a file on a mount that hangs, a lock, a source that does not close.
//! The main thread never waits for it, so that the watchdog of the service manager is served and
//! signals are obeyed meanwhile.

use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use capbuf::Registry;
use capbuf_capture::{Changes, SourceConfig, Station, WhenGone};
use sd_notify::NotifyState;

use super::config::{self, Config};
use super::daemon_claim::ConfigState;
use super::events::Event;
use super::file_watch::FileWatch;
use super::removals::Removals;
use super::service::notify;
use super::triggers::Triggers;
use crate::failure::Failure;

/// A request to the thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Request {
    /// Read the file again.
    Reload,
    /// End.
    End,
}

/// The running parts of the daemon. Clones share them.
#[derive(Clone)]
pub(super) struct Running {
    pub(super) registry: Registry,
    pub(super) station: Station,
    pub(super) triggers: Triggers,
    pub(super) config_state: ConfigState,
}

/// When the thread was last seen at work. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Heartbeat(Arc<Mutex<Instant>>);

impl Heartbeat {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }

    fn beat(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Returns the time since the last beat.
    pub(super) fn age(&self) -> Duration {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }
}

/// The state of the thread.
pub(super) struct Configurer {
    file: PathBuf,
    watch: FileWatch,
    /// The first configuration, whose domain and budget stay.
    first: Config,
    running: Running,
    removals: Removals,
    requests: Receiver<Request>,
    events: Sender<Event>,
    heartbeat: Heartbeat,
}

/// Interval of the looks at the file.
const LOOK_EVERY: Duration = Duration::from_millis(500);

impl Configurer {
    /// Starts the thread, which applies `config` first.
    pub(super) fn begin(
        file: PathBuf,
        config: Config,
        running: Running,
        requests: Receiver<Request>,
        events: Sender<Event>,
    ) -> Result<Heartbeat, Failure> {
        let heartbeat = Heartbeat::new();
        let own = Self {
            watch: FileWatch::new(&file),
            file,
            first: config,
            running,
            removals: Removals::default(),
            requests,
            events,
            heartbeat: heartbeat.clone(),
        };
        let failed = |error: io::Error| Failure::Run(format!("can't start a thread: {error}"));
        thread::Builder::new().name("capbuf-config".to_owned()).spawn(move || own.run()).map_err(failed)?;
        Ok(heartbeat)
    }

    fn run(mut self) {
        let events = self.events.clone();
        match self.apply_first() {
            Ok(()) => self.follow(),
            // The receiver is gone only with the process.
            Err(failure) => drop(events.send(Event::Failed(failure))),
        }
        // Its handles of rings end before the main thread goes on.
        drop(self);
        let _ = events.send(Event::ConfigurerEnded);
    }

    fn apply_first(&mut self) -> Result<(), Failure> {
        let Self { running, removals, first, .. } = self;
        running.apply(first, removals)?;
        notify(&[NotifyState::Ready, NotifyState::Status(&status(first, &self.removals))]);
        Ok(())
    }

    /// Follows the file until [`Request::End`].
    fn follow(&mut self) {
        loop {
            self.heartbeat.beat();
            match self.requests.recv_timeout(LOOK_EVERY) {
                Ok(Request::Reload) => {
                    self.watch.accept();
                    self.reload();
                }
                Ok(Request::End) | Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {
                    if self.watch.has_changed() {
                        self.reload();
                    }
                    self.running.triggers.drop_ended();
                    self.removals.remove_due(&self.running.registry);
                }
            }
        }
    }

    /// Reads the file again. Logs a problem in it and changes nothing then.
    fn reload(&mut self) {
        notify(&[NotifyState::Reloading]);
        let applied = config::read(&self.file).map_err(|diagnostic| Failure::Usage(diagnostic.to_string()));
        let applied = applied.and_then(|config| {
            if (&config.domain, config.budget_bytes) != (&self.first.domain, self.first.budget_bytes) {
                tracing::warn!("domain and budget change only when the daemon is restarted");
            }
            self.running.apply(&config, &mut self.removals)?;
            Ok(config)
        });
        match applied {
            Ok(config) => {
                self.running.config_state.accepted();
                notify(&[NotifyState::Ready, NotifyState::Status(&status(&config, &self.removals))]);
            }
            Err(failure) => {
                let reason = failure.message();
                self.running.config_state.refused(reason);
                tracing::error!(%reason, "the configuration is unchanged");
                notify(&[NotifyState::Ready, NotifyState::Status(&format!("configuration unchanged: {reason}"))]);
            }
        }
    }
}

impl Running {
    /// Applies a configuration.
    fn apply(&self, config: &Config, removals: &mut Removals) -> Result<(), Failure> {
        self.station.check(&config.sources)?;
        let left = removals.left_by(&self.registry, &config.sources);
        // The rings are removed later.
        let kept = config.sources.iter().cloned().map(|source| source.when_gone(WhenGone::Keep));
        log_changes(&self.station.reconfigure(&kept.collect::<Vec<SourceConfig>>())?);
        removals.update(&config.when_gone, left, config.remove_after);
        // A source that finds no room meanwhile is opened again.
        removals.make_room(&self.registry, &config.sources);
        removals.remove_due(&self.registry);
        self.triggers.reconfigure(&self.registry, &config.triggers)?;
        for warning in config::folder_warnings(config) {
            tracing::warn!(%warning, "configuration");
        }
        Ok(())
    }
}

/// Describes the state for the service manager.
fn status(config: &Config, removals: &Removals) -> String {
    let sources = format!("sources: {}", config.sources.len());
    match removals.len() {
        0 => sources,
        rings => format!("{sources}; kept for a while, as their sources are no longer configured: {rings}"),
    }
}

fn log_changes(changes: &Changes) {
    let Changes { unchanged, started, restarted, resized, reformatted, stopped, .. } = changes;
    // A name may be a locator with a password.
    let redacted = |names: &[String]| names.iter().map(|name| capbuf::redact(name)).collect::<Vec<_>>().join(", ");
    tracing::info!(
        unchanged = unchanged.len(),
        started = redacted(started),
        restarted = redacted(restarted),
        resized = redacted(resized),
        reformatted = redacted(reformatted),
        stopped = redacted(stopped),
        "configured"
    );
}
