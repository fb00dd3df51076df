//! `capbuf run`: the daemon, which records the sources of a configuration file.

mod config;
mod events;
mod log;
mod triggers;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use capbuf::{Registry, SourceClaim};
use capbuf_capture::{Changes, Station};
use sd_notify::NotifyState;

use crate::domain;
use crate::failure::{Failure, complain};
use config::Config;
use events::{Event, Events};
use log::LogFormat;
use triggers::Triggers;

const EXAMPLES: &str = "\
The smallest configuration file is
  [[source]]
  from = \"device:default\"
contrib/capbuf.toml explains every setting. The file is read again when it changes, and
on SIGHUP: unchanged sources go on undisturbed; an invalid file changes nothing, and the
log has the line and the allowed values.

Signals:
  SIGHUP           read the file again
  SIGINT, SIGTERM  end within five seconds; twice: immediately

The daemon notifies systemd when it is ready, reloads and stops, and serves its
watchdog; contrib/capbuf.service is a unit file.

Examples:
  capbuf run -c capbuf.toml
  capbuf run -c capbuf.toml --check
  capbuf run -c /etc/capbuf.toml --log json";

/// Record the sources of a configuration file, for months
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The configuration file
    #[arg(short, long, value_name = "FILE")]
    config: PathBuf,
    /// Check the file and exit
    #[arg(long)]
    check: bool,
    /// Format of the log on stderr
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = LogFormat::Text)]
    log: LogFormat,
}

pub(crate) fn run(arguments: &Arguments, domain: Option<&str>) -> Result<(), Failure> {
    let config = config::read(&arguments.config).map_err(|diagnostic| Failure::Usage(diagnostic.to_string()))?;
    if arguments.check {
        return check(&config);
    }
    log::begin(arguments.log);
    let mut events = Events::listen(&arguments.config)?;
    let registry = open(&config, domain)?;
    let claim = claim_domain(&registry)?;
    let station = Station::new(&registry);
    let mut running = Running { registry, station, triggers: Triggers::default() };
    running.apply(&config)?;
    notify(&[NotifyState::Ready, NotifyState::Status(&format!("sources: {}", config.sources.len()))]);
    keep_running(&mut events, &mut running, &arguments.config, &config);
    notify(&[NotifyState::Stopping]);
    let stopped = running.station.stop();
    drop((running, claim));
    tracing::info!(closed_all = stopped, "ended");
    Ok(())
}

/// Checks a configuration as far as possible without recording.
fn check(config: &Config) -> Result<(), Failure> {
    // In a private registry, to create no domain.
    let mut builder = Registry::builder();
    if let Some(bytes) = config.budget_bytes {
        builder = builder.budget_bytes(bytes);
    }
    Station::new(&builder.build()).check(&config.sources)?;
    for warning in &config.warnings {
        complain(&warning.to_string());
    }
    if config.warnings.is_empty() {
        Ok(())
    } else {
        Err(Failure::Run("the file is valid, but devices, files or folders are missing".to_owned()))
    }
}

fn open(config: &Config, domain: Option<&str>) -> Result<Registry, Failure> {
    let mut builder = Registry::builder();
    if let Some(bytes) = config.budget_bytes {
        builder = builder.budget_bytes(bytes);
    }
    Ok(builder.open(&domain::name_of(domain.or(config.domain.as_deref())))?)
}

/// Claims the domain for this daemon, until the claim is dropped or the process ends.
fn claim_domain(registry: &Registry) -> Result<SourceClaim, Failure> {
    registry.claim_source("capbuf run").map_err(|error| match error {
        capbuf::Error::WriterBusy { holder, .. } => {
            let domain = registry.domain().unwrap_or_default();
            let holder = holder.map_or_else(String::new, |holder| format!(": {holder}"));
            Failure::Run(format!("another daemon records into domain {domain}{holder}"))
        }
        error => error.into(),
    })
}

/// The state of the daemon.
struct Running {
    registry: Registry,
    station: Station,
    triggers: Triggers,
}

impl Running {
    /// Applies a configuration.
    fn apply(&mut self, config: &Config) -> Result<(), Failure> {
        for warning in &config.warnings {
            tracing::warn!(%warning, "configuration");
        }
        log_changes(&self.station.reconfigure(&config.sources)?);
        Ok(self.triggers.reconfigure(&self.registry, &config.triggers)?)
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

/// Handles events until [`Event::Stop`].
fn keep_running(events: &mut Events, running: &mut Running, file: &Path, first: &Config) {
    let ping_every = sd_notify::watchdog_enabled().map(|within| within / 2);
    let mut pinged = Instant::now();
    loop {
        match events.next() {
            Event::Stop => return,
            Event::Reload => reload(running, file, first),
            Event::Tick => {}
        }
        if ping_every.is_some_and(|every| pinged.elapsed() + Duration::from_millis(600) >= every) {
            pinged = Instant::now();
            notify(&[NotifyState::Watchdog]);
        }
    }
}

/// Reads the file again. Logs a problem in it and changes nothing then.
fn reload(running: &mut Running, file: &Path, first: &Config) {
    notify(&[NotifyState::Reloading]);
    let done = config::read(file).map_err(|diagnostic| Failure::Usage(diagnostic.to_string())).and_then(|config| {
        if (&config.domain, config.budget_bytes) != (&first.domain, first.budget_bytes) {
            tracing::warn!("domain and budget change only when the daemon is restarted");
        }
        running.apply(&config).map(|()| config.sources.len())
    });
    match done {
        Ok(sources) => notify(&[NotifyState::Ready, NotifyState::Status(&format!("sources: {sources}"))]),
        Err(failure) => {
            let reason = failure.message();
            tracing::error!(%reason, "the configuration is unchanged");
            notify(&[NotifyState::Ready, NotifyState::Status(&format!("configuration unchanged: {reason}"))]);
        }
    }
}

/// Notifies the service manager, if there is one.
fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "can't notify the service manager");
    }
}
