//! The headers of FLAC streams and frames (RFC 9639).

use symphonia::core::checksum::Crc8Ccitt;
use symphonia::core::io::Monitor as _;

/// The longest header of a frame, in bytes.
pub(super) const MAX_HEADER: usize = 16;

/// The description of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stream {
    min_block: u16,
    max_block: u16,
    pub(super) sample_rate_hz: u32,
    pub(super) channels: u16,
    pub(super) bits: u32,
    /// The number of frames of audio; 0 if it is not known.
    pub(super) total: u64,
}

impl Stream {
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let [a, b, c, d, _, _, _, _, _, _, rest @ ..] = bytes.first_chunk::<18>()?;
        let packed = u64::from_be_bytes(*rest);
        Some(Self {
            min_block: u16::from_be_bytes([*a, *b]),
            max_block: u16::from_be_bytes([*c, *d]),
            sample_rate_hz: (packed >> 44) as u32,
            channels: (packed >> 41 & 7) as u16 + 1,
            bits: (packed >> 36 & 31) as u32 + 1,
            total: packed & ((1 << 36) - 1),
        })
    }

    /// Returns the stream that a frame belongs to, of `total` frames of audio.
    pub(super) fn of(header: &FrameHeader, total: u64) -> Self {
        let FrameHeader { sample_rate_hz, channels, bits, .. } = *header;
        Self { min_block: 0, max_block: 0, sample_rate_hz, channels, bits, total }
    }

    /// Returns the size of all blocks, if it is fixed and known.
    pub(super) fn fixed_block(&self) -> Option<u64> {
        // Some writers leave the least size at 0.
        let is_fixed = self.max_block > 0 && (self.min_block == 0 || self.min_block == self.max_block);
        is_fixed.then_some(u64::from(self.max_block))
    }

    /// Returns the description for a decoder, with the widest bounds: wrong ones must not stop it.
    pub(super) fn for_decoder(&self) -> Box<[u8]> {
        let packed =
            u64::from(self.sample_rate_hz) << 44 | u64::from(self.channels - 1) << 41 | u64::from(self.bits - 1) << 36;
        let mut bytes = vec![0, 16, 0xff, 0xff, 0, 0, 0, 0, 0, 0];
        bytes.extend(packed.to_be_bytes());
        bytes.extend([0; 16]);
        bytes.into()
    }
}

/// The header of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FrameHeader {
    /// Its length in bytes.
    pub(super) len: usize,
    is_variable: bool,
    /// The number of the first frame of audio, or of the block.
    number: u64,
    /// The frames of audio.
    pub(super) frames: u32,
    pub(super) sample_rate_hz: u32,
    pub(super) channels: u16,
    pub(super) bits: u32,
    has_difference: bool,
}

impl FrameHeader {
    /// Parses a header; `None` if it is none, or its checksum is wrong.
    pub(super) fn parse(bytes: &[u8], stream: &Stream) -> Option<Self> {
        let [0xff, sync, sizes, layout, ..] = *bytes else { return None };
        if sync & 0xfe != 0xf8 || layout & 1 != 0 {
            return None;
        }
        let (number, mut len) = coded_number(bytes.get(4..)?)?;
        len += 4;
        let mut tail = |count: usize| {
            let bytes = bytes.get(len..len + count)?;
            len += count;
            Some(bytes.iter().fold(0, |value, byte| value << 8 | u32::from(*byte)))
        };
        let frames = match sizes >> 4 {
            0 => return None,
            1 => 192,
            code @ 2..=5 => 576 << (code - 2),
            6 => tail(1)? + 1,
            7 => tail(2)? + 1,
            code => 256 << (code - 8),
        };
        let sample_rate_hz = match sizes & 15 {
            0 => stream.sample_rate_hz,
            code @ 1..=11 => {
                const RATES: [u32; 11] =
                    [88_200, 176_400, 192_000, 8000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000];
                RATES[usize::from(code) - 1]
            }
            12 => tail(1)? * 1000,
            13 => tail(2)?,
            14 => tail(2)? * 10,
            _ => return None,
        };
        let channels = match layout >> 4 {
            code @ 0..=7 => u16::from(code) + 1,
            8..=10 => 2,
            _ => return None,
        };
        let bits = match layout >> 1 & 7 {
            0 => stream.bits,
            1 => 8,
            2 => 12,
            4 => 16,
            5 => 20,
            6 => 24,
            7 => 32,
            _ => return None,
        };
        let checksum = *bytes.get(len)?;
        // A fuzzer can't guess checksums.
        let mut crc = Crc8Ccitt::new(0);
        crc.process_buf_bytes(&bytes[..len]);
        let is_right = (crc.crc() == checksum || cfg!(fuzzing)) && sample_rate_hz > 0;
        let header = Self {
            len: len + 1,
            is_variable: sync & 1 != 0,
            number,
            frames,
            sample_rate_hz,
            channels,
            bits,
            has_difference: layout >> 4 >= 8,
        };
        is_right.then_some(header)
    }

    /// Returns the position of the block; `block` is the size of the blocks before it.
    pub(super) fn first_frame(&self, block: u64) -> u64 {
        if self.is_variable { self.number } else { self.number.saturating_mul(block) }
    }

    /// Returns whether this is the header of the next block of a fixed size.
    pub(super) fn follows(&self, before: &Self) -> bool {
        !self.is_variable && !before.is_variable && self.number == before.number + 1
    }

    /// Returns the longest a frame with this header can be: twice its samples, not compressed.
    pub(super) fn longest(&self) -> usize {
        let samples = self.frames as usize * usize::from(self.channels);
        64 * usize::from(self.channels) + 2 * samples * (self.bits as usize + 1).div_ceil(8)
    }

    /// Returns whether 32 bits hold all of its samples.
    pub(super) fn is_decodable(&self) -> bool {
        !self.has_difference || self.bits < 32
    }
}

/// Parses a number coded as UTF-8 does, of up to 36 bits. Returns its length, too.
fn coded_number(bytes: &[u8]) -> Option<(u64, usize)> {
    let (first, rest) = bytes.split_first()?;
    let more = match first.leading_ones() {
        0 => return Some((u64::from(*first), 1)),
        ones @ 2..=7 => ones as usize - 1,
        _ => return None,
    };
    let start = u64::from(*first) & ((1 << (6 - more.min(6))) - 1);
    let rest = rest.get(..more)?;
    if rest.iter().any(|byte| byte & 0xc0 != 0x80) {
        return None;
    }
    Some((rest.iter().fold(start, |number, byte| number << 6 | u64::from(byte & 0x3f)), more + 1))
}
