//! `capbuf domains`: the domains of this user.

use std::io;

use capbuf::{DomainInfo, Error, Registry};
use serde::Serialize;

use crate::failure::{Failure, warn};
use crate::{meter, report, table};

const EXAMPLES: &str = "\
PROCESSES is the number of processes that have the domain open. DEAD is \"yes\" if
killed processes left files in it: unfinished ones, and buffers that live only while
they are open. Opening the domain removes them, as --sweep does.

Domains are folders in CAPBUF_DIR, by default /dev/shm/capbuf-UID.

Examples:
  capbuf domains
  capbuf domains --sweep
  capbuf domains --domain birds --json";

/// List the domains of this user, or the one of --domain
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Remove the files of processes that died
    #[arg(long)]
    sweep: bool,
    /// Print JSON: docs/schema/domains.json
    #[arg(long)]
    json: bool,
}

/// A domain: an item of `docs/schema/domains.json`.
#[derive(Debug, Serialize)]
struct DomainReport {
    name: String,
    path: String,
    buffers: usize,
    bytes: u64,
    processes: usize,
    has_dead: bool,
    /// `None` without `--sweep`.
    swept: Option<SweptReport>,
}

/// The buffers and bytes that a sweep removed.
#[derive(Debug, Serialize)]
struct SweptReport {
    buffers: usize,
    bytes: u64,
}

pub(crate) fn run(arguments: &Arguments, domain: Option<&str>) -> Result<(), Failure> {
    let before = list(domain)?;
    if let (Some(name), true) = (domain, before.is_empty()) {
        return Err(crate::domain::no_such(name, &capbuf::domains(None)?));
    }
    let reports: Vec<_> = if arguments.sweep {
        for domain in &before {
            // Opening sweeps as well, but only if it finds a dead process.
            Registry::open(&domain.name)?.sweep()?;
        }
        let after = list(domain)?;
        after.into_iter().map(|now| report_swept(now, &before)).collect()
    } else {
        before.into_iter().map(|domain| report(domain, None)).collect()
    };
    let is_listed = |error: &&Error| reports.iter().any(|report| error.to_string().starts_with(&report.path));
    let (_, unusable) = capbuf::domains_and_unusable(None)?;
    warn(unusable.iter().filter(|error| domain.is_none() || is_listed(error)));
    if arguments.json {
        return report::print(&reports);
    }
    Ok(print(&reports)?)
}

fn list(only: Option<&str>) -> Result<Vec<DomainInfo>, Failure> {
    let mut domains = capbuf::domains(None)?;
    domains.retain(|domain| only.is_none_or(|name| domain.name == name));
    Ok(domains)
}

fn report(domain: DomainInfo, swept: Option<SweptReport>) -> DomainReport {
    let path = domain.path.to_string_lossy().into_owned();
    let DomainInfo { name, buffers, bytes, processes, has_dead, .. } = domain;
    DomainReport { name, path, buffers, bytes, processes, has_dead, swept }
}

fn report_swept(now: DomainInfo, before: &[DomainInfo]) -> DomainReport {
    let then = before.iter().find(|domain| domain.name == now.name);
    let swept = SweptReport {
        buffers: then.map_or(0, |then| then.buffers.saturating_sub(now.buffers)),
        bytes: then.map_or(0, |then| then.bytes.saturating_sub(now.bytes)),
    };
    report(now, Some(swept))
}

fn print(reports: &[DomainReport]) -> io::Result<()> {
    let mut rows = vec![table::row(["DOMAIN", "BUFFERS", "SIZE", "PROCESSES", "DEAD", "SWEPT", "FOLDER"])];
    rows.extend(reports.iter().map(|report| {
        let swept = report.swept.as_ref().map_or_else(|| "-".to_owned(), |swept| meter::size(swept.bytes));
        table::row([
            &report.name,
            &report.buffers.to_string(),
            &meter::size(report.bytes),
            &report.processes.to_string(),
            if report.has_dead { "yes" } else { "no" },
            &swept,
            &report.path,
        ])
    }));
    table::print(&rows)
}
