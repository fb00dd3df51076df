//! Writing a span of audio into a file: whole under its name, or not at all.

use std::fs::{File, Permissions};
use std::io::{BufWriter, Write};
use std::ops::ControlFlow;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use capbuf::{Missing, SampleFormat, Segment};

use crate::clip_progress::{ClipProgress, Steps, Told};
use crate::error::{Error, Result};
use crate::tags::ClipTags;
use crate::{flac, wav};

/// A clip that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClipInfo {
    /// Where it is.
    pub path: PathBuf,
    /// Frames in it.
    pub frames: u64,
    /// Frames a second.
    pub sample_rate_hz: u32,
    /// Samples a frame.
    pub channels: u16,
    /// How its samples are stored.
    pub format: SampleFormat,
    /// When its first frame was captured, in ns of UTC.
    pub start_utc_ns: i64,
    /// What is not in it of what was asked for, and why.
    pub missing: Missing,
    /// The size of the file.
    pub bytes: u64,
}

/// Writes a segment into a WAV or FLAC file, by the extension of the path. A file that has the name is replaced.
///
/// WAV takes all formats. FLAC takes s16 and s24 as they are, and f32 rounded to 24 bits. The file is written under a temporary
/// name beside its final one, synced, and renamed when it is whole. Blocks for as long as the disk needs; for FLAC the
/// clip is in memory several times more meanwhile.
///
/// # Errors
/// [`Error::Clip`] for an extension that is neither, a segment that the type can't hold (s32 or more than 8 channels in FLAC, 4 GiB in
/// WAV), a folder that isn't there or can't be written to, a full disk. Nothing of it is left behind then.
pub fn write_clip(segment: &Segment, path: &Path) -> Result<ClipInfo> {
    write(segment, path, None, &mut |_| ControlFlow::Continue(()))
}

/// As [`write_clip`], with the source, the time at which it begins and its gaps inside: in a LIST chunk behind the audio of a WAV
/// file, in a Vorbis comment of a FLAC file.
///
/// # Errors
/// As [`write_clip`].
pub fn write_clip_with(segment: &Segment, path: &Path, tags: &ClipTags) -> Result<ClipInfo> {
    write(segment, path, Some(tags), &mut |_| ControlFlow::Continue(()))
}

/// As [`write_clip_with`], tags being optional, and tells how far it is: after each second of audio, and when the file is whole.
///
/// Told on the calling thread. Where that says [`ControlFlow::Break`] it is stopped, and nothing is left behind; only the whole file stays.
///
/// # Errors
/// As [`write_clip`], and [`Error::Clip`] where it was stopped.
///
/// ```
/// use std::ops::ControlFlow;
/// use std::time::Duration;
/// use capbuf::{ReadOptions, Registry, Span};
/// use capbuf_capture::{Capture, CaptureOptions, write_clip_with_progress};
///
/// let capture = Capture::start(&Registry::private(), "tone:440", &CaptureOptions::new().sample_rate_hz(1000))?;
/// let wait = ReadOptions::new().wait(Duration::from_secs(10));
/// let segment = capture.buffer().read_with(Span::Frames(0..2500), &wait)?;
/// let folder = tempfile::tempdir().expect("a folder");
/// let mut told = Vec::new();
/// write_clip_with_progress(&segment, &folder.path().join("long.flac"), None, |progress| {
///     told.push(100 * progress.frames / progress.of_frames);
///     ControlFlow::Continue(())
/// })?;
/// assert_eq!(told.last(), Some(&100));
/// # Ok::<(), capbuf_capture::Error>(())
/// ```
pub fn write_clip_with_progress(
    segment: &Segment,
    path: &Path,
    tags: Option<&ClipTags>,
    mut told: impl FnMut(ClipProgress) -> ControlFlow<()>,
) -> Result<ClipInfo> {
    write(segment, path, tags, &mut told)
}

fn write(segment: &Segment, path: &Path, tags: Option<&ClipTags>, told: Told<'_>) -> Result<ClipInfo> {
    let kind = Kind::of(path)?;
    let failed = |error: std::io::Error| Error::clip(path, error);
    if segment.frames() == 0 {
        return Err(Error::clip(path, "there is no audio in it"));
    }
    let stored = kind.stored_format(segment).map_err(|reason| Error::clip(path, reason))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut part = tempfile::Builder::new()
        .prefix(".capbuf-")
        .suffix(".part")
        // As any other file that the user makes: the umask takes its part of this.
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder)
        .map_err(failed)?;
    let mut out = BufWriter::with_capacity(1 << 16, part.as_file_mut());
    let mut steps = Steps::new(told, segment.frames(), segment.sample_rate_hz());
    match kind {
        Kind::Wav => write_wav(segment, tags, &mut steps, &mut out),
        Kind::Flac => flac::write(segment, stored, tags, &mut steps, &mut out),
    }
    .and_then(|()| out.flush().map_err(|error| error.to_string()))
    .map_err(|reason| Error::clip(path, reason))?;
    drop(out);
    if steps.is_stopped() {
        return Err(Error::clip(path, "its writing was stopped"));
    }
    let file = part.as_file();
    file.sync_all().map_err(failed)?;
    let bytes = file.metadata().map_err(failed)?.len();
    part.persist(path).map_err(|error| failed(error.error))?;
    // The name, too, is to survive a power cut; not every file system can sync a folder.
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
    steps.end();
    Ok(ClipInfo {
        path: path.to_owned(),
        frames: segment.frames(),
        sample_rate_hz: segment.sample_rate_hz(),
        channels: segment.channels(),
        format: stored,
        start_utc_ns: segment.start_utc_ns(),
        missing: segment.missing(),
        bytes,
    })
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
            _ => Err(Error::clip(path, "the type of a clip is told by its extension; allowed: .wav, .flac")),
        }
    }

    /// The format of the samples in the file, or why there can be none.
    fn stored_format(self, segment: &Segment) -> std::result::Result<SampleFormat, &'static str> {
        match (self, segment.format()) {
            (Self::Wav, _) if segment.samples().as_bytes().len() as u64 > wav::MAX_AUDIO_BYTES => {
                Err("WAV holds no more than 4 GiB; cut a shorter clip")
            }
            (Self::Wav, format) => Ok(format),
            (Self::Flac, SampleFormat::S32) => Err("FLAC clips have no s32; write .wav, or read it as s24"),
            (Self::Flac, _) if segment.channels() > flac::CHANNELS => {
                Err("FLAC has no more than 8 channels; write .wav instead")
            }
            (Self::Flac, SampleFormat::S16) => Ok(SampleFormat::S16),
            (Self::Flac, SampleFormat::S24 | SampleFormat::F32) => Ok(SampleFormat::S24),
        }
    }
}

fn write_wav(
    segment: &Segment,
    tags: Option<&ClipTags>,
    steps: &mut Steps<'_>,
    mut out: impl Write,
) -> std::result::Result<(), String> {
    let samples = segment.samples().as_bytes();
    let list = tags.map(|tags| tags.wav_chunk(segment)).unwrap_or_default();
    let header = wav::header(segment, list.len()).ok_or("WAV can't hold that much")?;
    let pad: &[u8] = if samples.len() % 2 == 1 { &[0] } else { &[] };
    let mut write = |part: &[u8]| out.write_all(part).map_err(|error| error.to_string());
    write(&header)?;
    let frame_bytes = segment.format().bytes() * usize::from(segment.channels());
    let mut frames = 0;
    for second in samples.chunks((steps.step_frames() as usize).saturating_mul(frame_bytes)) {
        write(second)?;
        frames += (second.len() / frame_bytes) as u64;
        if steps.reach(frames) {
            return Ok(());
        }
    }
    write(pad)?;
    write(&list)
}
