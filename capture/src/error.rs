//! What can go wrong between a source and its buffer.

use std::path::{Path, PathBuf};
use std::time::Duration;

/// The result of a call of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong, with what was given and what can be done about it. One line each, without credentials.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A string names no source.
    #[error("source {given} is not understood: {reason}; allowed: {allowed}")]
    Locator {
        /// The string, redacted, escaped and cut to a readable length.
        given: String,
        /// What is wrong with it.
        reason: String,
        /// What would have been understood.
        allowed: &'static str,
    },
    /// The buffer refused: its shape, its budget, its writer.
    #[error(transparent)]
    Buffer(#[from] capbuf::Error),
    /// A host has no device of that name.
    #[error("there is no {host} device {name:?} to record from; there is: {available}")]
    DeviceNotFound {
        /// The host that was asked.
        host: &'static str,
        /// The name that was given.
        name: String,
        /// The names it knows.
        available: String,
    },
    /// The system of sound devices itself can't be reached.
    #[error("{host} can't be reached: {reason}")]
    HostUnavailable {
        /// The host that was asked.
        host: &'static str,
        /// Its own words.
        reason: String,
    },
    /// A device refuses, or went away.
    #[error("device {name:?}: {reason}")]
    Device {
        /// The device.
        name: String,
        /// Why, in the words of its host.
        reason: String,
    },
    /// The source can't deliver the rate, channels or sample format that were asked.
    #[error("{source_name} has no {requested}; it offers {offered}")]
    NotOffered {
        /// The source, without credentials.
        source_name: String,
        /// What was asked.
        requested: String,
        /// What can be had.
        offered: String,
    },
    /// A file can't be read.
    #[error("{}: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's own words, or the decoder's.
        reason: String,
    },
    /// A stream was refused, is not audio, or ended.
    #[error("{source_name}: {reason}")]
    Stream {
        /// The URL, without credentials.
        source_name: String,
        /// Why, as far as ffmpeg told.
        reason: String,
    },
    /// Streams are read by the program ffmpeg, which is not there.
    #[error(
        "ffmpeg is needed for network streams and can't be started ({reason}); install it, as by: apt install ffmpeg"
    )]
    FfmpegMissing {
        /// The system's own words.
        reason: String,
    },
    /// The source did not open in time.
    #[error("{source_name} did not deliver audio within {waited:?}")]
    OpenTimedOut {
        /// The source, without credentials.
        source_name: String,
        /// The deadline.
        waited: Duration,
    },
    /// A source that had delivered audio fell silent: no data came, not even zeros.
    #[error("{source_name} delivered nothing for {waited:?}")]
    Stalled {
        /// The source, without credentials.
        source_name: String,
        /// How long nothing came.
        waited: Duration,
    },
    /// A source can't be configured like that.
    #[error("source {source_name}: {reason}")]
    Config {
        /// Its name, without credentials.
        source_name: String,
        /// What is wrong, and what is allowed.
        reason: String,
    },
    /// What a source delivers is not what it should be.
    #[error("{source_name}: {what}")]
    Unhealthy {
        /// The source, without credentials.
        source_name: String,
        /// What is wrong with it.
        what: String,
    },
    /// A clip can't be written. There is no file under its name, or the one that was there before.
    #[error("clip {}: {reason}", path.display())]
    Clip {
        /// The clip's final name.
        path: PathBuf,
        /// The system's own words, or what is allowed.
        reason: String,
    },
    /// The system would not start a thread, or one ended by a defect of this library.
    #[error("thread for {source_name}: {reason}")]
    Thread {
        /// The source, without credentials.
        source_name: String,
        /// The system's own words.
        reason: String,
    },
}

impl Error {
    /// Tells whether trying again is in vain whatever happens to the source meanwhile.
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Locator { .. } | Self::Config { .. } => true,
            Self::Buffer(error) => !matches!(error, capbuf::Error::WriterBusy { .. }),
            _ => false,
        }
    }

    pub(crate) fn locator(given: &str, reason: &str, allowed: &'static str) -> Self {
        const SHOWN_CHARS: usize = 120;
        let shown: String = capbuf::redact(given).escape_debug().take(SHOWN_CHARS).collect();
        Self::Locator { given: format!("\"{shown}\""), reason: reason.to_owned(), allowed }
    }

    pub(crate) fn unreadable(path: &Path, reason: impl ToString) -> Self {
        Self::Unreadable { path: path.to_owned(), reason: reason.to_string() }
    }

    pub(crate) fn clip(path: &Path, reason: impl ToString) -> Self {
        Self::Clip { path: path.to_owned(), reason: reason.to_string() }
    }
}
