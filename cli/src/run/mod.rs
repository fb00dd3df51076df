//! `capbuf run`: the daemon, which records the sources of a configuration file.

mod check;
mod config;
mod configurer;
mod daemon_claim;
mod ending;
mod events;
mod file_watch;
mod log;
mod removals;
mod service;
mod triggers;

use std::path::PathBuf;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use capbuf::Registry;
use capbuf_capture::Station;
use sd_notify::NotifyState;

use crate::domain;
use crate::failure::Failure;
use config::Config;
use configurer::{Configurer, Heartbeat, Request, Running};
use daemon_claim::DaemonClaim;
use events::{Event, Events};
use log::LogFormat;
use service::notify;
use triggers::Triggers;

const EXAMPLES: &str = "\
The smallest configuration file is
  [[source]]
  from = \"device:default\"
contrib/capbuf.toml explains every setting. The file is read again when it changes, and
on SIGHUP: unchanged sources go on undisturbed. A file that is invalid, unreadable, or
without any source changes nothing, and the log has the line and the allowed values;
`capbuf list` and `capbuf status` have the reason until a file is accepted.
The audio of a source that is no longer in the file is removed after `remove_after`.

Signals:
  SIGHUP           read the file again
  SIGINT, SIGTERM  end within five seconds: triggers write their pending clips with the
                   audio that is there; twice: do not wait for sources; three times:
                   immediately

--check opens the sources that are not being recorded, and says within seconds which
devices, files, cameras or folders are missing or refuse: exit code 1. Exit code 2 is
an invalid file.

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
        return check::check(&config, domain);
    }
    log::begin(arguments.log);
    let (to_configurer, requests) = channel();
    let events = Events::listen(to_configurer.clone())?;
    let registry = open(&config, domain)?;
    let claim = DaemonClaim::take(&registry)?;
    let station = Station::new(&registry);
    let running = Running { registry, station, triggers: Triggers::default(), config_state: claim.config_state() };
    let heartbeat = Configurer::begin(arguments.config.clone(), config, running.clone(), requests, events.sender())?;
    let result = keep_running(&events, &heartbeat);
    notify(&[NotifyState::Stopping]);
    // Its thread may have ended, by a failure.
    let _ = to_configurer.send(Request::End);
    let closed_all = ending::stop(&running, &events);
    if !closed_all {
        tracing::info!(closed_all, "ended");
        // Without destructors, which would wait for what hangs. The kernel releases all.
        std::process::exit(i32::from(result.is_err()));
    }
    drop((running, claim));
    tracing::info!(closed_all, "ended");
    result
}

fn open(config: &Config, domain: Option<&str>) -> Result<Registry, Failure> {
    let mut builder = Registry::builder();
    if let Some(bytes) = config.budget_bytes {
        builder = builder.budget_bytes(bytes);
    }
    Ok(builder.open(&domain::name_of(domain.or(config.domain.as_deref())))?)
}

/// The name that a daemon claims in its domain, and under which it publishes a configuration that
/// it refused: no source of it can have this name.
pub(crate) use capbuf::DAEMON_NAME as OWN_NAME;

/// Serves the watchdog of the service manager until [`Event::Stop`]. Does nothing that can block.
fn keep_running(events: &Events, heartbeat: &Heartbeat) -> Result<(), Failure> {
    /// The configuration that is not applied after this time waits for something that hangs.
    const STUCK_AFTER: Duration = Duration::from_secs(30);
    let ping_every = sd_notify::watchdog_enabled().map(|within| within / 2);
    let mut pinged = Instant::now();
    let mut is_stuck = false;
    loop {
        match events.next() {
            Event::Stop => return Ok(()),
            Event::Failed(failure) => return Err(failure),
            Event::Tick | Event::SourcesStopped(_) | Event::ConfigurerEnded => {}
        }
        if ping_every.is_some_and(|every| pinged.elapsed() + Duration::from_millis(600) >= every) {
            pinged = Instant::now();
            notify(&[NotifyState::Watchdog]);
        }
        let was_stuck = std::mem::replace(&mut is_stuck, heartbeat.age() > STUCK_AFTER);
        if is_stuck && !was_stuck {
            tracing::warn!("reading or applying the configuration hangs; what was configured before goes on");
        }
    }
}
