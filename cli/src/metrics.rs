//! `capbuf metrics`: a domain, as Prometheus reads it.

use std::io::{self, Write as _};

use crate::domain;
use crate::failure::Failure;

const EXAMPLES: &str = "\
In Prometheus's text format: attempts to allocate of the processes that track (see
`capbuf report`), live buffers and bytes, and for each of up to 64 sources writes,
frames, gaps, evictions, the age of the newest audio and its level. A program tells
its own, with reads and their durations, by metrics_text. A dashboard and alert
rules are in docs/prometheus/.

Examples:
  capbuf metrics | grep source_last_write_age
  capbuf metrics > /var/lib/prometheus/node-exporter/capbuf.prom";

/// Print metrics for Prometheus
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {}

pub(crate) fn run(_: &Arguments, domain: Option<&str>) -> Result<(), Failure> {
    let text = domain::open_existing(domain)?.domain_metrics_text();
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}
