//! Decodes sound files, packet by packet.

use std::fs::File;
use std::path::{Path, PathBuf};

use capbuf::{Sample, SampleFormat};
use symphonia::core::audio::GenericAudioBufferRef;
use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error as DecodeError;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::MetadataOptions;
use symphonia::core::units::TimeBase;

use crate::error::{Error, Result};
use crate::source::format::Format;
use crate::source::pacing::{Supplied, Supply};

/// An open sound file.
pub(super) struct Decoder {
    path: PathBuf,
    reader: Box<dyn FormatReader>,
    decoder: Box<dyn AudioDecoder>,
    track_id: u32,
    time_base: Option<TimeBase>,
    format: Format,
    decoded: Decoded,
    /// The number of samples of `decoded` that were consumed.
    consumed: usize,
}

/// The samples of a packet, interleaved. Integers of fewer than 32 bits are in the high bits, so
/// both types are lossless.
enum Decoded {
    Integers(Vec<i32>),
    Floats(Vec<f32>),
}

impl Decoded {
    fn len(&self) -> usize {
        match self {
            Self::Integers(samples) => samples.len(),
            Self::Floats(samples) => samples.len(),
        }
    }
}

impl Decoder {
    /// Opens a file, and decodes its first packet, which determines the format.
    ///
    /// # Errors
    /// [`Error::Unreadable`] if the file does not exist, is no regular file, or holds no audio in a
    /// known format.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let unreadable = |reason: &str| Error::unreadable(path, reason);
        // Opening a pipe would block until it has a writer.
        let metadata = path.metadata().map_err(|error| Error::unreadable(path, error))?;
        if metadata.is_dir() {
            return Err(unreadable("it is a folder"));
        }
        if !metadata.is_file() {
            return Err(unreadable("not a regular file"));
        }
        let file = File::open(path).map_err(|error| Error::unreadable(path, error))?;
        let mut hint = Hint::new();
        if let Some(extension) = path.extension().and_then(|extension| extension.to_str()) {
            hint.with_extension(extension);
        }
        let stream = MediaSourceStream::new(Box::new(file), Default::default());
        let reader = symphonia::default::get_probe()
            .probe(&hint, stream, FormatOptions::default(), MetadataOptions::default())
            .map_err(|error| match error {
                DecodeError::IoError(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => {
                    Error::unreadable(path, error)
                }
                _ => unreadable("not audio in a known format (WAV, FLAC, Ogg Vorbis, MP3)"),
            })?;
        let track = reader.default_track(TrackType::Audio).ok_or_else(|| unreadable("it has no audio track"))?;
        let parameters = track.codec_params.as_ref().and_then(|parameters| parameters.audio());
        let parameters = parameters.ok_or_else(|| unreadable("its codec is unknown"))?;
        let decoder = symphonia::default::get_codecs()
            .make_audio_decoder(parameters, &AudioDecoderOptions::default())
            .map_err(|error| Error::unreadable(path, error))?;
        let bits = parameters.bits_per_sample;
        let (track_id, time_base) = (track.id, track.time_base);
        let mut opened = Self {
            path: path.to_owned(),
            reader,
            decoder,
            track_id,
            time_base,
            // Set by the first packet.
            format: Format { sample_rate_hz: 0, channels: 0, sample_format: SampleFormat::F32 },
            decoded: Decoded::Floats(Vec::new()),
            consumed: 0,
        };
        loop {
            match opened.decode_packet()? {
                Packet::Decoded => break,
                Packet::Damaged { .. } => {}
                Packet::None => return Err(unreadable("it holds no audio")),
            }
        }
        opened.format.sample_format = match (&opened.decoded, bits) {
            (Decoded::Floats(_), _) => SampleFormat::F32,
            (Decoded::Integers(_), Some(..=16)) => SampleFormat::S16,
            (Decoded::Integers(_), Some(..=24)) => SampleFormat::S24,
            (Decoded::Integers(_), _) => SampleFormat::S32,
        };
        Ok(opened)
    }

    /// Returns the format of the file: floats for lossy codecs, else integers of the stored width.
    pub(super) fn format(&self) -> Format {
        self.format
    }

    fn decode_packet(&mut self) -> Result<Packet> {
        loop {
            let packet = match self.reader.next_packet() {
                Ok(Some(packet)) => packet,
                Ok(None) => return Ok(Packet::None),
                // A truncated file ends where it was truncated.
                Err(DecodeError::IoError(error)) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                    return Ok(Packet::None);
                }
                Err(DecodeError::ResetRequired) => {
                    return Err(Error::unreadable(&self.path, "it changes its format in the middle"));
                }
                Err(error) => return Err(Error::unreadable(&self.path, error)),
            };
            if packet.track_id != self.track_id {
                continue;
            }
            let duration = packet.block_dur();
            match self.decoder.decode(&packet) {
                Ok(audio) if audio.frames() == 0 => {}
                Ok(audio) => {
                    let channels = u16::try_from(audio.spec().channels().count()).unwrap_or(u16::MAX);
                    let (known, rate) = (&mut self.format, audio.spec().rate());
                    if known.sample_rate_hz == 0 {
                        (known.sample_rate_hz, known.channels) = (rate, channels);
                    } else if (known.sample_rate_hz, known.channels) != (rate, channels) {
                        return Err(Error::unreadable(&self.path, "it changes its format in the middle"));
                    }
                    self.consumed = 0;
                    self.decoded.fill(&audio);
                    return Ok(Packet::Decoded);
                }
                Err(DecodeError::DecodeError(_) | DecodeError::IoError(_)) => {
                    let time = self.time_base.map(|base| base.calc_duration_saturating(duration).as_secs_f64());
                    let frames = time.unwrap_or(0.0) * f64::from(self.format.sample_rate_hz);
                    return Ok(Packet::Damaged { frames: frames.round() as u64 });
                }
                Err(error) => return Err(Error::unreadable(&self.path, error)),
            }
        }
    }
}

enum Packet {
    Decoded,
    Damaged { frames: u64 },
    None,
}

impl Decoded {
    fn fill(&mut self, audio: &GenericAudioBufferRef<'_>) {
        match (audio, &mut *self) {
            (GenericAudioBufferRef::F32(_) | GenericAudioBufferRef::F64(_), Self::Floats(samples)) => {
                audio.copy_to_vec_interleaved(samples);
            }
            (GenericAudioBufferRef::F32(_) | GenericAudioBufferRef::F64(_), Self::Integers(_)) => {
                let mut samples = Vec::new();
                audio.copy_to_vec_interleaved(&mut samples);
                *self = Self::Floats(samples);
            }
            (_, Self::Integers(samples)) => audio.copy_to_vec_interleaved(samples),
            (_, Self::Floats(_)) => {
                let mut samples = Vec::new();
                audio.copy_to_vec_interleaved(&mut samples);
                *self = Self::Integers(samples);
            }
        }
    }
}

impl Supply for Decoder {
    fn next<D: Sample>(&mut self, chunk: &mut [D], channels: usize) -> Result<Supplied> {
        while self.consumed == self.decoded.len() {
            match self.decode_packet()? {
                Packet::Decoded => {}
                Packet::Damaged { frames } => return Ok(Supplied::Lost(frames)),
                Packet::None => return Ok(Supplied::End),
            }
        }
        let converted = match &self.decoded {
            Decoded::Integers(samples) => capbuf::convert(&samples[self.consumed..], chunk),
            Decoded::Floats(samples) => capbuf::convert(&samples[self.consumed..], chunk),
        };
        self.consumed += converted;
        Ok(Supplied::Frames(converted / channels))
    }
}
