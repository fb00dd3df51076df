//! `capbuf list`: lists the sources of a domain.

use std::io;

use capbuf::SourceInfo;

use crate::failure::{Failure, complain, warn};
use crate::report::{self, SourceReport};
use crate::{domain, meter, sources, table};

const EXAMPLES: &str = "\
FILL is the audio in memory and the capacity. AGE is the time since the newest audio
was captured. WRITER is the process that records, `-` if none does. READERS is the
number of other processes that have the buffer open. STATE is that of the source, as its
recorder reports it, with the reason if something is wrong. A source that was never opened
is listed too, without a format. \"orphaned\" is a buffer whose recorder was killed: it
stays for the time left, ten minutes at first (CAPBUF_GRACE=SECONDS for the recorder), and
the next recorder goes on in it.

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
    let sources = registry.sources()?;
    warn(&registry.unusable_files()?);
    let refusal = sources::refused_configuration(&registry)?;
    if let Some(reason) = &refusal {
        complain(&format!("the daemon's {reason}"));
    }
    if arguments.json {
        let report = |info| SourceReport::of(info, registry.domain(), refusal.as_deref());
        return report::print(&sources.iter().map(report).collect::<Vec<_>>());
    }
    Ok(print(&sources)?)
}

fn print(sources: &[SourceInfo]) -> io::Result<()> {
    let mut rows = vec![table::row(["SOURCE", "FORMAT", "FILL", "AGE", "WRITER", "READERS", "STATE"])];
    rows.extend(sources.iter().map(|info| {
        let name = info.source.to_string();
        let Some(buffer) = &info.buffer else {
            let state = meter::state(info.health.as_ref(), None);
            return table::row([&name, "-", "-", "no audio", "-", "-", &state]);
        };
        let (status, spec) = (buffer.status(), buffer.spec());
        table::row([
            &name,
            &meter::format(spec),
            &meter::kept(&status, spec),
            meter::age(&status).trim_start(),
            &meter::writer(&status),
            &meter::reader_count(buffer, &status).to_string(),
            &meter::state(info.health.as_ref(), status.orphaned_left),
        ])
    }));
    table::print(&rows)
}
