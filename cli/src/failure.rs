//! The failure of a command: a line on stderr and an exit code.

use std::io::{self, Write};
use std::process::ExitCode;

use crate::arguments;

/// The reason of a failure.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Something went wrong while running: exit code 1.
    Run(String),
    /// The command line is wrong: exit code 2.
    Usage(String),
    /// The reader of stdout is gone, as with `| head`: exit code 0.
    OutputClosed,
}

impl Failure {
    /// Returns the message.
    pub(crate) fn message(&self) -> &str {
        match self {
            Self::Run(line) | Self::Usage(line) => line,
            Self::OutputClosed => "stdout was closed",
        }
    }

    /// Prints the message and returns the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        let (line, code) = match self {
            Self::Run(line) => (line, ExitCode::from(1)),
            Self::Usage(line) => (line, ExitCode::from(2)),
            Self::OutputClosed => return ExitCode::SUCCESS,
        };
        complain(line);
        code
    }
}

/// Prints a line on stderr, without secrets.
pub(crate) fn complain(line: &str) {
    // An error means that stderr is closed.
    let _ = writeln!(io::stderr(), "capbuf: {}", without_secrets(line).replace(char::is_control, " "));
}

/// Prints a note on stderr, for something that is no failure.
pub(crate) fn note(line: &str) {
    // An error means that stderr is closed.
    let _ = writeln!(io::stderr(), "note: {line}");
}

/// Prints each file that can't be used on stderr, with the reason.
pub(crate) fn warn<'a>(unusable: impl IntoIterator<Item = &'a capbuf::Error>) {
    for error in unusable {
        complain(&format!("not usable: {error}"));
    }
}

/// Redacts URLs in a line: an error message may quote an argument with a password.
pub(crate) fn without_secrets(line: &str) -> String {
    let redact = |word: &str| {
        let quotes = word.len() - word.trim_start_matches(['"', '\'', '`', '(']).len();
        let (quotes, word) = word.split_at(quotes);
        let (word, end) = word.split_at(word.trim_end_matches(['"', '\'', '`', ')', ':', ',', ';', '.']).len());
        // An `@` at the start precedes the path of a file.
        let may_hold = word.contains("://") || word.rfind('@').is_some_and(|at| at > 0);
        if may_hold { format!("{quotes}{}{end}", capbuf::redact(word)) } else { format!("{quotes}{word}{end}") }
    };
    line.split(' ').map(redact).collect::<Vec<_>>().join(" ")
}

/// Redacts the arguments in a message of the parser, which quotes them.
fn without_arguments(mut message: String, arguments: impl Iterator<Item = String>) -> String {
    for argument in arguments {
        // The value of an option may stand behind its name.
        for text in [Some(argument.as_str()), argument.split_once('=').map(|(_, value)| value)].into_iter().flatten() {
            let shown = capbuf::redact(text);
            if shown != text {
                message = message.replace(text, &shown);
            }
        }
    }
    message
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
            io::ErrorKind::BrokenPipe => Self::OutputClosed,
            _ => Self::Run(format!("can't print: {error}")),
        }
    }
}

/// Prints the help, or turns a parser error into a failure of one line.
pub(crate) fn of_arguments(error: &clap::Error) -> Result<(), Failure> {
    if !error.use_stderr() {
        return Ok(error.print()?);
    }
    if error.kind() == clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return Err(Failure::Usage("the command is missing; see: capbuf --help".to_owned()));
    }
    let message = without_arguments(
        error.to_string(),
        arguments::all().iter().map(|argument| argument.to_string_lossy().into_owned()),
    );
    // The first paragraph is the error, wrapped; tips and usage follow.
    let paragraph = message.split("\n\n").next().unwrap_or_default();
    let words: Vec<_> = paragraph.split_whitespace().collect();
    let line = words.join(" ");
    Err(Failure::Usage(format!("{}; see: capbuf --help", line.strip_prefix("error: ").unwrap_or(&line))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_urls_are_redacted_and_punctuation_stays() {
        for (line, shown) in [
            ("source rtsp://me:sesame@cam/1: no audio", "source rtsp://***@cam/1: no audio"),
            ("'rtsp://me:sesame@cam/1', (http://cam/x?token=sesame).", "'rtsp://***@cam/1', (http://cam/x?token=***)."),
            ("tone:440: @ 3 s", "tone:440: @ 3 s"),
        ] {
            assert_eq!(without_secrets(line), shown);
        }
    }

    #[test]
    fn arguments_that_a_message_quotes_are_redacted() {
        let arguments = ["rtsp://me:ses ame@cam/1", "--for=cam/x?token=sesame"].map(str::to_owned);
        let message = "bad 'rtsp://me:ses ame@cam/1' and 'cam/x?token=sesame'".to_owned();
        assert_eq!(without_arguments(message, arguments.into_iter()), "bad 'rtsp://***@cam/1' and 'cam/x?***'");
    }
}
