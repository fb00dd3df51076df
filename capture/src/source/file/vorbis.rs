//! Vorbis in Ogg, page by page: the position in each page's header says how many frames of audio
//! are missing before it.

use capbuf::SampleFormat;
use symphonia::core::codecs::audio::well_known::CODEC_ID_VORBIS;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::packet::Packet;
use symphonia::core::units::{Duration, Timestamp};
use symphonia::default::codecs::VorbisDecoder;

use super::input::Input;
use super::kind::{Kind, skip_tags};
use super::ogg::{Packets, Page, next_page};
use super::reader::{MOST_LOST_S, Part, Reader, Samples};

/// An open Ogg Vorbis file, with one link or several.
pub(super) struct Vorbis {
    input: Input,
    link: Link,
    /// The frames of the links before.
    before: u64,
    /// A page whose audio was decoded, behind missing frames.
    held: Option<Samples>,
}

/// A stream from its first to its last page.
struct Link {
    serial: u32,
    packets: Packets,
    decoder: VorbisDecoder,
    /// The position after the last page; `None` before the first.
    position: Option<i64>,
    /// The frames supplied or lost.
    done: u64,
    has_ended: bool,
    /// Frames that were decoded, but whose position is not known yet.
    pending: Vec<f32>,
    /// Pages are missing since the position was known.
    is_broken: bool,
}

/// The most samples of a page. More are no audio, but a trap.
const MOST_SAMPLES: usize = 1 << 23;

/// The codec of an Ogg file.
pub(super) enum Opened {
    Vorbis(Box<Vorbis>),
    /// Another codec.
    Other,
}

impl Vorbis {
    /// Reads the headers at the position.
    pub(super) fn open(mut input: Input) -> Result<Opened, String> {
        match begin_link(&mut input, None)? {
            Some(link) => Ok(Opened::Vorbis(Box::new(Self { input, link, before: 0, held: None }))),
            None => Ok(Opened::Other),
        }
    }

    /// Returns the reason of the end.
    fn ending(&mut self, passed: u64) -> Option<String> {
        let frames = self.before + self.link.done;
        // A file that was cut ends within a page.
        (passed > 0 && !self.link.has_ended).then(|| format!("after {frames} frames it is cut off"))
    }
}

impl Link {
    /// Decodes the packets that end in a page. Returns the frames missing before them.
    fn decode(&mut self, page: &Page, samples: &mut Samples) -> Result<u64, String> {
        let (is_broken, packets) = self.packets.of(page);
        if is_broken {
            // The first packet after a loss completes nothing.
            self.decoder.reset();
            self.is_broken = true;
            self.pending.clear();
        }
        let mut part = Samples::default();
        for packet in packets {
            match self.decoder.decode(&Packet::new(0, Timestamp::ZERO, Duration::ZERO, packet)) {
                Ok(audio) if audio.frames() > 0 => {
                    part.fill(&audio)?;
                    (samples.sample_rate_hz, samples.channels) = (part.sample_rate_hz, part.channels);
                    self.pending.append(part.interleaved.floats());
                }
                Ok(_) => {}
                Err(_) => {
                    self.decoder.reset();
                    self.is_broken = true;
                    // What came before it in this page has no known position either.
                    self.pending.clear();
                }
            }
            if self.pending.len() > MOST_SAMPLES {
                return Err("a page holds more audio than is possible".to_owned());
            }
        }
        samples.interleaved.clear();
        if page.granule < 0 {
            return Ok(0);
        }
        self.has_ended |= page.is_last;
        let channels = i64::from(samples.channels.max(1));
        let decoded = self.pending.len() as i64 / channels;
        std::mem::swap(samples.interleaved.floats(), &mut self.pending);
        self.pending.clear();
        let begin = page.granule.saturating_sub(decoded);
        let (skip, keep, lost) = match self.position {
            // A stream that begins at 0 has frames too many at its start, or in its only page at
            // its end.
            None if begin < 0 && !page.is_last => (-begin, decoded, 0),
            None if begin < 0 => (0, page.granule, 0),
            None if self.is_broken => (0, decoded, begin),
            None => (0, decoded, 0),
            // Frames too many at the end, or, after a loss, such as were there before.
            Some(position) if begin < position && self.is_broken => (position - begin, decoded, 0),
            // A position before that of an earlier page is wrong.
            Some(position) if page.granule < position => (0, decoded, 0),
            Some(position) if begin < position => (0, (page.granule - position).max(0), 0),
            Some(position) => (0, decoded, begin - position),
        };
        let position = self.position.map_or(page.granule, |before| match page.granule < before && !self.is_broken {
            true => before + decoded,
            false => before.max(page.granule),
        });
        self.position = Some(position);
        self.is_broken = false;
        let at = |frame: i64| (frame.clamp(0, decoded) * channels) as usize;
        samples.interleaved.keep(at(skip)..at(keep));
        let lost = lost.unsigned_abs();
        if lost > MOST_LOST_S * u64::from(samples.sample_rate_hz.max(1)) {
            return Err(format!("after {} frames of a stream its positions jump by {lost}", self.done));
        }
        self.done += lost + samples.frames();
        Ok(lost)
    }
}

impl Reader for Vorbis {
    fn next(&mut self, samples: &mut Samples) -> Result<Part, String> {
        if let Some(held) = self.held.take() {
            *samples = held;
            return Ok(Part::Audio);
        }
        loop {
            skip_tags(&mut self.input)?;
            if let Some(other) = Kind::of(self.input.peek(12)?).filter(|kind| *kind != Kind::Ogg) {
                let frames = self.before + self.link.done;
                return Ok(Part::End(Some(format!("after {frames} frames {}", other.follows()))));
            }
            let (passed, page) = next_page(&mut self.input)?;
            let Some(page) = page else { return Ok(Part::End(self.ending(passed))) };
            if page.is_first && (self.link.has_ended || page.serial != self.link.serial) && self.link.position.is_some()
            {
                let done = self.before + self.link.done;
                match begin_link(&mut self.input, Some(page))? {
                    Some(link) => (self.before, self.link) = (done, link),
                    None => {
                        return Ok(Part::End(Some(format!("after {done} frames a stream of another kind follows"))));
                    }
                }
                continue;
            }
            if page.serial != self.link.serial {
                continue;
            }
            let lost = self.link.decode(&page, samples)?;
            let has_audio = samples.frames() > 0;
            if lost > 0 {
                self.held = has_audio.then(|| std::mem::take(samples));
                return Ok(Part::Lost(lost));
            }
            if has_audio {
                return Ok(Part::Audio);
            }
        }
    }

    fn sample_format(&self) -> SampleFormat {
        SampleFormat::F32
    }
}

/// Reads the three headers of the first Vorbis stream. `None` if there is none.
fn begin_link(input: &mut Input, first: Option<Page>) -> Result<Option<Link>, String> {
    const HEADERS: usize = 3;
    const IDENTIFICATION: &[u8] = b"\x01vorbis";
    let cut_off = || "its header is cut off".to_owned();
    let mut read = |page: Option<Page>| match page {
        Some(page) => Ok(page),
        None => next_page(input)?.1.ok_or_else(cut_off),
    };
    let mut page = read(first)?;
    // The first pages of all streams come before all others.
    let (serial, mut packets, mut headers) = loop {
        let mut packets = Packets::default();
        let (_, found) = packets.of(&page);
        if found.first().is_some_and(|packet| packet.starts_with(IDENTIFICATION)) {
            break (page.serial, packets, found);
        }
        page = match read(None) {
            Ok(page) if page.is_first => page,
            _ => return Ok(None),
        };
    };
    while headers.len() < HEADERS {
        let page = read(None)?;
        if page.serial == serial {
            let (is_broken, found) = packets.of(&page);
            if is_broken {
                return Err("its header is damaged".to_owned());
            }
            headers.extend(found);
        }
    }
    let mut parameters = AudioCodecParameters::new();
    let both = [headers[0].as_slice(), headers[2].as_slice()].concat();
    parameters.for_codec(CODEC_ID_VORBIS).with_extra_data(both.into());
    let decoder = VorbisDecoder::try_new(&parameters, &AudioDecoderOptions::default());
    let decoder = decoder.map_err(|error| error.to_string())?;
    Ok(Some(Link {
        serial,
        packets,
        decoder,
        position: None,
        done: 0,
        has_ended: false,
        pending: Vec::new(),
        is_broken: false,
    }))
}
