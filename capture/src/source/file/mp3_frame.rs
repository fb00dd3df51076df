//! The headers of MP3 frames, and the description of a file in its first frame.

/// The length of a header.
pub(super) const HEADER: usize = 4;
/// The longest frame: 320 kbit/s at 32 kHz, or 160 kbit/s at 8 kHz, padded.
pub(super) const MAX_FRAME: usize = 1441;

/// The header of a frame of layer 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FrameHeader {
    /// The length of the frame in bytes.
    pub(super) len: usize,
    /// The frames of audio.
    pub(super) frames: u32,
    pub(super) sample_rate_hz: u32,
    pub(super) channels: u16,
    has_checksum: bool,
}

impl FrameHeader {
    /// Parses a header; `None` if it is none of layer 3.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let [0xff, version, rates, mode, ..] = *bytes else { return None };
        const LAYER_3: u8 = 0b001;
        if version & 0xe0 != 0xe0 || version >> 1 & 3 != LAYER_3 & 3 {
            return None;
        }
        // The rates of versions 2 and 2.5 are halves and quarters.
        let (is_first, divisor) = match version >> 3 & 3 {
            0 => (false, 4),
            2 => (false, 2),
            3 => (true, 1),
            _ => return None,
        };
        const FIRST: [u32; 14] = [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
        const LATER: [u32; 14] = [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
        let kilobits = match rates >> 4 {
            code @ 1..=14 => (if is_first { FIRST } else { LATER })[usize::from(code) - 1],
            _ => return None,
        };
        let sample_rate_hz = *[44_100, 48_000, 32_000].get(usize::from(rates >> 2 & 3))? / divisor;
        let frames = if is_first { 1152 } else { 576 };
        let padding = u32::from(rates >> 1 & 1);
        let len = (frames / 8 * kilobits * 1000 / sample_rate_hz + padding) as usize;
        let channels = if mode >> 6 == 3 { 1 } else { 2 };
        Some(Self { len, frames, sample_rate_hz, channels, has_checksum: version & 1 == 0 })
    }

    /// Parses a header that another one like it follows, or the end.
    pub(super) fn confirmed(bytes: &[u8]) -> Option<Self> {
        let header = Self::parse(bytes)?;
        match bytes.get(header.len..)? {
            [] => Some(header),
            next if next.starts_with(b"TAG") || next.starts_with(b"APETAGEX") || next.starts_with(b"ID3") => {
                Some(header)
            }
            next => Self::parse(next).filter(|next| next.is_like(&header)).map(|_| header),
        }
    }

    /// Returns whether frames follow each other, up to the end or that many.
    pub(super) fn chain(bytes: &[u8], count: usize) -> bool {
        let Some(header) = Self::confirmed(bytes) else { return false };
        let next = bytes.get(header.len..).unwrap_or_default();
        count <= 2 || Self::parse(next).is_none() || Self::chain(next, count - 1)
    }

    /// Returns whether two frames can belong to one stream.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        (self.sample_rate_hz, self.channels, self.frames) == (other.sample_rate_hz, other.channels, other.frames)
    }

    fn side_information(&self) -> std::ops::Range<usize> {
        let start = HEADER + if self.has_checksum { 2 } else { 0 };
        let len = match (self.frames, self.channels) {
            (1152, 1) => 17,
            (1152, _) => 32,
            (_, 1) => 9,
            _ => 17,
        };
        start..start + len
    }

    /// Returns the place of a frame's data; `None` if the frame is cut off.
    pub(super) fn main_data(&self, frame: &[u8]) -> Option<MainData> {
        let side = self.side_information();
        let bits = Bits(frame.get(side.clone())?);
        let channels = usize::from(self.channels);
        // A granule of a channel begins with the number of its bits.
        let (begin, first, len, count) = match self.frames {
            1152 => (bits.at(0, 9), if channels == 1 { 18 } else { 20 }, 59, 2 * channels),
            _ => (bits.at(0, 8), 8 + channels, 63, channels),
        };
        let used: usize = (0..count).map(|granule| bits.at(first + granule * len, 12)).sum();
        Some(MainData { begin, len: frame.len() - side.end, used: used.div_ceil(8) })
    }
}

/// The place of a frame's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MainData {
    /// The bytes of the frames before that it uses.
    pub(super) begin: usize,
    /// Its own bytes.
    pub(super) len: usize,
    /// The bytes it uses of all these. Later frames use the others.
    pub(super) used: usize,
}

/// Numbers of any width, the highest bit first.
struct Bits<'a>(&'a [u8]);

impl Bits<'_> {
    fn at(&self, first: usize, count: usize) -> usize {
        let bit = |at: usize| self.0.get(at / 8).map_or(0, |byte| usize::from(byte >> (7 - at % 8) & 1));
        (first..first + count).fold(0, |number, at| number << 1 | bit(at))
    }
}

/// The description of a file, in a first frame without audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Info {
    /// The number of frames after this one.
    pub(super) frames: Option<u32>,
    /// The frames of audio at the start that are no audio of the file.
    pub(super) delay: u64,
    /// Those at the end.
    pub(super) padding: u64,
}

/// The delay of a decoder, which encoders do not count.
const DECODER_DELAY: u64 = 529;

impl Info {
    pub(super) fn parse(frame: &[u8], header: &FrameHeader) -> Option<Self> {
        let word = |at: usize| Some(u32::from_be_bytes(*frame.get(at..)?.first_chunk()?));
        if frame.get(36..40)? == b"VBRI" {
            return Some(Self { frames: word(50), delay: 0, padding: 0 });
        }
        // Without regard to a checksum, as all writers do.
        let mut at = HEADER + header.side_information().len();
        if ![b"Xing", b"Info"].contains(&frame.get(at..)?.first_chunk::<4>()?) {
            return None;
        }
        let flags = word(at + 4)?;
        at += 8;
        let mut field = |flag: u32, len: usize| {
            let start = at;
            at += if flags & flag != 0 { len } else { 0 };
            (flags & flag != 0).then_some(start)
        };
        // A writer that could not go back leaves 0.
        let frames = field(1, 4).and_then(word).filter(|frames| *frames > 0);
        for (flag, len) in [(2, 4), (4, 100), (8, 4)] {
            field(flag, len);
        }
        let (delay, padding) = match frame.get(at..at + 24) {
            // The version, and after 21 bytes twice 12 bits.
            Some(encoder) if encoder[0] != 0 && encoder[21..24] != [0; 3] => {
                let trim = u64::from(u32::from_be_bytes([0, encoder[21], encoder[22], encoder[23]]));
                ((trim >> 12) + DECODER_DELAY, (trim & 0xfff).saturating_sub(DECODER_DELAY))
            }
            _ => (0, 0),
        };
        Some(Self { frames, delay, padding })
    }
}
