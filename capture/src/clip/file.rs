//! Writes a segment into a file, atomically: complete under its name, or not at all.

use std::fs::File;
use std::io::{BufWriter, ErrorKind, Write};
use std::ops::ControlFlow;
use std::path::Path;

use capbuf::{SampleFormat, Segment, above_standard_streams};

use super::if_exists::IfExists;
use super::info::ClipInfo;
use super::progress::{ClipProgress, OnProgress, Steps};
use super::tags::ClipTags;
use super::unfinished::Unfinished;
use super::{flac, wav};
use crate::error::{Error, Result};

/// Writes a segment into a new WAV or FLAC file, by the extension of `path`.
///
/// WAV stores all formats; FLAC stores s16, s24, and f32 rounded to 24 bits. The file is written
/// in the same folder without a name, or under a hidden one where the file system has no files
/// without names; it is synced and then named. A writer that is killed leaves no file, or a hidden
/// one that the next writer into the folder removes. Blocks for the disk; encoding FLAC takes
/// several times the memory of the segment.
///
/// # Errors
/// [`Error::Clip`] for another extension, a segment that the type cannot store (s32 or more than 8
/// channels in FLAC, 4 GiB in WAV), a folder that does not exist or is not writable, a full disk, a
/// file that exists, or a clip larger than this process's limit for files. The unfinished file is
/// removed then.
pub fn write_clip(segment: &Segment, path: &Path) -> Result<ClipInfo> {
    write(segment, path, None, IfExists::Fail, &mut |_| ControlFlow::Continue(()))
}

/// As [`write_clip`], with a choice for a file that exists. Stores the source, the start time, its
/// accuracy and the gaps: in a LIST chunk after the audio of a WAV file, in a Vorbis comment of a
/// FLAC file.
///
/// # Errors
/// As [`write_clip`].
pub fn write_clip_with(segment: &Segment, path: &Path, tags: &ClipTags, if_exists: IfExists) -> Result<ClipInfo> {
    write(segment, path, Some(tags), if_exists, &mut |_| ControlFlow::Continue(()))
}

/// As [`write_clip_with`] with optional tags; calls `on_progress` after each second of audio, and
/// when the file is complete.
///
/// `on_progress` runs on the calling thread. [`ControlFlow::Break`] cancels the writing and removes
/// the unfinished file; it is ignored once the file is complete.
///
/// # Errors
/// As [`write_clip`], and [`Error::Clip`] if it was cancelled.
///
/// ```
/// use std::ops::ControlFlow;
/// use std::time::Duration;
/// use capbuf::{ReadOptions, Registry, Span};
/// use capbuf_capture::{Capture, CaptureOptions, IfExists, write_clip_with_progress};
///
/// let capture = Capture::start(&Registry::private(), "tone:440", &CaptureOptions::new().sample_rate_hz(1000))?;
/// let wait = ReadOptions::new().wait(Duration::from_secs(10));
/// let segment = capture.buffer().read_with(Span::Frames(0..2500), &wait)?;
/// let folder = tempfile::tempdir().expect("a folder");
/// let mut percent = Vec::new();
/// let path = folder.path().join("long.flac");
/// write_clip_with_progress(&segment, &path, None, IfExists::Fail, |progress| {
///     percent.push(100 * progress.frames / progress.of_frames);
///     ControlFlow::Continue(())
/// })?;
/// assert_eq!(percent.last(), Some(&100));
/// # Ok::<(), capbuf_capture::Error>(())
/// ```
pub fn write_clip_with_progress(
    segment: &Segment,
    path: &Path,
    tags: Option<&ClipTags>,
    if_exists: IfExists,
    mut on_progress: impl FnMut(ClipProgress) -> ControlFlow<()>,
) -> Result<ClipInfo> {
    write(segment, path, tags, if_exists, &mut on_progress)
}

fn write(
    segment: &Segment,
    path: &Path,
    tags: Option<&ClipTags>,
    if_exists: IfExists,
    on_progress: OnProgress<'_>,
) -> Result<ClipInfo> {
    let kind = Kind::of(path)?;
    let failed = |error: std::io::Error| match error.kind() {
        ErrorKind::AlreadyExists => already_exists(path),
        _ => Error::clip(path, error),
    };
    if segment.frames() == 0 {
        return Err(Error::clip(path, "there is no audio in it"));
    }
    if if_exists == IfExists::Fail && path.symlink_metadata().is_ok() {
        return Err(already_exists(path));
    }
    let stored = kind.stored_format(segment).map_err(|reason| Error::clip(path, reason))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut unfinished = above_standard_streams(|| Unfinished::create_in(folder)).map_err(failed)?;
    let mut out = BufWriter::with_capacity(1 << 16, &mut unfinished);
    let mut steps = Steps::new(on_progress, segment.frames(), segment.sample_rate_hz());
    match kind {
        Kind::Wav => wav::write(segment, tags, &mut steps, &mut out),
        Kind::Flac => flac::write(segment, stored, tags, &mut steps, &mut out),
    }
    .and_then(|()| out.flush().map_err(|error| error.to_string()))
    .map_err(|reason| Error::clip(path, reason))?;
    drop(out);
    if steps.is_stopped() {
        return Err(Error::clip(path, "its writing was stopped"));
    }
    let bytes = unfinished.sync().map_err(failed)?;
    let path = unfinished.publish(path, if_exists).map_err(failed)?;
    // So that the name survives a power failure, too. Not every file system can sync a folder.
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
    steps.end();
    Ok(ClipInfo {
        path,
        frames: segment.frames(),
        sample_rate_hz: segment.sample_rate_hz(),
        channels: segment.channels(),
        format: stored,
        start_utc_ns: segment.start_utc_ns(),
        timing: segment.timing(),
        missing: segment.missing(),
        bytes,
    })
}

fn already_exists(path: &Path) -> Error {
    Error::clip(path, "the file exists; choose another name, or ask to overwrite it")
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Wav,
    Flac,
}

impl Kind {
    fn of(path: &Path) -> Result<Self> {
        let extension = path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
        match extension.as_deref() {
            Some("wav") => Ok(Self::Wav),
            Some("flac") => Ok(Self::Flac),
            _ => Err(Error::clip(path, "the extension sets the type of a clip; allowed: .wav, .flac")),
        }
    }

    /// Returns the sample format of the file, or why the segment cannot be stored.
    fn stored_format(self, segment: &Segment) -> std::result::Result<SampleFormat, &'static str> {
        match (self, segment.format()) {
            (Self::Wav, _) if segment.samples().as_bytes().len() as u64 > wav::MAX_AUDIO_BYTES => {
                Err("WAV holds no more than 4 GiB; cut a shorter clip")
            }
            (Self::Wav, format) => Ok(format),
            (Self::Flac, SampleFormat::S32) => Err("FLAC clips have no s32; write .wav, or read it as s24"),
            (Self::Flac, _) if segment.channels() > flac::MAX_CHANNELS => {
                Err("FLAC has no more than 8 channels; write .wav instead")
            }
            (Self::Flac, SampleFormat::S16) => Ok(SampleFormat::S16),
            (Self::Flac, SampleFormat::S24 | SampleFormat::F32) => Ok(SampleFormat::S24),
        }
    }
}
