//! A clip around a moment, out of a buffer and into a file, when it is complete.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use capbuf::{CaptureBuffer, ReadOptions, Span};

use crate::clip::{ClipInfo, write_clip_with_progress};
use crate::clip_progress::ClipProgress;
use crate::error::{Error, Result};
use crate::tags::ClipTags;

/// How much later than it should a source's audio may come before it is taken for lost.
const LATE: Duration = Duration::from_secs(10);

/// Cuts the clip around a moment in ns of UTC, waits for what is still to come, and writes it.
///
/// A clip that ends in the future is written when it is complete, or as far as the source lived; what is missing is told by
/// [`ClipInfo::missing`]. Written beside and renamed, as [`write_clip`](crate::write_clip), with source, time and gaps inside. Blocks
/// until then, ten seconds past its end at most.
///
/// # Errors
/// [`Error::Clip`] as [`write_clip`](crate::write_clip), and where there is no audio at all; [`Error::Buffer`] for a
/// span of no length or longer than may be.
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
/// // The audio of the next tenth of a second is waited for; what was before the source began is missing.
/// let clip = cut_clip(capture.buffer(), now_ns, tenth, tenth, &folder.path().join("around.wav"))?;
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

/// As [`cut_clip`], and tells how far it is while the file is written, as [`write_clip_with_progress`] does.
///
/// # Errors
/// As [`cut_clip`], and [`Error::Clip`] where it was stopped.
pub fn cut_clip_with_progress(
    buffer: &CaptureBuffer,
    around_utc_ns: i64,
    before: Duration,
    after: Duration,
    path: &Path,
    told: impl FnMut(ClipProgress) -> ControlFlow<()>,
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
    write_clip_with_progress(&segment, path, Some(&ClipTags::new(buffer.source().as_str())), told)
}
