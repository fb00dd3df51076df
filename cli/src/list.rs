//! `capbuf list`: lists the sources of a domain.

use std::io;

use capbuf::CaptureBuffer;

use crate::failure::Failure;
use crate::report::{self, SourceReport};
use crate::{domain, meter, table};

const EXAMPLES: &str = "\
FILL is the audio in memory and the capacity. AGE is the time since the newest audio
was captured. WRITER is the process that records, `-` if none does. READERS is the
number of other processes that have the buffer open.

Examples:
  capbuf list
  capbuf list --domain birds --json | jq -r '.[].source'";

/// List the sources of a domain
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Print JSON: docs/schema/list.json
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments, domain: Option<&str>) -> Result<(), Failure> {
    let registry = domain::open_existing(domain)?;
    let buffers = registry.try_buffers()?;
    if arguments.json {
        let report = |buffer| SourceReport::of(buffer, registry.domain());
        return report::print(&buffers.iter().map(report).collect::<Vec<_>>());
    }
    Ok(print(&buffers)?)
}

fn print(buffers: &[CaptureBuffer]) -> io::Result<()> {
    let mut rows = vec![table::row(["SOURCE", "FORMAT", "FILL", "AGE", "WRITER", "READERS"])];
    rows.extend(buffers.iter().map(|buffer| {
        let (status, spec) = (buffer.status(), buffer.spec());
        table::row([
            &buffer.source().to_string(),
            &meter::format(spec),
            &meter::kept(&status, spec),
            meter::age(&status).trim_start(),
            &meter::writer(&status),
            &meter::readers(buffer, &status).len().to_string(),
        ])
    }));
    table::print(&rows)
}
