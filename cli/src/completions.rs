//! `capbuf completions`: prints a script that completes the command line in a shell.

use std::io::{self, Write};

use clap_complete::Shell;

use crate::failure::Failure;

const EXAMPLES: &str = "\
Examples:
  capbuf completions bash > ~/.local/share/bash-completion/completions/capbuf
  capbuf completions zsh > ~/.zfunc/_capbuf
  capbuf completions fish > ~/.config/fish/completions/capbuf.fish";

/// Print a completion script for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The shell to complete in
    shell: Shell,
}

pub(crate) fn run(arguments: &Arguments, command: &mut clap::Command) -> Result<(), Failure> {
    // Into memory first: the generator panics if writing fails.
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, command, "capbuf", &mut script);
    Ok(io::stdout().write_all(&script)?)
}
