//! `capbuf track`: switches allocation tracking in the running processes of a domain.

use std::io::{self, Write as _};

use capbuf::TrackingSwitches;

use crate::failure::Failure;
use crate::{domain, table};

const EXAMPLES: &str = "\
Applies to all processes that have the domain open, and to those that open it later, also
to those started with DEBUG_BUFFER_ALLOC=true. What is recorded is in `capbuf report`.
Processes that refuse tracking by track_allocations(false) are not listed and stay as they
are. On, tracking costs some microseconds an attempt, off, one load.

Examples:
  capbuf track
  capbuf track on && sleep 60 && capbuf report && capbuf track off";

/// Show or switch allocation tracking in the running processes of a domain
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Switch it; without it, only show what is on
    #[arg(value_name = "on|off", value_enum)]
    switch: Option<Setting>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Setting {
    On,
    Off,
}

pub(crate) fn run(arguments: &Arguments, domain: Option<&str>) -> Result<(), Failure> {
    let registry = domain::open_existing(domain)?;
    if let Some(setting) = arguments.switch {
        registry.enable_domain_allocation_tracking(setting == Setting::On)?;
    }
    Ok(print(&registry.tracking_switches())?)
}

fn word(is_on: bool) -> &'static str {
    if is_on { "on" } else { "off" }
}

fn print(switches: &TrackingSwitches) -> io::Result<()> {
    let mut rows = vec![table::row(["PROCESS", "PROGRAM", "TRACKING"])];
    rows.extend(
        switches
            .registries
            .iter()
            .map(|(holder, on)| table::row([&holder.pid.to_string(), &holder.program, word(*on)])),
    );
    rows.push(table::row(["-", "(opened later)", word(switches.is_on_for_others)]));
    table::print(&rows)?;
    io::stdout().flush()
}
