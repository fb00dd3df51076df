//! `capbuf status`: shows the buffer, the writer and the readers of a source.

use std::io;

use capbuf::{CaptureBuffer, Level, SourceInfo, Status};

use crate::failure::Failure;
use crate::report::{self, SourceReport};
use crate::run::OWN_NAME;
use crate::{domain, meter, moment, source_argument, sources, table};

const EXAMPLES: &str = "\
Sources:
  The name that `capbuf list` shows, or a part of it that no other source has.
  Of several sources with one shown name, 'NAME #2' is the second in the list. @FILE, -
  and '$NAME' are read from a file, standard input and the environment.

Times come from the clock of the device, of a stream's sender, of arrival here, or of a file;
the true time is at most the number after ± away, except that by arrival the least delay of all
is not seen. A latency that was set is taken off.

A configuration that the daemon has refused is shown with its reason.

Examples:
  capbuf status device:default
  capbuf status cam1 --json | jq .age_s";

/// Show the buffer, writer and readers of a source
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The source to show
    #[arg(value_name = "SOURCE")]
    source: String,
    /// Print JSON: docs/schema/status.json
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments, domain: Option<&str>) -> Result<(), Failure> {
    let registry = domain::open_existing(domain)?;
    let info = sources::find_any(&registry, &source_argument::one(&arguments.source)?)?;
    let domain = registry.domain();
    let refusal = sources::refused_configuration(&registry)?;
    if arguments.json {
        return report::print(&SourceReport::of(&info, domain, refusal.as_deref()));
    }
    match &info.buffer {
        Some(buffer) => print(buffer, &info, domain.unwrap_or_default())?,
        None => table::print(&not_opened(&info, domain.unwrap_or_default()))?,
    }
    if let Some(reason) = refusal.filter(|_| info.source.as_str() != OWN_NAME) {
        table::print(&[table::row(["daemon", &reason])])?;
    }
    Ok(())
}

/// Returns the rows of a source without a buffer.
fn not_opened(info: &SourceInfo, domain: &str) -> Vec<Vec<String>> {
    let since = info.health.as_ref().map_or_else(|| "-".to_owned(), |health| moment::utc_ms(health.since_utc_ns));
    let recorder = info.recorder.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
    vec![
        table::row(["source", &info.source.to_string()]),
        table::row(["domain", domain]),
        table::row(["buffer", "none: the source was not opened yet"]),
        table::row(["state", &meter::state(info.health.as_ref(), None)]),
        table::row(["since", &since]),
        table::row(["recorder", &recorder]),
    ]
}

fn print(buffer: &CaptureBuffer, info: &SourceInfo, domain: &str) -> io::Result<()> {
    let (status, spec) = (buffer.status(), buffer.spec());
    let moment = |utc_ns: Option<i64>| utc_ns.map_or_else(|| "-".to_owned(), moment::utc_ms);
    let level = status.level.map_or_else(
        || "-".to_owned(),
        |level| format!("peak {:.1} dBFS, rms {:.1} dBFS", Level::dbfs(level.peak), Level::dbfs(level.rms)),
    );
    let writer = match &status.writer {
        Some(writer) => writer.to_string(),
        None => meter::writer(&status),
    };
    let readers = meter::readers(buffer, &status);
    let times = status.timing.map_or_else(|| "-".to_owned(), |timing| timing.to_string());
    let mut rows = vec![
        table::row(["source", &buffer.source().to_string()]),
        table::row(["domain", domain]),
        table::row(["format", &meter::format(spec)]),
        table::row(["kept", &meter::kept(&status, spec)]),
        table::row(["frames", &format!("{}..{}", status.oldest_frame, status.newest_frame)]),
        table::row(["oldest", &moment(status.oldest_utc_ns)]),
        table::row(["newest", &moment(status.newest_utc_ns)]),
        table::row(["epoch", &epoch(&status)]),
        table::row(["times", &times]),
        table::row(["age", meter::age(&status).trim_start()]),
        table::row(["level", &level]),
        table::row(["gaps", &status.gaps.to_string()]),
        table::row(["state", &meter::state(info.health.as_ref(), status.orphaned_left)]),
        table::row(["evictions", &status.evictions.to_string()]),
        table::row(["writer", &writer]),
        table::row(["readers", &meter::reader_count(buffer, &status).to_string()]),
    ];
    rows.extend(
        readers.iter().map(|reader| {
            table::row(["", &format!("{} since {}", reader.holder, moment::utc_ms(reader.since_utc_ns))])
        }),
    );
    rows.push(table::row(["lifetime", buffer.lifetime().name()]));
    rows.push(table::row(["memory", &meter::size(status.bytes)]));
    table::print(&rows)
}

/// The beginning of the newest epoch.
fn epoch(status: &Status) -> String {
    let Some(utc_ns) = status.epoch_utc_ns else { return "-".to_owned() };
    let back_s = status.epoch_step_ns as f64 * -1e-9;
    format!("from {} (frame {}), {back_s:.3} s back", moment::utc_ms(utc_ns), status.epoch_frame)
}
