//! Writing a stretch of audio into a file: whole under its name, or not at all.

use std::fs::{File, Permissions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use capbuf::{I24, Missing, SampleFormat, Samples, Segment};
use flacenc::component::{BitRepr, MetadataBlockData};
use flacenc::error::Verify;

use crate::error::{Error, Result};
use crate::tags::ClipTags;
use crate::wav;

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
/// clip is in memory about five times more meanwhile.
///
/// # Errors
/// [`Error::Clip`] for an extension that is neither, a segment that the type can't hold (s32 or more than 8 channels in FLAC, 4 GiB in
/// WAV), a folder that isn't there or can't be written to, a full disk. Nothing of it is left behind then.
pub fn write_clip(segment: &Segment, path: &Path) -> Result<ClipInfo> {
    write(segment, path, None)
}

/// As [`write_clip`], with the source, the time at which it begins and its gaps inside: in a LIST chunk behind the audio of a WAV
/// file, in a Vorbis comment of a FLAC file.
///
/// # Errors
/// As [`write_clip`].
pub fn write_clip_with(segment: &Segment, path: &Path, tags: &ClipTags) -> Result<ClipInfo> {
    write(segment, path, Some(tags))
}

fn write(segment: &Segment, path: &Path, tags: Option<&ClipTags>) -> Result<ClipInfo> {
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
    match kind {
        Kind::Wav => write_wav(segment, tags, &mut out),
        Kind::Flac => write_flac(segment, stored, tags, &mut out),
    }
    .and_then(|()| out.flush().map_err(|error| error.to_string()))
    .map_err(|reason| Error::clip(path, reason))?;
    drop(out);
    let file = part.as_file();
    file.sync_all().map_err(failed)?;
    let bytes = file.metadata().map_err(failed)?.len();
    part.persist(path).map_err(|error| failed(error.error))?;
    // The name, too, is to survive a power cut; not every file system can sync a folder.
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
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

/// More channels FLAC does not know.
const FLAC_CHANNELS: u16 = 8;

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
            (Self::Flac, _) if segment.channels() > FLAC_CHANNELS => {
                Err("FLAC has no more than 8 channels; write .wav instead")
            }
            (Self::Flac, SampleFormat::S16) => Ok(SampleFormat::S16),
            (Self::Flac, SampleFormat::S24 | SampleFormat::F32) => Ok(SampleFormat::S24),
        }
    }
}

fn write_wav(segment: &Segment, tags: Option<&ClipTags>, mut out: impl Write) -> std::result::Result<(), String> {
    let samples = segment.samples().as_bytes();
    let list = tags.map(|tags| tags.wav_chunk(segment)).unwrap_or_default();
    let header = wav::header(segment, list.len()).ok_or("WAV can't hold that much")?;
    let pad: &[u8] = if samples.len() % 2 == 1 { &[0] } else { &[] };
    [&header, samples, pad, &list].iter().try_for_each(|part| out.write_all(part)).map_err(|error| error.to_string())
}

fn write_flac(
    segment: &Segment,
    stored: SampleFormat,
    tags: Option<&ClipTags>,
    mut out: impl Write,
) -> std::result::Result<(), String> {
    let samples: Vec<i32> = match segment.samples() {
        Samples::S16(samples) => samples.iter().map(|sample| i32::from(*sample)).collect(),
        Samples::S24(samples) => samples.iter().map(|sample| sample.get()).collect(),
        Samples::S32(_) => return Err("FLAC clips have no s32".to_owned()),
        Samples::F32(samples) => {
            let mut rounded = vec![I24::default(); samples.len()];
            capbuf::convert(samples, &mut rounded);
            rounded.into_iter().map(I24::get).collect()
        }
    };
    let (channels, bits) = (usize::from(segment.channels()), stored.bytes() * 8);
    let rate = segment.sample_rate_hz();
    let source =
        flacenc::source::MemSource::from_samples(&samples, channels, bits, rate.min(STAND_IN_RATE_HZ) as usize);
    let config = flacenc::config::Encoder::default().into_verified().map_err(|(_, error)| error.to_string())?;
    let mut stream = flacenc::encode_with_fixed_block_size(&config, source, config.block_size)
        .map_err(|error| format!("FLAC can't be encoded: {error}"))?;
    if let Some(tags) = tags {
        const VORBIS_COMMENT: u8 = 4;
        let block = MetadataBlockData::new_unknown(VORBIS_COMMENT, &tags.vorbis_comment(segment));
        stream.add_metadata_block(block.map_err(|error| format!("FLAC can't be tagged: {error}"))?);
    }
    let mut sink = flacenc::bitsink::ByteSink::new();
    stream.write(&mut sink).map_err(|error| format!("FLAC can't be encoded: {error}"))?;
    let mut bytes = sink.into_inner();
    if rate > STAND_IN_RATE_HZ {
        tell_flac_rate(&mut bytes, rate).ok_or("FLAC can't be encoded: its header is not where it belongs")?;
    }
    out.write_all(&bytes).map_err(|error| error.to_string())
}

/// The encoder takes no rates above 96 kHz, though FLAC has them. This one it can't write into frames, which then refer to the
/// header of the stream: so ultrasound is encoded at this rate and its own is written there.
const STAND_IN_RATE_HZ: u32 = 95_999;

/// Writes a rate into the header of a FLAC stream, where it has 20 bits: enough for any that a buffer may have.
fn tell_flac_rate(stream: &mut [u8], rate_hz: u32) -> Option<()> {
    const RATE_AT: usize = 18;
    let [a, b, c, ..] = stream.get_mut(RATE_AT..)? else { return None };
    let [_, high, middle, low] = (rate_hz << 4).to_be_bytes();
    (*a, *b, *c) = (high, middle, low | (*c & 0x0f));
    Some(())
}
