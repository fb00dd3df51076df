//! How a command fails: one line on the standard error, and an exit code.

use std::io::{self, Write};
use std::process::ExitCode;

/// Why a command failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Something went wrong while running: exit code 1.
    Run(String),
    /// The command line is wrong: exit code 2.
    Usage(String),
    /// Nobody reads what is printed any more, as behind `| head`: no failure of this program.
    Unheard,
}

impl Failure {
    /// What it says.
    pub(crate) fn words(&self) -> &str {
        match self {
            Self::Run(line) | Self::Usage(line) => line,
            Self::Unheard => "nobody listens",
        }
    }

    /// Prints the line and gives the exit code.
    pub(crate) fn tell(&self) -> ExitCode {
        let (line, code) = match self {
            Self::Run(line) => (line, ExitCode::from(1)),
            Self::Usage(line) => (line, ExitCode::from(2)),
            Self::Unheard => return ExitCode::SUCCESS,
        };
        complain(line);
        code
    }
}

/// Prints a line about something that went wrong.
pub(crate) fn complain(line: &str) {
    // Where stderr is closed there is nobody to tell.
    let _ = writeln!(io::stderr(), "capbuf: {}", without_secrets(line).replace(char::is_control, " "));
}

/// Hides what URLs in a line hold of secrets: one that was given in the wrong place is repeated by whoever refuses it.
pub(crate) fn without_secrets(line: &str) -> String {
    let shown = |word: &str| {
        let quotes = word.len() - word.trim_start_matches(['"', '\'', '`', '(']).len();
        let (quotes, word) = word.split_at(quotes);
        let may_hold = word.contains("://") || word.len() > 1 && word.contains('@');
        if may_hold { format!("{quotes}{}", capbuf::redact(word)) } else { format!("{quotes}{word}") }
    };
    line.split(' ').map(shown).collect::<Vec<_>>().join(" ")
}

impl From<capbuf_capture::Error> for Failure {
    fn from(error: capbuf_capture::Error) -> Self {
        match error {
            capbuf_capture::Error::Locator { .. }
            | capbuf_capture::Error::Config { .. }
            | capbuf_capture::Error::Buffer(
                capbuf::Error::InvalidArgument { .. } | capbuf::Error::InvalidSource { .. },
            ) => Self::Usage(error.to_string()),
            _ => Self::Run(error.to_string()),
        }
    }
}

impl From<capbuf::Error> for Failure {
    fn from(error: capbuf::Error) -> Self {
        capbuf_capture::Error::from(error).into()
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::Unheard,
            _ => Self::Run(format!("can't print: {error}")),
        }
    }
}

/// Prints the help that was asked for, or makes one line of what is wrong with the arguments.
pub(crate) fn of_arguments(refused: &clap::Error) -> Result<(), Failure> {
    if !refused.use_stderr() {
        return Ok(refused.print()?);
    }
    if refused.kind() == clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return Err(Failure::Usage("no command is given; see: capbuf --help".to_owned()));
    }
    let told = refused.to_string();
    // The first paragraph says what is wrong, on some lines; tips and usage follow.
    let paragraph = told.split("\n\n").next().unwrap_or_default();
    let words: Vec<_> = paragraph.split_whitespace().collect();
    let line = words.join(" ");
    Err(Failure::Usage(format!("{}; see: capbuf --help", line.strip_prefix("error: ").unwrap_or(&line))))
}
