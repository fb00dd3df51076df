//! The end of a stream.

use std::time::Duration;

/// Why no more packets come.
#[derive(Debug)]
pub(crate) enum Ended {
    /// ffmpeg closed its end. Its exit code does not say why: it is 0 also if the server was
    /// killed.
    Closed,
    /// ffmpeg runs, but has sent nothing for this time.
    Stalled(Duration),
    /// ffmpeg sent something else than valid Matroska, described by the text.
    Garbled(String),
}
