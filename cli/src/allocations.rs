//! `capbuf report`: the allocations of a domain, by process and call site.

use std::collections::BTreeSet;
use std::io::{self, Write as _};

use capbuf::{AllocationReport, ReportFilter};
use jiff::SignedDuration;

use crate::failure::Failure;
use crate::moment::{self, Moment};
use crate::{domain, duration};

const EXAMPLES: &str = "\
For each source: attempts to get its buffer; allocations (an attempt that finds a
buffer is not one); whether the buffer is live; the call sites of the attempts, by
file and line; the holders of its buffers, removed ones included; the newest different
stacks. Anomalies come first, each with its evidence and a remedy.
Only processes that track allocations are included: those that `capbuf track on` has
switched, those started with DEBUG_BUFFER_ALLOC=true, and those that called
enable_allocation_tracking. Without any, attempts are unknown.

Examples:
  DEBUG_BUFFER_ALLOC=true capbuf record tone:440 & capbuf report
  capbuf report --since 10m --pid 4711
  capbuf report --reset; sleep 60; capbuf report
  capbuf report --json | jq '.sources[] | {source, attempts, allocations}'";

/// Report allocations, their call sites and the holders of buffers
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Only call sites and stacks used since then: a duration back from now, or a time. Counts of a
    /// call site are whole
    #[arg(long, value_name = "TIME", value_parser = parse_since, allow_hyphen_values = true)]
    since: Option<Moment>,
    /// Only what this process recorded, and its holds
    #[arg(long, value_name = "PID")]
    pid: Option<u32>,
    /// Begin the counts of later reports anew. Logs, metrics and reports of programs stay as they
    /// are
    #[arg(long, conflicts_with_all = ["since", "pid", "all", "json"])]
    reset: bool,
    /// Count from the beginning, not from the last --reset on
    #[arg(long)]
    all: bool,
    /// Print JSON: docs/schema/report.json
    #[arg(long)]
    json: bool,
}

/// Parses a duration back from now, or a time.
fn parse_since(text: &str) -> Result<Moment, String> {
    // A number that could be both is a duration of decades.
    moment::parse(text).or_else(|error| {
        let back = duration::parse(text).ok().and_then(|duration| SignedDuration::try_from(duration).ok());
        let back = back.map(|back| Moment::FromNow(-back));
        back.ok_or_else(|| format!("{error}, or a duration back from now as in 10m"))
    })
}

pub(crate) fn run(arguments: &Arguments, domain: Option<&str>) -> Result<(), Failure> {
    let registry = domain::open_existing(domain)?;
    let mut out = io::stdout().lock();
    if arguments.reset {
        registry.reset_allocation_report()?;
        writeln!(out, "reports count from now on; `capbuf report --all` counts from the beginning")?;
        return Ok(out.flush()?);
    }
    let mut filter = ReportFilter::default();
    filter.since_reset = !arguments.all;
    filter.pid = arguments.pid;
    if let Some(since) = &arguments.since {
        let now = moment::now();
        let since_utc_ns = since.utc_ns(&now).map_err(Failure::Usage)?;
        if i128::from(since_utc_ns) > now.timestamp().as_nanosecond() {
            return Err(Failure::Run("--since is a time to come; allowed: a time that is past".to_owned()));
        }
        filter.since_utc_ns = Some(since_utc_ns);
    }
    let report = registry.filtered_allocation_report(&filter);
    if let Some(pid) = arguments.pid {
        check_pid(pid, &report, &registry.allocation_report())?;
    }
    if arguments.json {
        writeln!(out, "{}", report.to_json())?;
    } else {
        write!(out, "{report}")?;
    }
    Ok(out.flush()?)
}

/// Fails if nothing is known of a process, with those of which something is.
fn check_pid(pid: u32, part: &AllocationReport, whole: &AllocationReport) -> Result<(), Failure> {
    let pids = |report: &AllocationReport| -> BTreeSet<u32> {
        let holders = report.sources.iter().flat_map(|source| &source.holders).map(|holder| holder.pid);
        report.processes.iter().map(|process| process.pid).chain(holders).collect()
    };
    let known = pids(whole);
    if known.contains(&pid) || pids(part).contains(&pid) {
        return Ok(());
    }
    let known: Vec<_> = known.iter().map(u32::to_string).collect();
    let known = if known.is_empty() { "there are none".to_owned() } else { format!("there are: {}", known.join(", ")) };
    Err(Failure::Run(format!("--pid {pid}: no such process tracks, or holds a buffer of, this domain; {known}")))
}
