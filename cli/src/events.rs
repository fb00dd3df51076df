//! `capbuf events`: looks at a domain for a while and reports anomalies.

use std::io::{self, Write as _};
use std::time::{Duration, Instant};

use capbuf::{Anomaly, Detector, WatchSettings};

use crate::failure::Failure;
use crate::{domain, duration, interrupt, moment};

const EXAMPLES: &str = "\
Anomalies: repeated allocation of an existing buffer from one place; buffers removed
and allocated in turn; removed buffers still held; writers that write nothing, or at
the wrong rate; reads that come too late; requests for another format; a budget nearly
used up; one source under two names; a source that can't be opened, or fails again and
again; a buffer removed, or its file taken away, while it was recorded. The first look
also prints what the logs of the processes that track hold, and what the watches of
running processes have found. Some anomalies take time to detect: --for 90s finds all
of them.

Examples:
  capbuf events --follow
  capbuf events --for 90s --json | jq .kind";

/// Report anomalies of a domain
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Look until interrupted
    #[arg(long, conflicts_with = "length")]
    follow: bool,
    /// Length of the look
    #[arg(long = "for", value_name = "DURATION", value_parser = duration::parse, default_value = "2s", allow_hyphen_values = true)]
    length: Duration,
    /// Interval between looks
    #[arg(long, value_name = "DURATION", value_parser = duration::parse_interval, default_value = "1s", allow_hyphen_values = true)]
    every: Duration,
    /// Report a live writer that writes nothing for longer
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "30s", allow_hyphen_values = true)]
    stalled: Duration,
    /// Report a removed buffer that is held for longer
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "60s", allow_hyphen_values = true)]
    held: Duration,
    /// Print a line of JSON for each anomaly: docs/schema/event.json
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments, domain: Option<&str>) -> Result<(), Failure> {
    let interrupted = interrupt::listen()?;
    let mut settings = WatchSettings::default();
    settings.stalled = arguments.stalled;
    settings.removed_held = arguments.held;
    let mut detector = Detector::with_past(settings);
    let end = (!arguments.follow).then(|| Instant::now() + arguments.length);
    // Fails if the domain does not exist: its name may be misspelt.
    let mut registry = Some(domain::open_existing(domain)?);
    loop {
        // Reopened for each look, to keep no removed buffer alive. A missing domain is skipped.
        if let Some(registry) = registry.take().or_else(|| domain::open_existing(domain).ok()) {
            for event in detector.look(&registry) {
                print(&event, arguments.json)?;
            }
        }
        let left =
            end.map_or(arguments.every, |end| end.saturating_duration_since(Instant::now()).min(arguments.every));
        if left.is_zero() || interrupted.recv_timeout(left).is_ok() {
            return Ok(());
        }
    }
}

fn print(event: &Anomaly, as_json: bool) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    if as_json {
        writeln!(out, "{}", event.to_json())?;
    } else {
        writeln!(out, "{} {event}", moment::utc_ms(event.last_utc_ns))?;
    }
    Ok(out.flush()?)
}
