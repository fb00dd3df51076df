//! `capbuf metrics`: prints the metrics of a domain for Prometheus.

use std::io::{self, Write as _};

use crate::domain;
use crate::failure::Failure;

const EXAMPLES: &str = "\
In the text format of Prometheus: allocation attempts of processes that track (see
`capbuf report`), live buffers, bytes, and for up to 64 sources: writes, frames, gaps,
evictions, age of the newest audio, level. A program exports its own metrics, reads
and their durations included, by metrics_text. docs/prometheus/ has a dashboard and
alert rules.

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
