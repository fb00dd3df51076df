//! `capbuf remove`: removes the buffer of a source from its domain.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::Path;

use capbuf::{CaptureBuffer, Holder, Registry, SourceClaim, Status};
use serde::Serialize;

use crate::failure::Failure;
use crate::{domain, meter, report, source_argument, sources};

const EXAMPLES: &str = "\
The audio is lost. Processes that have the buffer open can still read it; its memory is
freed when the last one closes it. A source that is being recorded needs --force: its
recorder then makes a new buffer, goes on, and reports the process that removed it.

Sources:
  The name that `capbuf list` shows, or a part of it that no other source has. Of several
  sources with one shown name, 'NAME #2' is the second in the list. A damaged buffer is
  removed by its source's whole name, or by the file that the error shows. @FILE, - and
  '$NAME' are read from a file, standard input and the environment.

Examples:
  capbuf remove device:default
  capbuf remove \"nest box\" --force";

/// Remove a source and its audio
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The source to remove
    #[arg(value_name = "SOURCE")]
    source: String,
    /// Remove it even if it is being recorded
    #[arg(long)]
    force: bool,
    /// Print JSON: docs/schema/remove.json
    #[arg(long)]
    json: bool,
}

/// The removed buffer: `docs/schema/remove.json`.
#[derive(Debug, Serialize)]
struct Removed {
    /// Without credentials.
    source: String,
    domain: Option<String>,
    id: String,
    had_writer: bool,
    bytes: u64,
}

/// Removes a damaged buffer, by its source's name or the name of its file.
fn remove_damaged(registry: &Registry, name: &str) -> Result<bool, Failure> {
    let file_name = Path::new(name).file_name().and_then(OsStr::to_str).unwrap_or(name);
    Ok(registry.remove_unusable(file_name)? || registry.remove(name).is_ok())
}

/// Claims a source that nobody records.
fn claim(registry: &Registry, buffer: &CaptureBuffer, status: &Status) -> Result<SourceClaim, Failure> {
    let recorded = |holder: Option<Holder>| {
        let by = holder.map_or_else(String::new, |holder| format!(" by {holder}"));
        let source = buffer.source();
        Failure::Run(format!("{source} is being recorded{by}; to remove it all the same, add --force"))
    };
    match registry.claim_source(buffer.source().as_str()) {
        Ok(_) if status.has_writer => Err(recorded(status.writer.clone())),
        Ok(claim) => Ok(claim),
        Err(capbuf::Error::WriterBusy { holder, .. }) => Err(recorded(holder)),
        Err(error) => Err(error.into()),
    }
}

pub(crate) fn run(arguments: &Arguments, domain: Option<&str>) -> Result<(), Failure> {
    let registry = domain::open_existing(domain)?;
    let source = source_argument::one(&arguments.source)?;
    let buffer = match sources::find(&registry, &source) {
        Ok(buffer) => buffer,
        Err(failure) if !remove_damaged(&registry, &source)? => return Err(failure),
        Err(_) => {
            let source = capbuf::redact(&source);
            if arguments.json {
                let domain = registry.domain().map(str::to_owned);
                return report::print(&Removed { source, domain, id: "0".repeat(16), had_writer: false, bytes: 0 });
            }
            return Ok(writeln!(io::stdout(), "removed {source}: it was damaged")?);
        }
    };
    let status = buffer.status();
    // Kept until it is removed, so that no recorder begins meanwhile.
    let _claim = if arguments.force { None } else { Some(claim(&registry, &buffer, &status)?) };
    registry.remove(buffer.source().as_str())?;
    let removed = Removed {
        source: buffer.source().to_string(),
        domain: registry.domain().map(str::to_owned),
        id: report::id(&buffer),
        had_writer: status.has_writer,
        bytes: status.bytes,
    };
    if arguments.json {
        return report::print(&removed);
    }
    let (kept, size) = (meter::kept(&status, buffer.spec()), meter::size(removed.bytes));
    Ok(writeln!(io::stdout(), "removed {}: {kept}, {size}", removed.source)?)
}
