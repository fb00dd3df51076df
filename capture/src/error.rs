//! The error of this crate.

use std::path::{Path, PathBuf};
use std::time::Duration;

/// The result of a call of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// An error, displayed in one line without credentials.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A string is no locator.
    #[error("source {given} is not understood: {reason}; allowed: {allowed}")]
    Locator {
        /// The string, redacted, escaped and cut to a readable length.
        given: String,
        /// The reason.
        reason: String,
        /// The valid forms.
        allowed: &'static str,
    },
    /// An error of the buffer: its shape, its budget, its writer.
    #[error(transparent)]
    Buffer(#[from] capbuf::Error),
    /// The buffer was removed, or its file was taken away, while it was recorded. The source is
    /// recorded into a new one.
    #[error("the buffer of source {source_name} {how}")]
    BufferLost {
        /// The source, without credentials.
        source_name: String,
        /// The event, with the process that caused it if it is known.
        how: String,
    },
    /// The host has no device of this name.
    #[error("there is no {host} device {name:?} to record from; there is: {available}")]
    DeviceNotFound {
        /// The host.
        host: &'static str,
        /// The requested name.
        name: String,
        /// The names that exist.
        available: String,
    },
    /// A sound system cannot be reached.
    #[error("{host} can't be reached: {reason}")]
    HostUnavailable {
        /// The host.
        host: &'static str,
        /// Its error.
        reason: String,
    },
    /// A device refuses, or is gone.
    #[error("device {name:?}: {reason}")]
    Device {
        /// The device.
        name: String,
        /// The error of its host.
        reason: String,
    },
    /// The source does not offer the requested rate, channels or sample format.
    #[error("{source_name} has no {requested}; it offers {offered}")]
    NotOffered {
        /// The source, without credentials.
        source_name: String,
        /// The requested format.
        requested: String,
        /// The formats on offer.
        offered: String,
    },
    /// A file cannot be read.
    #[error("{}: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The error of the system or of the decoder.
        reason: String,
    },
    /// A stream was refused, is no audio, or ended.
    #[error("{source_name}: {reason}")]
    Stream {
        /// The URL, without credentials.
        source_name: String,
        /// The diagnostic of ffmpeg.
        reason: String,
    },
    /// The program ffmpeg, which reads streams and most kinds of files, is not installed or cannot
    /// be started.
    #[error(
        "ffmpeg is needed for network streams, and for files but WAV, FLAC, Ogg Vorbis and MP3, and can't be started \
         ({reason}); install it, as by: apt install ffmpeg"
    )]
    FfmpegMissing {
        /// The error of the system.
        reason: String,
    },
    /// The source did not open before the deadline.
    #[error("{source_name} did not deliver audio within {waited:?}{}", after_colon(reason.as_deref()))]
    OpenTimedOut {
        /// The source, without credentials.
        source_name: String,
        /// The deadline.
        waited: Duration,
        /// The last error of the source meanwhile, if it had one.
        reason: Option<String>,
    },
    /// A running source delivered no data, not even zeros.
    #[error("{source_name} delivered nothing for {waited:?}")]
    Stalled {
        /// The source, without credentials.
        source_name: String,
        /// The time without data.
        waited: Duration,
    },
    /// A source or trigger has invalid options.
    #[error("source {source_name}: {reason}")]
    Config {
        /// Its name, without credentials.
        source_name: String,
        /// The reason, and the allowed values.
        reason: String,
    },
    /// The audio of a source violates a watchdog rule.
    #[error("{source_name}: {what}")]
    Unhealthy {
        /// The source, without credentials.
        source_name: String,
        /// The violation.
        what: String,
    },
    /// The frames of a source come at another rate than it says.
    #[error("{source_name}: {come_hz} frames a second come, {declared_hz} are declared{}", corrected(*.is_corrected))]
    WrongRate {
        /// The source, without credentials.
        source_name: String,
        /// The measured rate, or the usual one that is close to it.
        come_hz: u32,
        /// The rate that the source says, or that was measured before.
        declared_hz: u32,
        /// True if the measured rate is taken as the source's from now on.
        is_corrected: bool,
    },
    /// A clip cannot be written. A file of its name is unchanged.
    #[error("clip {}: {reason}", path.display())]
    Clip {
        /// The path of the clip.
        path: PathBuf,
        /// The error of the system, or the allowed values.
        reason: String,
    },
    /// A thread could not be started, or panicked.
    #[error("thread for {source_name}: {reason}")]
    Thread {
        /// The source, without credentials.
        source_name: String,
        /// The error of the system.
        reason: String,
    },
}

fn after_colon(reason: Option<&str>) -> String {
    reason.map(|reason| format!(": {reason}")).unwrap_or_default()
}

/// The end of the message of a wrong rate.
fn corrected(is_corrected: bool) -> &'static str {
    if is_corrected { "; from now on they are taken as that many" } else { "; wrong_rate \"correct\" converts them" }
}

impl Error {
    /// Returns whether a retry fails for sure, because the configuration itself is refused. Memory
    /// that is full, descriptors that are used up, a buffer that another process removed or holds:
    /// all that passes.
    pub fn is_permanent(&self) -> bool {
        use capbuf::Error as Buffer;
        match self {
            Self::Locator { .. } | Self::Config { .. } => true,
            Self::Buffer(error) => match error {
                Buffer::InvalidArgument { .. }
                | Buffer::InvalidSource { .. }
                | Buffer::SpecMismatch { .. }
                | Buffer::FormatMismatch { .. }
                | Buffer::Forked { .. } => true,
                // The limit of one buffer does not change; what others leave of the budget does.
                Buffer::OverBudget { requested_bytes, limit_bytes, .. } => requested_bytes > limit_bytes,
                _ => false,
            },
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
