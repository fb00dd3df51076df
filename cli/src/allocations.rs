//! `capbuf report`: what was allocated in a domain, by whom and from where.

use std::io::{self, Write as _};

use crate::domain;
use crate::failure::Failure;

const EXAMPLES: &str = "\
For each source: attempts to get its buffer, allocations (an attempt that finds the
buffer is none), whether it lives; where the attempts came from, by file and line;
who holds its buffers, also those that were removed; the newest stacks. Attempts
are known of processes that track: those that were started with
DEBUG_BUFFER_ALLOC=true, or that called enable_allocation_tracking.

Examples:
  DEBUG_BUFFER_ALLOC=true capbuf record tone:440 & capbuf report
  capbuf report --json | jq '.sources[] | {source, attempts, allocations}'";

/// Tell what was allocated, how often it was asked for, and who holds what
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Print JSON: docs/schema/report.json
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments, domain: Option<&str>) -> Result<(), Failure> {
    let report = domain::open_existing(domain)?.allocation_report();
    let mut out = io::stdout().lock();
    if arguments.json {
        writeln!(out, "{}", report.to_json())?;
    } else {
        write!(out, "{report}")?;
    }
    Ok(out.flush()?)
}
