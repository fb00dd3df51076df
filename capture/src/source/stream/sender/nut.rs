//! A reader of ffmpeg's second output: the packets of the stream in the NUT container, whose side
//! data has the time at which the sender captured them.
//!
//! Only the stamps are read; the audio is skipped. Damaged bytes are skipped up to the next element
//! that has a startcode. Format: "NUT Open Container Format", version 4 of FFmpeg's `nutenc.c`.

use std::io::{self, BufReader, Error, ErrorKind, Read};

const MAIN: u64 = 0x4e4d_7a56_1f5f_04ad;
const STREAM: u64 = 0x4e53_1140_5bf2_f9db;
const SYNCPOINT: u64 = 0x4e4b_e4ad_eeca_4569;
const INFO: u64 = 0x4e49_ab68_b596_ba78;
const INDEX: u64 = 0x4e58_dd67_2f23_e64e;
const STARTCODES: [u64; 5] = [MAIN, STREAM, SYNCPOINT, INFO, INDEX];

/// The largest header that is read.
const MAX_HEADER_BYTES: u64 = 64 << 10;
/// Headers longer than this have a checksum of their own.
const CHECKED_HEADER_BYTES: u64 = 4096;
/// Packets longer than this have no elided header.
const MAX_ELIDED_BYTES: u64 = 4096;
/// The most items of side data, and the longest name of one.
const MAX_ITEMS: u64 = 64;
const MAX_NAME_BYTES: u64 = 256;
/// The end of the name of the item with the sender's time: `AV_PKT_DATA_PRFT`.
const SENDER_TIME: &[u8] = b"-SD-27";

/// The fields that a frame has, and others that it lacks.
mod flag {
    pub(super) const CODED_PTS: u64 = 8;
    pub(super) const STREAM_ID: u64 = 16;
    pub(super) const SIZE: u64 = 32;
    pub(super) const CHECKSUM: u64 = 64;
    pub(super) const RESERVED: u64 = 128;
    pub(super) const SIDE_DATA: u64 = 256;
    pub(super) const HEADER: u64 = 1024;
    pub(super) const MATCH_TIME: u64 = 2048;
    pub(super) const CODED: u64 = 4096;
    pub(super) const INVALID: u64 = 8192;
}

/// The times of a packet of the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    /// Time of its first frame on the clock of the stream, as ffmpeg's packets of PCM have it.
    pub(super) stream_ns: i64,
    /// The sender's time of that frame, if it has reported its clock.
    pub(super) sender_utc_ns: Option<i64>,
}

/// The meaning of a frame's first byte.
#[derive(Debug, Clone, Copy)]
struct FrameCode {
    flags: u64,
    stream: u64,
    pts_delta: i64,
    size_factor: u64,
    size_rest: u64,
    reserved: u64,
    header: u64,
}

/// The reader of NUT.
pub(super) struct Nut<R: Read> {
    input: BufReader<R>,
    /// The frames' first bytes; empty before the main header.
    codes: Vec<FrameCode>,
    /// The lengths of the headers that are elided.
    elided_bytes: Vec<u64>,
    /// Seconds per tick, as fractions.
    time_bases: Vec<(u64, u64)>,
    time_base: Option<(u64, u64)>,
    /// The bits of short timestamps.
    pts_bits: u32,
    last_pts: i64,
    is_lost: bool,
}

impl<R: Read> Nut<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            input: BufReader::new(input),
            codes: Vec::new(),
            elided_bytes: Vec::new(),
            time_bases: Vec::new(),
            time_base: None,
            pts_bits: 0,
            last_pts: 0,
            is_lost: true,
        }
    }

    /// Waits for the next packet.
    ///
    /// # Errors
    /// At the end of the input. Damage is no error.
    pub(super) fn next(&mut self) -> io::Result<Stamp> {
        loop {
            let code = if self.is_lost { None } else { Some(u8(&mut self.input)?) };
            let read = match code {
                Some(b'N') | None => {
                    let startcode = self.startcode(code)?;
                    self.header(startcode).map(|()| None)
                }
                Some(code) => self.frame(code).map(Some),
            };
            self.is_lost = read.is_err();
            if let Ok(Some(stamp)) = read {
                return Ok(stamp);
            }
        }
    }

    /// Skips to the next startcode, of which `first` was read.
    fn startcode(&mut self, first: Option<u8>) -> io::Result<u64> {
        let mut last_bytes = first.map_or(0, u64::from);
        loop {
            last_bytes = last_bytes << 8 | u64::from(u8(&mut self.input)?);
            if STARTCODES.contains(&last_bytes) {
                return Ok(last_bytes);
            }
        }
    }

    fn header(&mut self, startcode: u64) -> io::Result<()> {
        let bytes = varint(&mut self.input)?;
        if bytes > MAX_HEADER_BYTES {
            return Err(invalid());
        }
        if bytes > CHECKED_HEADER_BYTES {
            skip(&mut self.input, 4)?;
        }
        let mut header = Vec::new();
        self.input.by_ref().take(bytes).read_to_end(&mut header)?;
        let mut header = header.as_slice();
        match startcode {
            MAIN => self.main_header(&mut header),
            STREAM => self.stream_header(&mut header),
            SYNCPOINT => self.syncpoint(&mut header),
            _ => Ok(()),
        }
    }

    fn main_header(&mut self, header: &mut &[u8]) -> io::Result<()> {
        let version = varint(header)?;
        if version > 3 {
            varint(header)?;
        }
        let (_streams, _max_distance) = (varint(header)?, varint(header)?);
        let count = varint(header)?;
        // Each has two bytes.
        if count == 0 || count > header.len() as u64 / 2 {
            return Err(invalid());
        }
        let time_base = |header: &mut &[u8]| {
            let (numerator, denominator) = (varint(header)?, varint(header)?);
            let is_valid = (1..1 << 31).contains(&numerator) && (1..1 << 31).contains(&denominator);
            if is_valid { Ok((numerator, denominator)) } else { Err(invalid()) }
        };
        let time_bases = (0..count).map(|_| time_base(header)).collect::<io::Result<Vec<_>>>()?;
        let codes = frame_codes(header)?;
        let mut elided_bytes = vec![0];
        for _ in 0..varint(header)? {
            let bytes = varint(header)?;
            skip(header, bytes)?;
            elided_bytes.push(bytes);
        }
        (self.time_bases, self.codes, self.elided_bytes) = (time_bases, codes, elided_bytes);
        Ok(())
    }

    fn stream_header(&mut self, header: &mut &[u8]) -> io::Result<()> {
        if varint(header)? != 0 {
            return Ok(());
        }
        let _class = varint(header)?;
        let tag_bytes = varint(header)?;
        skip(header, tag_bytes)?;
        let time_base = usize::try_from(varint(header)?).ok().and_then(|number| self.time_bases.get(number));
        let pts_bits = u32::try_from(varint(header)?).ok().filter(|bits| (1..=16).contains(bits));
        (self.time_base, self.pts_bits) =
            time_base.copied().zip(pts_bits).map(|(base, bits)| (Some(base), bits)).ok_or_else(invalid)?;
        Ok(())
    }

    fn syncpoint(&mut self, header: &mut &[u8]) -> io::Result<()> {
        let time = varint(header)?;
        let count = self.time_bases.len() as u64;
        let number = time.checked_rem(count).ok_or_else(invalid)?;
        let from = self.time_bases[number as usize];
        let to = self.time_base.ok_or_else(invalid)?;
        let ticks = u128::from(time / count) * u128::from(from.0) * u128::from(to.1);
        let ticks = ticks / (u128::from(from.1) * u128::from(to.0));
        self.last_pts = i64::try_from(ticks).map_err(|_| invalid())?;
        Ok(())
    }

    fn frame(&mut self, code: u8) -> io::Result<Stamp> {
        let code = *self.codes.get(usize::from(code)).ok_or_else(invalid)?;
        let input = &mut self.input;
        let mut flags = code.flags;
        if flags & flag::INVALID != 0 {
            return Err(invalid());
        }
        if flags & flag::CODED != 0 {
            flags ^= varint(input)?;
        }
        let mut field = |is_coded: u64, otherwise| if flags & is_coded != 0 { varint(input) } else { Ok(otherwise) };
        let stream = field(flag::STREAM_ID, code.stream)?;
        let coded_pts = field(flag::CODED_PTS, 0)?;
        let size_factor = field(flag::SIZE, 0)?;
        let _match_time = field(flag::MATCH_TIME, 0)?;
        let header = field(flag::HEADER, code.header)?;
        let reserved = field(flag::RESERVED, code.reserved)?;
        if reserved > MAX_ITEMS || stream != 0 {
            return Err(invalid());
        }
        for _ in 0..reserved {
            varint(&mut self.input)?;
        }
        if flags & flag::CHECKSUM != 0 {
            skip(&mut self.input, 4)?;
        }
        let size = size_factor.checked_mul(code.size_factor).and_then(|size| size.checked_add(code.size_rest));
        let size = size.ok_or_else(invalid)?;
        let header = if size > MAX_ELIDED_BYTES { 0 } else { header };
        let elided_bytes = usize::try_from(header).ok().and_then(|header| self.elided_bytes.get(header));
        let size = elided_bytes.and_then(|bytes| size.checked_sub(*bytes)).ok_or_else(invalid)?;
        let pts = if flags & flag::CODED_PTS != 0 {
            self.pts(coded_pts)?
        } else {
            self.last_pts.saturating_add(code.pts_delta)
        };
        let (numerator, denominator) = self.time_base.ok_or_else(invalid)?;
        let stream_ns = i128::from(pts) * i128::from(numerator) * 1_000_000_000 / i128::from(denominator);
        let stream_ns = i64::try_from(stream_ns).map_err(|_| invalid())?;
        self.last_pts = pts;
        let mut data = self.input.by_ref().take(size);
        let sender_utc_ns = if flags & flag::SIDE_DATA != 0 { sender_time(&mut data)? } else { None };
        io::copy(&mut data, &mut io::sink())?;
        Ok(Stamp { stream_ns, sender_utc_ns })
    }

    /// The timestamp whose low bits are coded, or all of it.
    fn pts(&self, coded: u64) -> io::Result<i64> {
        let count = 1_u64 << self.pts_bits;
        let coded_whole = coded.checked_sub(count);
        if let Some(pts) = coded_whole {
            return i64::try_from(pts).map_err(|_| invalid());
        }
        let mask = count.cast_signed() - 1;
        let least = self.last_pts.checked_sub(mask / 2).ok_or_else(invalid)?;
        (coded.cast_signed().wrapping_sub(least) & mask).checked_add(least).ok_or_else(invalid)
    }
}

/// Reads the table of first bytes, whose entries are runs.
fn frame_codes(header: &mut &[u8]) -> io::Result<Vec<FrameCode>> {
    let invalid_code = FrameCode {
        flags: flag::INVALID,
        stream: 0,
        pts_delta: 0,
        size_factor: 0,
        size_rest: 0,
        reserved: 0,
        header: 0,
    };
    let (mut codes, mut run) = (Vec::with_capacity(256), FrameCode { size_factor: 1, ..invalid_code });
    while codes.len() < 256 {
        run.flags = varint(header)?;
        let fields = varint(header)?;
        let mut read = |number: u64, otherwise: u64| if fields > number { varint(header) } else { Ok(otherwise) };
        run.pts_delta = if fields > 0 { signed_of(read(0, 0)?) } else { run.pts_delta };
        run.size_factor = read(1, run.size_factor)?;
        run.stream = read(2, run.stream)?;
        run.size_rest = read(3, 0)?;
        run.reserved = read(4, 0)?;
        let count = read(5, run.size_factor.saturating_sub(run.size_rest))?;
        read(6, 0)?;
        run.header = read(7, run.header)?;
        for number in 8..fields {
            read(number, 0)?;
        }
        for step in 0..count {
            // The first byte of a startcode is no frame's.
            if codes.len() == usize::from(b'N') {
                codes.push(invalid_code);
            }
            if codes.len() == 256 {
                break;
            }
            codes.push(FrameCode { size_rest: run.size_rest.saturating_add(step), ..run });
        }
    }
    Ok(codes)
}

/// Reads the side data of a packet, up to the sender's time.
fn sender_time(data: &mut impl Read) -> io::Result<Option<i64>> {
    let items = varint(data)?;
    if items > MAX_ITEMS {
        return Err(invalid());
    }
    for _ in 0..items {
        let name_bytes = varint(data)?;
        if name_bytes > MAX_NAME_BYTES {
            return Err(invalid());
        }
        let mut name = Vec::new();
        data.take(name_bytes).read_to_end(&mut name)?;
        match signed_of(varint(data)?) {
            // A text.
            -1 => skip_counted(data)?,
            // Bytes, after the name of their type: the time in us and some flags, as in memory.
            -2 => {
                skip_counted(data)?;
                let bytes = varint(data)?;
                if !name.ends_with(SENDER_TIME) || bytes < 8 {
                    skip(data, bytes)?;
                    continue;
                }
                let mut utc_us = [0; 8];
                data.read_exact(&mut utc_us)?;
                return Ok(i64::from_ne_bytes(utc_us).checked_mul(1000));
            }
            // A number, a time or a fraction.
            ..=-3 => _ = varint(data)?,
            _ => {}
        }
    }
    Ok(None)
}

fn skip_counted(data: &mut impl Read) -> io::Result<()> {
    let bytes = varint(data)?;
    skip(data, bytes)
}

fn skip(data: &mut impl Read, bytes: u64) -> io::Result<()> {
    let skipped = io::copy(&mut data.take(bytes), &mut io::sink())?;
    if skipped == bytes { Ok(()) } else { Err(ErrorKind::UnexpectedEof.into()) }
}

fn u8(data: &mut impl Read) -> io::Result<u8> {
    let mut byte = [0];
    data.read_exact(&mut byte)?;
    Ok(byte[0])
}

/// Reads a number of seven bits a byte, the highest first.
fn varint(data: &mut impl Read) -> io::Result<u64> {
    let mut value = 0_u64;
    loop {
        let byte = u8(data)?;
        if value > u64::MAX >> 7 {
            return Err(invalid());
        }
        value = value << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
}

/// Converts a number that stands for one with a sign: 0, 1, -1, 2, -2, ...
fn signed_of(coded: u64) -> i64 {
    let half = (coded / 2 + coded % 2).cast_signed();
    if coded % 2 == 1 { half } else { half.saturating_neg() }
}

fn invalid() -> Error {
    ErrorKind::InvalidData.into()
}
