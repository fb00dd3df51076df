//! Cuts the clip around a moment out of a buffer, once its audio is complete.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use capbuf::{CaptureBuffer, ReadOptions, Span};

use super::file::write_clip_with_progress;
use super::info::ClipInfo;
use super::progress::ClipProgress;
use super::tags::ClipTags;
use crate::error::{Error, Result};

/// Time to wait for overdue audio.
const LATE: Duration = Duration::from_secs(10);

/// Reads the audio around `around_utc_ns`, waits for the part still to come, and writes the clip.
///
/// The clip is written when its audio is complete, or as much of it as the source has delivered;
/// [`ClipInfo::missing`] has the rest. Written as by [`write_clip`](crate::write_clip), with tags.
/// Blocks until then: up to ten seconds past the end of the clip.
///
/// # Errors
/// [`Error::Clip`] as [`write_clip`](crate::write_clip), and if there is no audio at all;
/// [`Error::Buffer`] for a span that is empty or longer than the buffer.
///
/// ```
/// use std::time::Duration;
/// use capbuf::Registry;
/// use capbuf_capture::{Capture, CaptureOptions, cut_clip};
///
/// let capture = Capture::start(&Registry::private(), "tone:440", &CaptureOptions::new())?;
/// let folder = tempfile::tempdir().expect("a folder");
/// let now_ns = capture.buffer().clock().utc_ns();
/// let tenth = Duration::from_millis(100);
/// // Waits for the next tenth of a second; audio from before the start of the source is missing.
/// let clip = cut_clip(&capture.buffer(), now_ns, tenth, tenth, &folder.path().join("around.wav"))?;
/// assert_eq!(clip.missing.not_yet_frames, 0);
/// # Ok::<(), capbuf_capture::Error>(())
/// ```
pub fn cut_clip(
    buffer: &CaptureBuffer,
    around_utc_ns: i64,
    before: Duration,
    after: Duration,
    path: &Path,
) -> Result<ClipInfo> {
    cut_clip_with_progress(buffer, around_utc_ns, before, after, path, |_| ControlFlow::Continue(()))
}

/// As [`cut_clip`]; calls `on_progress` while the file is written, as [`write_clip_with_progress`].
///
/// # Errors
/// As [`cut_clip`], and [`Error::Clip`] if it was cancelled.
pub fn cut_clip_with_progress(
    buffer: &CaptureBuffer,
    around_utc_ns: i64,
    before: Duration,
    after: Duration,
    path: &Path,
    on_progress: impl FnMut(ClipProgress) -> ControlFlow<()>,
) -> Result<ClipInfo> {
    let ns = |duration: Duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
    let (from_ns, to_ns) = (around_utc_ns.saturating_sub(ns(before)), around_utc_ns.saturating_add(ns(after)));
    let to_come_ns = to_ns.saturating_sub(buffer.clock().utc_ns()).max(0);
    let wait = Duration::from_nanos(to_come_ns.unsigned_abs()).saturating_add(LATE);
    let options = ReadOptions::new().available().wait(wait);
    let segment = match buffer.read_with(Span::Time(from_ns..to_ns), &options) {
        Ok(segment) => segment,
        Err(capbuf::Error::NotYet { .. }) => return Err(Error::clip(path, "there is no audio yet")),
        Err(error) => return Err(error.into()),
    };
    write_clip_with_progress(&segment, path, Some(&ClipTags::new(buffer.source().as_str())), on_progress)
}
