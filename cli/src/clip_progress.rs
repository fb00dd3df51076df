//! Writes a clip, with a progress line on the terminal for long ones.

use std::io::{self, IsTerminal, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::Ordering;

use capbuf::Segment;
use capbuf_capture::{ClipInfo, ClipTags, IfExists, write_clip_with_progress};

use crate::failure::Failure;
use crate::interrupt;

/// Shorter clips are written before the line could be read.
const LONG_S: u64 = 60;

/// Writes a clip. Shows the progress if the clip is long and stderr is a terminal.
///
/// SIGINT and SIGTERM stop it and leave no file.
pub(crate) fn write(segment: &Segment, path: &Path, tags: &ClipTags, if_exists: IfExists) -> Result<ClipInfo, Failure> {
    let failed = |error| Failure::Run(format!("can't handle signals: {error}"));
    let stop = interrupt::end_at_once_if_repeated().map_err(failed)?;
    let rate = u64::from(segment.sample_rate_hz()).max(1);
    let is_shown = io::stderr().is_terminal() && segment.frames() >= LONG_S * rate;
    let mut shown_percent = None;
    let written = write_clip_with_progress(segment, path, Some(tags), if_exists, |progress| {
        let percent = progress.frames.saturating_mul(100) / progress.of_frames.max(1);
        if is_shown && shown_percent.replace(percent) != Some(percent) {
            let (seconds, of_seconds) = (progress.frames / rate, progress.of_frames / rate);
            show(&format!("writing the clip: {percent} %, {seconds} of {of_seconds} s"));
        }
        if stop.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    if shown_percent.is_some() {
        show("");
    }
    Ok(written?)
}

/// Replaces the line of the cursor.
fn show(line: &str) {
    let mut terminal = io::stderr().lock();
    // An error means that the terminal was closed.
    let _ = write!(terminal, "\r\x1b[K{line}").and_then(|()| terminal.flush());
}
