//! `capbuf run`: the daemon, which records what a file says.

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
The file says what to record; the smallest one is
  [[source]]
  from = \"device:default\"
and contrib/capbuf.toml explains every setting. It is read again when it changes, and
on SIGHUP: what is unchanged in it is not touched, and what is wrong is told, by line,
and changes nothing.

Signals:
  SIGHUP           read the file again
  SIGINT, SIGTERM  end in good order, within five seconds; twice: at once

The service manager of systemd is told when it is ready, reloads, ends, and that it is
alive; contrib/capbuf.service is a unit file.

Examples:
  capbuf run -c capbuf.toml
  capbuf run -c capbuf.toml --check
  capbuf run -c /etc/capbuf.toml --log json";

/// Record what a file says, for months
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The file that says what to record
    #[arg(short, long, value_name = "FILE")]
    config: PathBuf,
    /// Check the file, and end
    #[arg(long)]
    check: bool,
    /// How the log is written, to stderr
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = LogFormat::Text)]
    log: LogFormat,
}

pub(crate) fn run(arguments: &Arguments, domain: Option<&str>) -> Result<(), Failure> {
    let read = config::read(&arguments.config).map_err(|complaint| Failure::Usage(complaint.to_string()))?;
    if arguments.check {
        return check(&read, domain);
    }
    log::begin(arguments.log);
    let mut events = Events::listen(&arguments.config)?;
    let registry = open(&read, domain)?;
    let alone = alone(&registry)?;
    let station = Station::new(&registry);
    let mut running = Running { registry, station, triggers: Triggers::default() };
    running.apply(&read)?;
    tell(&[NotifyState::Ready, NotifyState::Status(&format!("sources: {}", read.sources.len()))]);
    keep_running(&mut events, &mut running, &arguments.config, &read);
    tell(&[NotifyState::Stopping]);
    let stopped = running.station.stop();
    drop((running, alone));
    tracing::info!(closed_all = stopped, "ended");
    Ok(())
}

/// Checks a configuration as far as can be without recording.
fn check(config: &Config, domain: Option<&str>) -> Result<(), Failure> {
    // In a registry of its own, so that no domain is made.
    let mut builder = Registry::builder();
    if let Some(bytes) = config.budget_bytes {
        builder = builder.budget_bytes(bytes);
    }
    let _ = domain;
    Station::new(&builder.build()).check(&config.sources)?;
    for warning in &config.warnings {
        complain(&warning.to_string());
    }
    if config.warnings.is_empty() {
        Ok(())
    } else {
        Err(Failure::Run("not all of it will work as things are".to_owned()))
    }
}

fn open(config: &Config, domain: Option<&str>) -> Result<Registry, Failure> {
    let mut builder = Registry::builder();
    if let Some(bytes) = config.budget_bytes {
        builder = builder.budget_bytes(bytes);
    }
    Ok(builder.open(&domain::name_of(domain.or(config.domain.as_deref())))?)
}

/// Makes sure that there is one daemon on a domain, for as long as the process lives.
fn alone(registry: &Registry) -> Result<SourceClaim, Failure> {
    registry.claim_source("capbuf run").map_err(|error| match error {
        capbuf::Error::WriterBusy { holder, .. } => {
            let domain = registry.domain().unwrap_or_default();
            let who = holder.map_or_else(String::new, |holder| format!(": {holder}"));
            Failure::Run(format!("domain {domain} has a daemon already{who}"))
        }
        error => error.into(),
    })
}

/// What a daemon does.
struct Running {
    registry: Registry,
    station: Station,
    triggers: Triggers,
}

impl Running {
    /// Does what a configuration says, and nothing else.
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
    // Names may be locators.
    let shown = |names: &[String]| names.iter().map(|name| capbuf::redact(name)).collect::<Vec<_>>().join(", ");
    tracing::info!(
        unchanged = unchanged.len(),
        started = shown(started),
        restarted = shown(restarted),
        resized = shown(resized),
        reformatted = shown(reformatted),
        stopped = shown(stopped),
        "configured"
    );
}

/// Runs until it is to end.
fn keep_running(events: &mut Events, running: &mut Running, file: &Path, first: &Config) {
    let ping_every = sd_notify::watchdog_enabled().map(|within| within / 2);
    let mut pinged = Instant::now();
    loop {
        match events.next() {
            Event::RunOutcome => return,
            Event::Reload => reload(running, file, first),
            Event::Tick => {}
        }
        if ping_every.is_some_and(|every| pinged.elapsed() + Duration::from_millis(600) >= every) {
            pinged = Instant::now();
            tell(&[NotifyState::Watchdog]);
        }
    }
}

/// Reads the file again; what is wrong with it is told, and nothing is changed.
fn reload(running: &mut Running, file: &Path, first: &Config) {
    tell(&[NotifyState::Reloading]);
    let done = config::read(file).map_err(|complaint| Failure::Usage(complaint.to_string())).and_then(|read| {
        if (&read.domain, read.budget_bytes) != (&first.domain, first.budget_bytes) {
            tracing::warn!("domain and budget are what they were until the daemon is started again");
        }
        running.apply(&read).map(|()| read.sources.len())
    });
    match done {
        Ok(sources) => tell(&[NotifyState::Ready, NotifyState::Status(&format!("sources: {sources}"))]),
        Err(failure) => {
            let reason = failure.words();
            tracing::error!(%reason, "the configuration is as it was");
            tell(&[NotifyState::Ready, NotifyState::Status(&format!("as it was: {reason}"))]);
        }
    }
}

/// Tells the service manager, if there is one.
fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "the service manager can't be told");
    }
}
