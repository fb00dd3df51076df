//! `capbuf report`: the allocations of a domain, by process and call site.

use std::io::{self, Write as _};

use crate::domain;
use crate::failure::Failure;

const EXAMPLES: &str = "\
For each source: attempts to get its buffer; allocations (an attempt that finds a
buffer is not one); whether the buffer is live; the call sites of the attempts, by
file and line; the holders of its buffers, removed ones included; the newest different
stacks. Anomalies come first, each with its evidence and a remedy.
Only processes that track allocations are included: those started with
DEBUG_BUFFER_ALLOC=true, and those that called enable_allocation_tracking.

Examples:
  DEBUG_BUFFER_ALLOC=true capbuf record tone:440 & capbuf report
  capbuf report --json | jq '.sources[] | {source, attempts, allocations}'";

/// Report allocations, their call sites and the holders of buffers
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
