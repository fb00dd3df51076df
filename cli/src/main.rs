//! The command `capbuf`: records sources into capture buffers and cuts clips from them.
//!
//! Each command is a file. Results go to stdout; messages, one line each, to stderr.

mod allocations;
mod arguments;
mod calibrate;
mod clip;
mod clip_file;
mod clip_progress;
mod completions;
mod devices;
mod domain;
mod domains;
mod duration;
mod events;
mod failure;
mod interrupt;
mod list;
mod meter;
mod metrics;
mod moment;
mod named;
mod number;
mod printed_time;
mod record;
mod remove;
mod report;
mod run;
mod source_argument;
mod sources;
mod status;
mod table;
mod top;
mod track;
mod waits;

use std::process::ExitCode;
use std::sync::Arc;

use clap::{CommandFactory, Parser, Subcommand};
use signal_hook::consts::SIGXFSZ;

use crate::failure::Failure;

const AFTER_HELP: &str = "\
Exit codes:
  0  done, or ended by SIGINT or SIGTERM
  1  failed while running; stderr has the reason
  2  invalid command line or configuration; stderr has the reason";

/// Keeps the last seconds of audio sources in memory and cuts clips from them.
#[derive(Debug, Parser)]
#[command(name = "capbuf", version, after_help = AFTER_HELP)]
struct Arguments {
    /// The domain: a set of buffers shared by processes [default: $CAPBUF_DOMAIN, or "default"]
    #[arg(long, global = true, value_name = "NAME")]
    domain: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Record(record::Arguments),
    Run(run::Arguments),
    List(list::Arguments),
    Status(status::Arguments),
    Top(top::Arguments),
    Clip(clip::Arguments),
    Calibrate(calibrate::Arguments),
    Remove(remove::Arguments),
    Report(allocations::Arguments),
    Track(track::Arguments),
    Metrics(metrics::Arguments),
    Events(events::Arguments),
    Domains(domains::Arguments),
    Devices(devices::Arguments),
    Completions(completions::Arguments),
}

fn run(command: &Command, domain: Option<&str>) -> Result<(), Failure> {
    // The daemon has a log.
    if !matches!(command, Command::Run(_)) {
        waits::report();
    }
    match command {
        Command::Record(arguments) => record::run(arguments, domain),
        Command::Run(arguments) => run::run(arguments, domain),
        Command::List(arguments) => list::run(arguments, domain),
        Command::Status(arguments) => status::run(arguments, domain),
        Command::Top(arguments) => top::run(arguments, domain),
        Command::Clip(arguments) => clip::run(arguments, domain),
        Command::Calibrate(arguments) => calibrate::run(arguments, domain),
        Command::Remove(arguments) => remove::run(arguments, domain),
        Command::Report(arguments) => allocations::run(arguments, domain),
        Command::Track(arguments) => track::run(arguments, domain),
        Command::Metrics(arguments) => metrics::run(arguments, domain),
        Command::Events(arguments) => events::run(arguments, domain),
        Command::Domains(arguments) => domains::run(arguments, domain),
        Command::Devices(arguments) => devices::run(arguments),
        Command::Completions(arguments) => completions::run(arguments, &mut Arguments::command()),
    }
}

fn main() -> ExitCode {
    // A file beyond the limit (`ulimit -f`), also one that stdout leads to, is an error of its
    // writing. Unhandled, this signal ends the process.
    let _ = signal_hook::flag::register(SIGXFSZ, Arc::default());
    arguments::hide();
    let done = match Arguments::try_parse_from(arguments::all()) {
        Ok(Arguments { domain, command }) => run(&command, domain.as_deref()),
        Err(error) => failure::of_arguments(&error),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
