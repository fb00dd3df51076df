//! MP3 files, frame by frame. Frames have no numbers, so what is missing shows in the bytes that
//! are no frames, in the bits that a frame expects from the ones before it, and in the total of a
//! header.

use capbuf::SampleFormat;
use symphonia::core::codecs::audio::well_known::CODEC_ID_MP3;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::packet::Packet;
use symphonia::core::units::{Duration, Timestamp};
use symphonia::default::codecs::MpaDecoder;

use super::input::Input;
use super::kind::{Kind, skip_tags};
use super::mp3_frame::{FrameHeader, HEADER, Info, MAX_FRAME, MainData};
use super::reader::{Part, Reader, Samples, checked};

/// An open MP3 file, or several one after the other.
pub(super) struct Mp3 {
    input: Input,
    decoder: MpaDecoder,
    /// The first frame; the others are alike, but for a change of the format.
    like: FrameHeader,
    /// The bytes of the frames before that the next one may use.
    unused: usize,
    section: Section,
    /// The length of all frames, and their number.
    lengths: (u64, u64),
    /// The frames of audio supplied or lost.
    done: u64,
}

/// The part of a file that one header describes.
#[derive(Debug, Default, Clone, Copy)]
struct Section {
    /// The frames of audio to leave out: the delay of encoder and decoder.
    skip: u64,
    /// The frames of audio after those, and with all delay and padding; `None` if there is no
    /// header.
    total: Option<(u64, u64)>,
    /// The frames of audio supplied or lost.
    done: u64,
    /// Those, and the delay and padding left out.
    seen: u64,
    /// The frames of audio that are missing up to its end, once they were counted.
    missing: Option<u64>,
}

impl Mp3 {
    /// Finds the first frame. `None` if there is none.
    pub(super) fn open(mut input: Input) -> Result<Option<Self>, String> {
        /// Bytes before the first frame: the rest of a frame of a stream that was cut.
        const MOST_BEFORE: usize = MAX_FRAME;
        let bytes = input.peek(MOST_BEFORE + 5 * MAX_FRAME)?;
        // Far from the start it takes more frames to believe it.
        let begins = |at: &usize| FrameHeader::chain(&bytes[*at..], if *at == 0 { 2 } else { 4 });
        let Some(at) = (0..bytes.len().min(MOST_BEFORE)).find(begins) else { return Ok(None) };
        let Some(like) = FrameHeader::parse(&bytes[at..]) else { return Ok(None) };
        input.consume(at);
        let mut mp3 = Self {
            input,
            decoder: decoder(&like)?,
            like,
            unused: 0,
            section: Section::default(),
            lengths: (0, 0),
            done: 0,
        };
        mp3.begin_section()?;
        Ok(Some(mp3))
    }

    /// Reads the description in the frame at the position, if there is one.
    fn begin_section(&mut self) -> Result<bool, String> {
        let len = self.like.len;
        let frame = &self.input.peek(len)?;
        let Some(info) = Info::parse(&frame[..len.min(frame.len())], &self.like) else { return Ok(false) };
        self.input.consume(len);
        let all = info.frames.map(|frames| u64::from(frames) * u64::from(self.like.frames));
        let total = all.map(|all| (all.saturating_sub(info.delay + info.padding), all));
        self.section = Section { skip: info.delay, total, done: 0, seen: 0, missing: None };
        self.unused = 0;
        self.decoder = decoder(&self.like)?;
        Ok(true)
    }

    /// Finds the next frame, and returns it with the number of bytes before it that are no frame.
    fn find_frame(&mut self) -> Result<Found, String> {
        // Zeros are padding where nothing follows them.
        let (mut junk, mut zeros) = (0, 0);
        loop {
            let bytes = self.input.peek(4 * MAX_FRAME)?;
            if bytes.is_empty() {
                return Ok(Found { junk, frame: None });
            }
            // A frame in its place needs no other behind it.
            let in_place =
                |header: &FrameHeader| junk + zeros == 0 && header.is_like(&self.like) && header.len <= bytes.len();
            let header = FrameHeader::confirmed(bytes).or_else(|| FrameHeader::parse(bytes).filter(in_place));
            // One that reaches over others has a damaged header.
            let is_over = |at: usize| {
                FrameHeader::chain(&bytes[at..], 3)
                    && FrameHeader::parse(&bytes[at..]).is_some_and(|inner| inner.is_like(&self.like))
            };
            if let Some(header) = header.filter(|header| !(HEADER..header.len).any(is_over)) {
                return Ok(Found { junk: junk + zeros, frame: Some(header) });
            }
            if Kind::of(bytes).is_some() && junk == 0 {
                return Ok(Found { junk, frame: None });
            }
            let run = bytes.iter().take_while(|byte| **byte == 0).count();
            if run > 0 {
                zeros += run as u64;
                self.input.consume(run);
                continue;
            }
            let before = self.input.pos();
            skip_tags(&mut self.input)?;
            if self.input.pos() == before {
                junk += std::mem::take(&mut zeros) + 1;
                self.input.consume(1);
            }
        }
    }

    /// Returns the frames of audio that are missing in bytes that are no frame.
    fn frames_in(&mut self, junk: u64) -> Result<u64, String> {
        let (bytes, count) = self.lengths;
        let average = bytes.checked_div(count).unwrap_or(self.like.len as u64);
        // Half a frame is the rest of one.
        let frames = (junk + average / 2) / average.max(1) * u64::from(self.like.frames);
        let Some((_, all)) = self.section.total.filter(|_| frames > 0) else { return Ok(frames) };
        // No more than are missing: the bytes may have come in between.
        let missing = match self.section.missing {
            Some(missing) => missing,
            None => all.saturating_sub(self.section.seen).saturating_sub(self.count_rest()?),
        };
        let frames = frames.min(missing);
        self.section.missing = Some(missing - frames);
        Ok(frames)
    }

    /// Returns the frames of audio from the position up to the end of the section.
    fn count_rest(&mut self) -> Result<u64, String> {
        let (begin, mut frames) = (self.input.pos(), 0);
        while let Some(header) = self.find_frame()?.frame {
            let frame = self.input.peek(header.len)?;
            if !header.is_like(&self.like) || Info::parse(&frame[..header.len.min(frame.len())], &header).is_some() {
                break;
            }
            frames += u64::from(header.frames);
            self.input.consume(header.len);
        }
        self.input.seek(begin)?;
        Ok(frames)
    }

    /// Counts frames of audio of which `frames` were decoded or lost, and returns those of them
    /// that belong to the audio: neither delay nor padding.
    fn count(&mut self, frames: u64) -> std::ops::Range<u64> {
        if self.section.total.is_some_and(|(_, all)| self.section.seen >= all) {
            // More than was declared: the frames of another file without a header.
            self.section = Section::default();
        }
        let Section { skip, total, done, seen, .. } = &mut self.section;
        let start = frames.min(*skip);
        *skip -= start;
        let left = total.map_or(u64::MAX, |(total, _)| total.saturating_sub(*done));
        let end = frames.min(start.saturating_add(left));
        *done += end - start;
        *seen += frames;
        self.done += end - start;
        start..end
    }

    fn lost(&mut self, frames: u64) -> Option<Part> {
        if frames == 0 {
            return None;
        }
        let counted = self.count(frames);
        (!counted.is_empty()).then(|| Part::Lost(counted.end - counted.start))
    }

    /// Returns the frames that are missing at the end of a section.
    fn missing_at_end(&mut self) -> Option<Part> {
        let (total, all) = self.section.total?;
        let missing = total.saturating_sub(self.section.done);
        let lost = self.lost(missing);
        self.section.seen = all;
        lost
    }

    /// Returns why the file ends, if not all of it was audio.
    fn ending(&mut self, junk: u64) -> Result<Option<String>, String> {
        let is_complete = self.section.total.is_some();
        let head = self.input.peek(12)?;
        let reason = match Kind::of(head) {
            Some(kind) => kind.follows(),
            None if junk > 0 && !is_complete => format!("its last {junk} bytes are no frames"),
            None => return Ok(None),
        };
        Ok(Some(format!("after {} frames {reason}", self.done)))
    }
}

/// The next frame, and the number of bytes before it.
struct Found {
    junk: u64,
    frame: Option<FrameHeader>,
}

impl Reader for Mp3 {
    fn next(&mut self, samples: &mut Samples) -> Result<Part, String> {
        loop {
            let Found { junk, frame } = self.find_frame()?;
            let Some(header) = frame else {
                if let Some(lost) = self.missing_at_end() {
                    return Ok(lost);
                }
                return Ok(Part::End(self.ending(junk)?));
            };
            let frame = self.input.peek(header.len)?;
            let frame = &frame[..header.len.min(frame.len())];
            if Info::parse(frame, &header).is_some() {
                if let Some(lost) = self.missing_at_end() {
                    return Ok(lost);
                }
                self.like = header;
                self.begin_section()?;
                continue;
            }
            let packet = Packet::new(0, Timestamp::ZERO, Duration::ZERO, frame);
            let data = header.main_data(frame).unwrap_or(MainData { begin: usize::MAX, len: 0, used: 0 });
            if junk > 0 {
                let frames = self.frames_in(junk)?;
                if frames > 0 {
                    self.unused = 0;
                    self.decoder.reset();
                }
                if let Some(lost) = self.lost(frames) {
                    return Ok(lost);
                }
                continue;
            }
            self.input.consume(header.len);
            self.lengths = (self.lengths.0 + header.len as u64, self.lengths.1 + 1);
            if (header.sample_rate_hz, header.channels) != (self.like.sample_rate_hz, self.like.channels) {
                (self.like, self.decoder) = (header, decoder(&header)?);
                self.unused = 0;
            }
            let is_whole = data.begin <= self.unused;
            let left = data.begin.saturating_add(data.len).saturating_sub(data.used);
            self.unused = left.min(self.unused + data.len);
            // Decoded in any case: the decoder keeps the bits for the next frames.
            let decoded = match self.decoder.decode(&packet) {
                Ok(audio) => samples.fill(&audio).map(|()| is_whole)?,
                Err(_) => {
                    self.unused = 0;
                    false
                }
            };
            if !decoded {
                match self.lost(header.frames.into()) {
                    Some(lost) => return Ok(lost),
                    None => continue,
                }
            }
            let counted = self.count(samples.frames());
            let channels = usize::from(samples.channels);
            samples.interleaved.keep(counted.start as usize * channels..counted.end as usize * channels);
            if !counted.is_empty() {
                return Ok(Part::Audio);
            }
        }
    }

    fn sample_format(&self) -> SampleFormat {
        SampleFormat::F32
    }
}

fn decoder(header: &FrameHeader) -> Result<MpaDecoder, String> {
    checked(header.sample_rate_hz, header.channels.into())?;
    let mut parameters = AudioCodecParameters::new();
    parameters.for_codec(CODEC_ID_MP3);
    MpaDecoder::try_new(&parameters, &AudioDecoderOptions::default()).map_err(|error| error.to_string())
}
