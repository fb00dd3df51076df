//! Where the daemon's log goes: lines for people and for the journal, or JSON.

use tracing::Level;
use tracing_subscriber::fmt;

/// How a log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LogFormat {
    /// A line for each event; the time is left out where the journal has its own.
    Text,
    /// A line of JSON for each event.
    Json,
}

/// Begins to write the log to stderr.
pub(super) fn begin(format: LogFormat) {
    let log = fmt().with_max_level(Level::INFO).with_target(false).with_writer(std::io::stderr);
    // Nothing else in this program sets one.
    let set = match format {
        LogFormat::Json => tracing::subscriber::set_global_default(log.json().flatten_event(true).finish()),
        LogFormat::Text if std::env::var_os("JOURNAL_STREAM").is_some() => {
            tracing::subscriber::set_global_default(log.with_ansi(false).without_time().finish())
        }
        LogFormat::Text => tracing::subscriber::set_global_default(log.with_ansi(false).finish()),
    };
    debug_assert!(set.is_ok());
}
