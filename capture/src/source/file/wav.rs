//! WAV and its relatives: RIFF, RIFX, RF64, BW64, with the oddities of their writers.

use capbuf::SampleFormat;

use super::input::Input;
use super::kind::{Kind, skip_tags};
use super::pcm::Layout;
use super::reader::{Part, Reader, Samples, checked};
use crate::source::encoding::{ByteOrder, Encoding};

/// An open WAV file, or several one after the other.
pub(super) struct Wav {
    input: Input,
    header: Header,
    /// The bytes of audio up to the next chunk; `u64::MAX` if the file ends with the audio.
    left: u64,
    /// The number of frames read.
    frames: u64,
    /// The bytes of audio that are missing at the end of the file.
    missing: u64,
}

/// The header of a WAV file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Header {
    sample_rate_hz: u32,
    channels: u16,
    layout: Layout,
    order: ByteOrder,
    is_riff: bool,
}

impl Header {
    fn frame_bytes(&self) -> usize {
        self.layout.encoding.bytes() * usize::from(self.channels)
    }
}

/// The content of a `fmt ` chunk.
enum Format {
    Pcm {
        sample_rate_hz: u32,
        channels: u16,
        layout: Layout,
    },
    /// A codec that is not read here.
    Other,
}

/// The frames that are read at once.
const PART_FRAMES: usize = 4096;
/// The largest part of a `fmt ` chunk that means anything here.
const FORMAT_BYTES: usize = 40;
/// A size of 32 bits that says nothing.
const UNKNOWN: u32 = u32::MAX;

impl Wav {
    /// Reads the header at the position. `None` if the audio is coded in a way not read here.
    ///
    /// # Errors
    /// A reason why no reader could read it.
    pub(super) fn open(mut input: Input) -> Result<Option<Self>, String> {
        let Some((header, left, missing)) = read_header(&mut input)? else { return Ok(None) };
        Ok(Some(Self { input, header, left, frames: 0, missing }))
    }

    /// Goes on to more audio, in the same file or in another WAV file behind it. Returns the end
    /// if there is none.
    fn go_on(&mut self) -> Result<Option<Part>, String> {
        skip_chunks(&mut self.input)?;
        if let Some([b'd', b'a', b't', b'a', size @ ..]) = self.input.peek(8)?.first_chunk::<8>() {
            let size = self.header.order.u32(*size);
            self.input.consume(8);
            self.left = data_size(&mut self.input, size, None)?;
            return Ok(None);
        }
        let frames = self.frames;
        let ends = |reason: String| Ok(Some(Part::End(Some(format!("after {frames} frames {reason}")))));
        match Kind::of(self.input.peek(12)?) {
            None => match self.missing.div_ceil(self.header.frame_bytes() as u64) {
                0 => return Ok(Some(Part::End(None))),
                missing => return ends(format!("it is cut off: its last {missing} frames are missing")),
            },
            Some(Kind::Wav) => {}
            Some(other) => return ends(other.follows()),
        }
        match read_header(&mut self.input) {
            Ok(Some((header, left, missing))) => (self.header, self.left, self.missing) = (header, left, missing),
            Ok(None) => return ends("a WAV file in another coding follows".to_owned()),
            Err(reason) => return ends(format!("another WAV file follows, which can't be read: {reason}")),
        }
        Ok(None)
    }
}

impl Reader for Wav {
    fn next(&mut self, samples: &mut Samples) -> Result<Part, String> {
        loop {
            let frame_bytes = self.header.frame_bytes();
            let wanted = PART_FRAMES * frame_bytes;
            let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(wanted);
            let held = self.input.peek(wanted)?;
            let whole = held.len().min(wanted) / frame_bytes * frame_bytes;
            if whole > 0 {
                samples.interleaved.decode(self.header.layout.encoding, &held[..whole]);
                self.input.consume(whole);
                if self.left != u64::MAX {
                    self.left -= whole as u64;
                }
                (samples.sample_rate_hz, samples.channels) = (self.header.sample_rate_hz, self.header.channels);
                self.frames += samples.frames();
                return Ok(Part::Audio);
            }
            // A part of a frame is none.
            self.input.skip(wanted as u64)?;
            if self.header.is_riff && self.left < u64::MAX && is_wrapped(&mut self.input) {
                self.left = 1 << 32;
                continue;
            }
            if let Some(end) = self.go_on()? {
                return Ok(end);
            }
        }
    }

    fn sample_format(&self) -> SampleFormat {
        self.header.layout.sample_format()
    }
}

/// Returns whether the size of 32 bits was too small for its value: audio goes on where a chunk
/// has to begin.
fn is_wrapped(input: &mut Input) -> bool {
    input.left() >= 1 << 32 && input.peek(4).is_ok_and(|id| !is_chunk_id(id))
}

fn is_chunk_id(id: &[u8]) -> bool {
    id.len() >= 4 && id[..4].iter().all(|byte| (0x20..0x7f).contains(byte))
}

/// Reads up to the audio. Returns the number of its bytes, and of those that are missing.
fn read_header(input: &mut Input) -> Result<Option<(Header, u64, u64)>, String> {
    let magic = *input.peek(12)?.first_chunk::<12>().ok_or("its header is cut off")?;
    let begin = input.pos();
    input.consume(12);
    let order = if magic[3] == b'X' { ByteOrder::Big } else { ByteOrder::Little };
    let is_riff = magic[..3] == *b"RIF";
    let size = order.u32([magic[4], magic[5], magic[6], magic[7]]);
    let declared_end = begin + 8 + u64::from(size);
    let (mut format, mut long_size) = (None, None);
    loop {
        let Some(&[a, b, c, d, size @ ..]) = input.peek(8)?.first_chunk::<8>() else {
            return Err(if format.is_some() { "it holds no audio" } else { "its header is cut off" }.to_owned());
        };
        let size = order.u32(size);
        input.consume(8);
        match &[a, b, c, d] {
            b"fmt " => {
                let bytes = input.peek(FORMAT_BYTES)?;
                let len = FORMAT_BYTES.min(size as usize);
                let bytes = bytes.get(..len).ok_or("its header is cut off")?;
                format = Some(read_format(bytes, order)?);
            }
            b"ds64" => {
                let bytes = input.peek(16)?;
                long_size = bytes.get(8..16).and_then(|size| size.try_into().ok()).map(u64::from_le_bytes);
            }
            b"data" => {
                let (sample_rate_hz, channels, layout) = match format {
                    None => return Err("its audio comes before its format".to_owned()),
                    Some(Format::Other) => return Ok(None),
                    Some(Format::Pcm { sample_rate_hz, channels, layout }) => (sample_rate_hz, channels, layout),
                };
                let mut header = Header { sample_rate_hz, channels, layout, order, is_riff };
                let left = data_size(input, size, long_size.filter(|_| !is_riff))?;
                let missing = if is_riff { missing(input, size, declared_end) } else { 0 };
                header.layout = placed(input, layout)?;
                return Ok(Some((header, left, missing)));
            }
            _ => {}
        }
        skip_chunk(input, size)?;
    }
}

/// Returns the bytes of audio that are missing in a file that was cut off: both of its sizes are
/// larger than the file, and agree.
fn missing(input: &Input, size: u32, declared_end: u64) -> u64 {
    /// Programs that can't go back write sizes from here on.
    const PLACEHOLDERS: u32 = 0x7fff_0000;
    let (end, there) = (input.pos() + u64::from(size), input.pos() + input.left());
    if size < PLACEHOLDERS && declared_end >= end { end.saturating_sub(there) } else { 0 }
}

/// Returns the number of bytes of audio at the position; `u64::MAX` if all that follows is audio.
fn data_size(input: &mut Input, size: u32, long_size: Option<u64>) -> Result<u64, String> {
    let size = match (size, long_size) {
        (_, Some(long_size)) if long_size > 0 => long_size,
        (UNKNOWN, _) => u64::MAX,
        (size, _) => u64::from(size),
    };
    // Programs that can't go back write 0; an empty file is followed by whole chunks, or by
    // nothing.
    if size == 0 && input.left() > 0 {
        let begin = input.pos();
        skip_chunks(input)?;
        let next = input.peek(8)?.first_chunk::<8>().copied();
        let more = input.left().saturating_sub(8);
        let has_audio = |[.., a, b, c, d]: [u8; 8]| (1..=more).contains(&u32::from_le_bytes([a, b, c, d]).into());
        let is_empty = match next {
            Some(next) => next.starts_with(b"data") && has_audio(next),
            None => input.left() == 0 && input.pos() > begin,
        };
        input.seek(begin)?;
        return Ok(if is_empty { 0 } else { u64::MAX });
    }
    Ok(if size > input.left() { u64::MAX } else { size })
}

/// Skips whole chunks, up to one of audio.
fn skip_chunks(input: &mut Input) -> Result<(), String> {
    // The byte that pads audio of an odd size.
    if let [0, rest @ ..] = input.peek(5)?
        && (rest.is_empty() || is_chunk_id(rest))
    {
        input.consume(1);
    }
    loop {
        skip_tags(input)?;
        let head = input.peek(8)?;
        let size = head.get(4..8).and_then(|size| size.try_into().ok()).map(u32::from_le_bytes);
        match size {
            Some(size) if is_chunk_id(head) && !head.starts_with(b"data") && Kind::of(input.peek(12)?).is_none() => {
                if u64::from(size) > input.left() - 8 {
                    return Ok(());
                }
                input.consume(8);
                skip_chunk(input, size)?;
            }
            _ => return Ok(()),
        }
    }
}

/// Skips the content of a chunk, and the byte that pads it to an even size if there is one.
fn skip_chunk(input: &mut Input, size: u32) -> Result<(), String> {
    input.skip(u64::from(size))?;
    let is_missing = |next: &[u8]| is_chunk_id(next) && next.get(1..5).is_some_and(|padded| !is_chunk_id(padded));
    if size % 2 == 1 && !is_missing(input.peek(5)?) {
        input.consume(1);
    }
    Ok(())
}

fn read_format(bytes: &[u8], order: ByteOrder) -> Result<Format, String> {
    let half = |at: usize| Some(order.u16(*bytes.get(at..)?.first_chunk()?));
    let word = |at: usize| Some(order.u32(*bytes.get(at..)?.first_chunk()?));
    let (Some(tag), Some(channels), Some(rate), Some(byte_rate), Some(frame_bytes)) =
        (half(0), half(2), word(4), word(8), half(12))
    else {
        return Err(format!("its header describes the format in {} bytes; at least 14 are needed", bytes.len()));
    };
    const EXTENSIBLE: u16 = 0xfffe;
    let (tag, valid_bits) = match (tag, half(24), half(18)) {
        (EXTENSIBLE, Some(tag), Some(valid_bits))
            if bytes[26..].starts_with(b"\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71") =>
        {
            (tag, valid_bits)
        }
        (EXTENSIBLE, Some(tag), Some(valid_bits)) if order == ByteOrder::Big => (tag, valid_bits),
        (tag, _, _) => (tag, 0),
    };
    const PCM: u16 = 1;
    const FLOAT: u16 = 3;
    const A_LAW: u16 = 6;
    const MU_LAW: u16 = 7;
    if ![PCM, FLOAT, A_LAW, MU_LAW].contains(&tag) {
        return Ok(Format::Other);
    }
    let (sample_rate_hz, channels) = checked(rate, channels.into())?;
    let frame_bytes = usize::from(frame_bytes);
    let bits = match half(14) {
        None | Some(0) => (8 * frame_bytes / usize::from(channels)) as u32,
        Some(bits) => u32::from(bits),
    };
    // Where the sizes contradict each other, the two that agree are right.
    let needed = bits.div_ceil(8) as usize;
    let is_confirmed = u64::from(byte_rate) == u64::from(rate) * frame_bytes as u64;
    let container = match frame_bytes / usize::from(channels) {
        container
            if tag == PCM && container > needed && container * usize::from(channels) == frame_bytes && is_confirmed =>
        {
            container
        }
        _ => needed,
    };
    let encoding = match (tag, container) {
        (PCM, 1) => Encoding::Integer { bits: 8, bytes: 1, signed: false, order },
        (PCM, 2..=4) => Encoding::signed(container as u8, order),
        (FLOAT, 4) => Encoding::Float(order),
        (FLOAT, 8) => Encoding::Double(order),
        (A_LAW, 1) => Encoding::ALaw,
        (MU_LAW, 1) => Encoding::MuLaw,
        _ => return Ok(Format::Other),
    };
    let bits = if (1..bits).contains(&u32::from(valid_bits)) { u32::from(valid_bits) } else { bits };
    Ok(Format::Pcm { sample_rate_hz, channels, layout: Layout { encoding, bits } })
}

/// Finds where in their containers the samples lie: by the standard in the high bits, but some
/// writers put them into the low ones.
///
/// # Errors
/// If they lie in neither: then the header is wrong, and the audio would be noise.
fn placed(input: &mut Input, layout: Layout) -> Result<Layout, String> {
    let Layout { encoding: Encoding::Integer { bytes: container @ 2.., order, .. }, bits } = layout else {
        return Ok(layout);
    };
    if bits.div_ceil(8) == u32::from(container) {
        return Ok(layout);
    }
    /// A number of whole containers.
    const EXAMINED_BYTES: usize = 12 << 16;
    let begin = input.pos();
    let mut samples = super::reader::Interleaved::default();
    // In silence both are possible.
    loop {
        let bytes = input.peek(EXAMINED_BYTES)?;
        let len = bytes.len().min(EXAMINED_BYTES);
        samples.decode(layout.encoding, &bytes[..len]);
        if len < EXAMINED_BYTES || bytes[..len].iter().any(|byte| *byte != 0) {
            break;
        }
        input.consume(len);
    }
    input.seek(begin)?;
    match layout.lies_high(samples.integers().iter().copied()) {
        Some(true) => Ok(layout),
        Some(false) => {
            let encoding = Encoding::Integer { bits: bits as u8, bytes: container, signed: true, order };
            Ok(Layout { encoding, bits })
        }
        None => Err(format!("its header says {bits} bits in {container} bytes for a sample, but its samples use more")),
    }
}
