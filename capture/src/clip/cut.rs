//! Cuts the clip around a moment out of a buffer, once its audio is complete.

use std::ops::{ControlFlow, Range};
use std::path::Path;
use std::time::{Duration, Instant};

use capbuf::{CaptureBuffer, ReadOptions, Span};

use super::file::write_clip_with_progress;
use super::if_exists::IfExists;
use super::info::ClipInfo;
use super::progress::ClipProgress;
use super::tags::ClipTags;
use crate::error::{Error, Result};
use crate::stop::Stop;

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
    let on_progress = |_| ControlFlow::Continue(());
    cut_clip_with_progress(buffer, around_utc_ns, before, after, path, IfExists::Fail, on_progress)
}

/// As [`cut_clip`], with a choice for a file that exists; calls `on_progress` while the file is
/// written, as [`write_clip_with_progress`].
///
/// # Errors
/// As [`cut_clip`], and [`Error::Clip`] if it was cancelled.
pub fn cut_clip_with_progress(
    buffer: &CaptureBuffer,
    around_utc_ns: i64,
    before: Duration,
    after: Duration,
    path: &Path,
    if_exists: IfExists,
    on_progress: impl FnMut(ClipProgress) -> ControlFlow<()>,
) -> Result<ClipInfo> {
    let ns = |duration: Duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
    let (from_ns, to_ns) = (around_utc_ns.saturating_sub(ns(before)), around_utc_ns.saturating_add(ns(after)));
    cut(buffer, from_ns..to_ns, path, if_exists, &Stop::new(), on_progress)
}

/// Cuts the clip of a time range, in ns of UTC. Does not wait for audio once `stop` is requested.
pub(super) fn cut(
    buffer: &CaptureBuffer,
    range: Range<i64>,
    path: &Path,
    if_exists: IfExists,
    stop: &Stop,
    on_progress: impl FnMut(ClipProgress) -> ControlFlow<()>,
) -> Result<ClipInfo> {
    wait_for_audio(buffer, range.end, stop);
    let segment = match buffer.read_with(Span::Time(range), &ReadOptions::new().available()) {
        Ok(segment) => segment,
        Err(capbuf::Error::NotYet { .. }) => return Err(Error::clip(path, "there is no audio yet")),
        Err(error) => return Err(error.into()),
    };
    let tags = ClipTags::new(buffer.source().as_str());
    write_clip_with_progress(&segment, path, Some(&tags), if_exists, on_progress)
}

/// Waits until the buffer has the audio before `to_ns`, is removed, or can't be expected to get it
/// any more; or until `stop` is requested.
fn wait_for_audio(buffer: &CaptureBuffer, to_ns: i64, stop: &Stop) {
    /// The period of looking at `stop`.
    const LOOK_EVERY: Duration = Duration::from_millis(100);
    let to_come_ns = to_ns.saturating_sub(buffer.clock().utc_ns()).max(0);
    let timeout = Duration::from_nanos(to_come_ns.unsigned_abs()).saturating_add(LATE);
    let deadline = Instant::now().checked_add(timeout);
    // The last two frames: a single one could be none by rounding.
    let two_frames_ns = 2_000_000_000 / i64::from(buffer.spec().sample_rate_hz()).max(1);
    let end = to_ns.saturating_sub(two_frames_ns)..to_ns;
    while !stop.is_requested() && deadline.is_none_or(|deadline| Instant::now() < deadline) {
        let read = buffer.read_with(Span::Time(end.clone()), &ReadOptions::new().wait(LOOK_EVERY));
        if !matches!(read, Err(capbuf::Error::TimedOut { .. })) {
            return;
        }
    }
}
