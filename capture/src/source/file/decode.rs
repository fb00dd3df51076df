//! Decodes sound files, part by part.

use std::fs::File;
use std::path::{Path, PathBuf};

use capbuf::Sample;

use super::any::Any;
use super::flac::Flac;
use super::input::{Bytes, Input};
use super::kind::{Kind, skip_tags};
use super::mp3::Mp3;
use super::reader::{Part, Reader, Samples};
use super::vorbis::{self, Vorbis};
use super::wav::Wav;
use crate::error::{Error, Result};
use crate::source::format::Format;
use crate::source::pacing::{Supplied, Supply};
use crate::stop::Stop;

/// An open sound file.
pub(super) struct Decoder {
    path: PathBuf,
    reader: Box<dyn Reader>,
    format: Format,
    samples: Samples,
    /// The number of samples of `samples` that were consumed.
    consumed: usize,
    /// The number of frames supplied or lost.
    frames: u64,
    /// Frames that are missing, with nothing behind them so far.
    lost: u64,
    /// The file begins again at its end, so that frames missing there are a gap.
    repeats: bool,
}

impl Decoder {
    /// Opens a file, and decodes its first part, which determines the format.
    ///
    /// # Errors
    /// [`Error::Unreadable`] if the file does not exist, is no regular file, or holds no audio in
    /// a known format; [`Error::FfmpegMissing`] if it takes ffmpeg to know.
    pub(super) fn open(path: &Path, repeats: bool, stop: &Stop) -> Result<Self> {
        let unreadable = |reason: &str| Error::unreadable(path, reason);
        // Opening a pipe would block until it has a writer.
        let metadata = path.metadata().map_err(|error| Error::unreadable(path, error))?;
        if metadata.is_dir() {
            return Err(unreadable("it is a folder"));
        }
        if !metadata.is_file() {
            return Err(unreadable("not a regular file"));
        }
        if metadata.len() == 0 {
            return Err(unreadable("it is empty"));
        }
        let file = File::open(path).map_err(|error| Error::unreadable(path, error))?;
        let reader = match reader(Box::new(file)).map_err(|reason| unreadable(&reason))? {
            Opened::Here(reader) => reader,
            Opened::Other { begin } => Box::new(Any::open(path, begin, stop)?),
        };
        Self::begin(path, repeats, reader)
    }

    /// Decodes the first part.
    fn begin(path: &Path, repeats: bool, mut reader: Box<dyn Reader>) -> Result<Self> {
        let (mut samples, mut lost) = (Samples::default(), 0_u64);
        loop {
            match reader.next(&mut samples).map_err(|reason| Error::unreadable(path, reason))? {
                Part::Audio if samples.frames() > 0 => break,
                Part::Audio => {}
                Part::Lost(frames) => lost = lost.saturating_add(frames),
                Part::End(None) => return Err(Error::unreadable(path, "it holds no audio")),
                Part::End(Some(reason)) => {
                    return Err(Error::unreadable(path, format!("it holds no audio: {reason}")));
                }
            }
        }
        let format = Format {
            sample_rate_hz: samples.sample_rate_hz,
            channels: samples.channels,
            sample_format: reader.sample_format(),
        };
        Ok(Self { path: path.to_owned(), reader, format, samples, consumed: 0, frames: 0, lost, repeats })
    }

    /// Returns the format of the file: floats for lossy codecs, else integers of the stored width.
    pub(super) fn format(&self) -> Format {
        self.format
    }

    /// Returns an error with a reason.
    fn ended(&self, reason: &str) -> Error {
        Error::unreadable(&self.path, reason)
    }

    /// Decodes the next part that has audio. Returns the frames lost before it; `None` at the end.
    fn decode(&mut self) -> Result<Option<u64>> {
        loop {
            match self.reader.next(&mut self.samples).map_err(|reason| Error::unreadable(&self.path, reason))? {
                Part::Audio => break,
                Part::Lost(frames) => self.lost = self.lost.saturating_add(frames),
                Part::End(_) if self.repeats => return Ok(None),
                Part::End(Some(reason)) => return Err(self.ended(&reason)),
                Part::End(None) if self.lost > 0 => {
                    return Err(self.ended(&format!(
                        "after {} frames it is damaged or cut off: its last {} frames are missing",
                        self.frames, self.lost
                    )));
                }
                Part::End(None) => return Ok(None),
            }
        }
        let (now, known) = (&self.samples, &self.format);
        if (now.sample_rate_hz, now.channels) != (known.sample_rate_hz, known.channels) {
            return Err(self.ended(&format!(
                "after {} frames it changes from {} to {}",
                self.frames + self.lost,
                described(known.sample_rate_hz, known.channels),
                described(now.sample_rate_hz, now.channels)
            )));
        }
        self.consumed = 0;
        Ok(Some(std::mem::take(&mut self.lost)))
    }
}

/// Returns a format in words.
pub(super) fn described(sample_rate_hz: u32, channels: u16) -> String {
    format!("{sample_rate_hz} Hz with {channels} channel{}", if channels == 1 { "" } else { "s" })
}

impl Supply for Decoder {
    fn next<D: Sample>(&mut self, chunk: &mut [D], channels: usize) -> Result<Supplied> {
        // Lost frames at the start.
        let mut lost = if self.consumed == 0 { std::mem::take(&mut self.lost) } else { 0 };
        while lost == 0 && self.consumed == self.samples.interleaved.len() {
            match self.decode()? {
                Some(frames) => lost = frames,
                None if self.lost > 0 => lost = std::mem::take(&mut self.lost),
                None => return Ok(Supplied::End),
            }
        }
        if lost > 0 {
            self.frames = self.frames.saturating_add(lost);
            return Ok(Supplied::Lost(lost));
        }
        let converted = self.samples.interleaved.convert(self.consumed, chunk);
        self.consumed += converted;
        let frames = converted / channels;
        self.frames += frames as u64;
        Ok(Supplied::Frames(frames))
    }
}

/// An open file.
pub(super) enum Opened {
    /// A file of a kind that is read here.
    Here(Box<dyn Reader>),
    /// A file of another kind, and the position behind its tags.
    Other { begin: u64 },
}

/// Returns the reader of a file.
///
/// # Errors
/// The reason why a file of a known kind can't be read.
pub(super) fn reader(bytes: Box<dyn Bytes>) -> std::result::Result<Opened, String> {
    let mut input = Input::new(bytes)?;
    skip_tags(&mut input)?;
    let begin = input.pos();
    let reader: Option<Box<dyn Reader>> = match Kind::of(input.peek(12)?) {
        Some(Kind::Wav) => Wav::open(input)?.map(|wav| Box::new(wav) as Box<dyn Reader>),
        Some(Kind::Flac) => Some(Box::new(Flac::open(input)?)),
        Some(Kind::Ogg) => match Vorbis::open(input)? {
            vorbis::Opened::Vorbis(vorbis) => Some(vorbis),
            vorbis::Opened::Other => None,
        },
        None => Mp3::open(input)?.map(|mp3| Box::new(mp3) as Box<dyn Reader>),
    };
    Ok(reader.map_or(Opened::Other { begin }, Opened::Here))
}
