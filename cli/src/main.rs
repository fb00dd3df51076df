//! The command `capbuf`: records sources into capture buffers and cuts clips from them.
//!
//! Each command is a file. What a command is asked for goes to the standard output; what it tells of itself, and errors, one
//! line each, to the standard error.

mod completions;
mod devices;
mod duration;
mod failure;
mod record;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

const AFTER_HELP: &str = "\
Exit codes:
  0  done, or ended by SIGINT or SIGTERM in good order
  1  something failed while running; the line on stderr says what
  2  the command line is wrong: an option, a source that is none, settings that contradict each other";

/// Keeps the last seconds of audio sources in memory and cuts clips from them.
#[derive(Debug, Parser)]
#[command(name = "capbuf", version, after_help = AFTER_HELP)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Record(record::Arguments),
    Devices(devices::Arguments),
    Completions(completions::Arguments),
}

fn main() -> ExitCode {
    let done = match Arguments::try_parse() {
        Ok(arguments) => match arguments.command {
            Command::Record(arguments) => record::run(&arguments),
            Command::Devices(arguments) => devices::run(&arguments),
            Command::Completions(arguments) => completions::run(&arguments, &mut Arguments::command()),
        },
        Err(refused) => failure::of_arguments(&refused),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.tell(),
    }
}
