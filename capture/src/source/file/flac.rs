//! FLAC files, frame by frame. A frame is taken if its checksum is right, so damage is always
//! found. The number in each header says how many frames of audio are missing before it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use capbuf::SampleFormat;
use symphonia::core::audio::GenericAudioBufferRef;
use symphonia::core::checksum::Crc16Ansi;
use symphonia::core::codecs::audio::well_known::CODEC_ID_FLAC;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::io::Monitor as _;
use symphonia::core::packet::Packet;
use symphonia::core::units::{Duration, Timestamp};
use symphonia::default::codecs::FlacDecoder;

use super::flac_frame::{FrameHeader, MAX_HEADER, Stream};
use super::input::Input;
use super::kind::{Kind, skip_tags, tag_len};
use super::reader::{MOST_LOST_S, Part, Reader, Samples, checked};

/// An open FLAC file, or several one after the other.
pub(super) struct Flac {
    input: Input,
    stream: Stream,
    decoder: FlacDecoder,
    /// The next frame of audio of the stream.
    next: u64,
    /// The frames of audio of the streams before.
    before: u64,
    /// The number that blocks are counted in: their size, where it is fixed.
    block: Option<u64>,
    /// The frame at the position is whole, and the loss before it was reported.
    held: bool,
    /// The frames of audio of a damaged frame with nothing whole behind it so far.
    broken: u64,
    /// The bytes looked through in vain since the last whole frame.
    looked_through: u64,
}

/// The most places at which a last frame with something unknown behind it is tried to end.
const MOST_ENDS: usize = 16;
/// The most bytes to look through for a whole frame: half an hour of damage. A file of nothing
/// but headers would take a search for each.
const MOST_LOOKED_THROUGH: u64 = 1 << 30;

impl Flac {
    /// Reads the header at the position.
    pub(super) fn open(mut input: Input) -> Result<Self, String> {
        let stream = read_header(&mut input)?;
        let decoder = decoder(&stream)?;
        Ok(Self {
            input,
            stream,
            decoder,
            next: 0,
            before: 0,
            block: stream.fixed_block(),
            held: false,
            broken: 0,
            looked_through: 0,
        })
    }

    /// Looks for the next whole frame, and returns its header and length. Passes over damage.
    fn find_frame(&mut self) -> Result<Found, String> {
        loop {
            let head = self.input.peek(MAX_HEADER)?;
            if head.is_empty() {
                return Ok(Found::End);
            }
            if let Some(header) = FrameHeader::parse(head, &self.stream) {
                match self.frame_len(&header)? {
                    Some(len) => return Ok(Found::Frame(header, len)),
                    None => {
                        self.broken = header.frames.into();
                        self.looked_through += header.longest() as u64;
                        if self.looked_through > MOST_LOOKED_THROUGH {
                            return Err(format!("after {} frames it is nothing but damage", self.before + self.next));
                        }
                        self.pass_damaged()?;
                    }
                }
                continue;
            }
            match Kind::of(head) {
                Some(Kind::Flac) => return Ok(Found::Stream),
                Some(other) => return Ok(Found::Other(other)),
                None => {}
            }
            let before = self.input.pos();
            skip_tags(&mut self.input)?;
            if self.input.pos() == before {
                self.pass_damaged()?;
            }
        }
    }

    /// Moves on to the next place at which a frame, a stream or a tag may begin.
    fn pass_damaged(&mut self) -> Result<(), String> {
        self.input.consume(1);
        loop {
            let bytes = self.input.peek(4 * MAX_HEADER)?;
            let stream = &self.stream;
            let begins = |at: &usize| begins_something(&bytes[*at..], stream);
            let last = bytes.len().saturating_sub(MAX_HEADER).max(1).min(bytes.len());
            match (0..last).find(begins) {
                Some(at) => {
                    self.input.consume(at);
                    return Ok(());
                }
                None if bytes.len() <= MAX_HEADER => {
                    let rest = bytes.len();
                    self.input.consume(rest);
                    return Ok(());
                }
                None => self.input.consume(last),
            }
        }
    }

    /// Returns the length of the frame at the position: up to the next one, or to the end, where
    /// its checksum is right.
    fn frame_len(&mut self, header: &FrameHeader) -> Result<Option<usize>, String> {
        let longest = header.longest();
        // The checksum of a frame is 0 at its end.
        let (mut len, mut crc, mut alone) = (header.len, Crc16Ansi::new(0), Vec::new());
        let mut wanted = 1 << 14;
        loop {
            let bytes = self.input.peek(wanted)?;
            if len == header.len {
                crc = Crc16Ansi::new(0);
                crc.process_buf_bytes(&bytes[..len]);
            }
            let end = bytes.len().min(longest);
            let is_all = bytes.len() < wanted || wanted >= longest;
            let until = if is_all { end } else { end.saturating_sub(MAX_HEADER) };
            while len < until {
                crc.process_byte(bytes[len]);
                len += 1;
                if crc.crc() == 0 || cfg!(fuzzing) {
                    let next = &bytes[len..];
                    if next.is_empty() || begins_something(next, &self.stream) {
                        return Ok(Some(len));
                    }
                    if alone.len() < MOST_ENDS {
                        alone.push(len);
                    }
                }
            }
            if is_all {
                break;
            }
            wanted = (2 * wanted).min(longest + MAX_HEADER);
        }
        // Something unknown follows. The decoder knows where the frame ends: it needs all bytes
        // but the checksum.
        const CHECKSUM: usize = 2;
        for len in alone {
            let bytes = self.input.peek(len)?;
            let (whole, short) = (packet(&bytes[..len]), packet(&bytes[..len - CHECKSUM - 1]));
            let is_whole =
                decode(&mut self.decoder, &whole).is_some_and(|audio| audio.frames() == header.frames as usize);
            if is_whole && decode(&mut self.decoder, &short).is_none() {
                return Ok(Some(len));
            }
        }
        Ok(None)
    }

    /// Begins a stream that follows.
    fn begin_stream(&mut self) -> Result<(), String> {
        self.stream = read_header(&mut self.input)?;
        self.decoder = decoder(&self.stream)?;
        self.before += self.next;
        (self.next, self.block) = (0, self.stream.fixed_block());
        Ok(())
    }

    /// Returns the frames that are missing at the end of a stream.
    fn missing_at_end(&mut self) -> Option<Part> {
        let missing = if self.stream.total == 0 { self.broken } else { self.stream.total.saturating_sub(self.next) };
        (self.broken, self.stream.total) = (0, 0);
        self.next += missing;
        (missing > 0).then_some(Part::Lost(missing))
    }
}

/// The next item of a file.
enum Found {
    Frame(FrameHeader, usize),
    Stream,
    Other(Kind),
    End,
}

fn begins_something(bytes: &[u8], stream: &Stream) -> bool {
    FrameHeader::parse(bytes, stream).is_some() || Kind::of(bytes) == Some(Kind::Flac) || tag_len(bytes).is_some()
}

impl Reader for Flac {
    fn next(&mut self, samples: &mut Samples) -> Result<Part, String> {
        loop {
            let (header, len) = match self.find_frame()? {
                Found::Frame(header, len) => (header, len),
                Found::Stream => {
                    if let Some(lost) = self.missing_at_end() {
                        return Ok(lost);
                    }
                    self.begin_stream()?;
                    continue;
                }
                Found::Other(kind) => {
                    let reason = format!("after {} frames {}", self.before + self.next, kind.follows());
                    return Ok(self.missing_at_end().unwrap_or(Part::End(Some(reason))));
                }
                Found::End => return Ok(self.missing_at_end().unwrap_or(Part::End(None))),
            };
            let behind = self.input.peek(len + MAX_HEADER)?;
            let behind = behind.get(len..).and_then(|behind| FrameHeader::parse(behind, &self.stream));
            let block = match behind {
                // A frame that another one follows is as long as all; the description may be wrong.
                Some(next) if next.follows(&header) => u64::from(header.frames),
                _ => self.block.unwrap_or(0).max(header.frames.into()),
            };
            self.block = Some(block);
            let first = header.first_frame(block);
            if !self.held {
                // Frames that begin at 0 again are those of another stream, without its header.
                if first < self.next && first > 0 {
                    self.input.consume(len);
                    continue;
                }
                if first < self.next {
                    self.before += self.next;
                    (self.next, self.stream.total) = (0, 0);
                }
                let lost = first - self.next;
                if lost > 0 {
                    let is_beyond = self.stream.total > 0 && first > self.stream.total;
                    if is_beyond || lost > MOST_LOST_S * u64::from(self.stream.sample_rate_hz) {
                        // A file cut out of a longer one begins with any number.
                        if self.next > 0 {
                            return Err(format!(
                                "after {} frames their numbers jump by {lost}",
                                self.before + self.next
                            ));
                        }
                        self.stream.total = 0;
                        self.next = first;
                    } else {
                        (self.next, self.held) = (first, true);
                        return Ok(Part::Lost(lost));
                    }
                }
            }
            (self.held, self.broken, self.looked_through) = (false, 0, 0);
            let packet = packet(&self.input.peek(len)?[..len]);
            self.input.consume(len);
            self.next += u64::from(header.frames);
            if !header.is_decodable() {
                return Err("it has 32 bits and two channels of which one is a difference, which needs 33".to_owned());
            }
            if (header.sample_rate_hz, header.channels, header.bits)
                != (self.stream.sample_rate_hz, self.stream.channels, self.stream.bits)
            {
                self.stream = Stream::of(&header, self.stream.total);
                self.decoder = decoder(&self.stream)?;
            }
            match decode(&mut self.decoder, &packet) {
                Some(audio) => samples.fill(&audio)?,
                None => return Ok(Part::Lost(header.frames.into())),
            }
            return Ok(Part::Audio);
        }
    }

    fn sample_format(&self) -> SampleFormat {
        match self.stream.bits {
            0..=16 => SampleFormat::S16,
            17..=24 => SampleFormat::S24,
            _ => SampleFormat::S32,
        }
    }
}

/// Decodes a frame; `None` if that fails. Frames that no encoder makes let the decoder panic in
/// builds that check for overflow.
fn decode<'a>(decoder: &'a mut FlacDecoder, packet: &Packet) -> Option<GenericAudioBufferRef<'a>> {
    let is_decoded = catch_unwind(AssertUnwindSafe(|| decoder.decode(packet).is_ok()));
    is_decoded.is_ok_and(|is_decoded| is_decoded).then(|| decoder.last_decoded())
}

fn packet(bytes: &[u8]) -> Packet {
    Packet::new(0, Timestamp::ZERO, Duration::ZERO, bytes)
}

fn decoder(stream: &Stream) -> Result<FlacDecoder, String> {
    checked(stream.sample_rate_hz, stream.channels.into())?;
    let mut parameters = AudioCodecParameters::new();
    parameters.for_codec(CODEC_ID_FLAC).with_extra_data(stream.for_decoder());
    FlacDecoder::try_new(&parameters, &AudioDecoderOptions::default()).map_err(|error| error.to_string())
}

/// Reads the metadata, up to the first frame.
fn read_header(input: &mut Input) -> Result<Stream, String> {
    const STREAM_INFO: u8 = 0;
    const INVALID: u8 = 127;
    input.consume(4);
    let mut stream = None;
    loop {
        let head = input.peek(4)?;
        let Some([kind, size @ ..]) = head.first_chunk::<4>().copied() else {
            return Err("its header is cut off".to_owned());
        };
        if kind & INVALID == INVALID {
            return Err("its header is damaged".to_owned());
        }
        let size = u64::from(u32::from_be_bytes([0, size[0], size[1], size[2]]));
        input.consume(4);
        if kind & INVALID == STREAM_INFO && stream.is_none() {
            stream = Stream::parse(input.peek(18)?);
        }
        input.skip(size)?;
        if kind & 0x80 != 0 {
            return stream.ok_or_else(|| "its header does not describe the stream".to_owned());
        }
    }
}
