//! `capbuf events`: what is wrong in a domain, found while it is looked at.

use std::io::{self, Write as _};
use std::time::{Duration, Instant};

use capbuf::{Anomaly, Detector, WatchSettings};

use crate::failure::Failure;
use crate::{domain, duration, interrupt, moment};

const EXAMPLES: &str = "\
What is looked for: allocate called again and again from one place for a buffer
that is there; buffers removed and made again and again; removed ones that are
still held; writers that write nothing, or not at their rate; reads that come too
late; requests for another shape; a budget nearly used; one source under two
names. Some of it takes time to be seen: --for 90s sees all of it. What happened
before is in `capbuf report`.

Examples:
  capbuf events --follow
  capbuf events --for 90s --json | jq .kind";

/// Tell what is wrong in a domain
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Look until asked to end, and tell each thing when it is seen
    #[arg(long, conflicts_with = "length")]
    follow: bool,
    /// Look for so long
    #[arg(long = "for", value_name = "DURATION", value_parser = duration::parse, default_value = "2s")]
    length: Duration,
    /// How often to look
    #[arg(long, value_name = "DURATION", value_parser = every, default_value = "1s")]
    every: Duration,
    /// How long a living writer may write nothing
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "30s")]
    stalled: Duration,
    /// How long a removed buffer may be held
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "60s")]
    held: Duration,
    /// Print a line of JSON for each: docs/schema/event.json
    #[arg(long)]
    json: bool,
}

fn every(given: &str) -> Result<Duration, String> {
    const SHORTEST: Duration = Duration::from_millis(50);
    let every = duration::parse(given)?;
    if every < SHORTEST { Err(format!("{given:?} is too often; allowed: {SHORTEST:?} or more")) } else { Ok(every) }
}

pub(crate) fn run(arguments: &Arguments, domain: Option<&str>) -> Result<(), Failure> {
    let interrupted = interrupt::listen()?;
    let mut settings = WatchSettings::default();
    settings.stalled = arguments.stalled;
    settings.removed_held = arguments.held;
    let mut detector = Detector::new(settings);
    let end = (!arguments.follow).then(|| Instant::now() + arguments.length);
    // It must be there once: who waits for one that will never be would wait for ever.
    let mut registry = Some(domain::open_existing(domain)?);
    loop {
        // Opened for each look, so that nothing is kept alive by who looks. A domain that is gone for a while has nothing wrong.
        if let Some(registry) = registry.take().or_else(|| domain::open_existing(domain).ok()) {
            for event in detector.look(&registry) {
                tell(&event, arguments.json)?;
            }
        }
        let left =
            end.map_or(arguments.every, |end| end.saturating_duration_since(Instant::now()).min(arguments.every));
        if left.is_zero() || interrupted.recv_timeout(left).is_ok() {
            return Ok(());
        }
    }
}

fn tell(event: &Anomaly, as_json: bool) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    if as_json {
        writeln!(out, "{}", event.to_json())?;
    } else {
        writeln!(out, "{} {event}", moment::utc_ms(event.last_utc_ns))?;
    }
    Ok(out.flush()?)
}
