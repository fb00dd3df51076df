//! The log of the daemon, on stderr: text or JSON.

use tracing::Level;
use tracing_subscriber::fmt;

/// The format of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LogFormat {
    /// A line for each event, without the time if the journal adds it
    Text,
    /// A line of JSON for each event
    Json,
}

/// Starts the log.
pub(super) fn begin(format: LogFormat) {
    let log = fmt().with_max_level(Level::INFO).with_target(false).with_writer(std::io::stderr);
    // Called once, so no other subscriber is set.
    let set = match format {
        LogFormat::Json => tracing::subscriber::set_global_default(log.json().flatten_event(true).finish()),
        LogFormat::Text if std::env::var_os("JOURNAL_STREAM").is_some() => {
            tracing::subscriber::set_global_default(log.with_ansi(false).without_time().finish())
        }
        LogFormat::Text => tracing::subscriber::set_global_default(log.with_ansi(false).finish()),
    };
    debug_assert!(set.is_ok());
}
