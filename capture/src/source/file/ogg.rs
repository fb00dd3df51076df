//! Pages and packets of Ogg (RFC 3533).

use symphonia::core::checksum::Crc32;
use symphonia::core::io::Monitor as _;

use super::input::Input;
use super::kind::{Kind, skip_tags};

/// The longest page.
const MAX_PAGE: usize = 27 + 255 + 255 * 255;
/// The most damaged pages in a row. Each takes a checksum of all its bytes.
const MOST_DAMAGED: u64 = 1 << 14;
/// The longest packet.
const MAX_PACKET: usize = 1 << 24;

/// A page, with a right checksum.
#[derive(Debug, Clone)]
pub(super) struct Page {
    pub(super) is_first: bool,
    pub(super) is_last: bool,
    /// Begins with the rest of the packet before.
    is_continued: bool,
    /// The position of the end of its last whole packet, which is −1 if there is none.
    pub(super) granule: i64,
    pub(super) serial: u32,
    sequence: u32,
    lacing: Vec<u8>,
    body: Vec<u8>,
}

/// Finds the next page. Passes over what is damaged, and returns the number of bytes passed over.
pub(super) fn next_page(input: &mut Input) -> Result<(u64, Option<Page>), String> {
    let (mut passed, mut pages) = (0, 0);
    loop {
        let bytes = input.peek(MAX_PAGE)?;
        pages += u64::from(bytes.starts_with(b"OggS\0"));
        if bytes.is_empty() || pages > MOST_DAMAGED {
            return Ok((passed, None));
        }
        if let Some((page, len)) = parse(bytes) {
            input.consume(len);
            return Ok((passed, Some(page)));
        }
        let ahead = bytes[1..].iter().position(|byte| *byte == b'O').map_or(bytes.len(), |at| at + 1);
        passed += ahead as u64;
        input.consume(ahead);
    }
}

fn parse(bytes: &[u8]) -> Option<(Page, usize)> {
    let header: &[u8; 27] = bytes.first_chunk()?;
    if !header.starts_with(b"OggS\0") {
        return None;
    }
    let word = |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let body_at = 27 + usize::from(header[26]);
    let lacing = bytes.get(27..body_at)?;
    let len = body_at + lacing.iter().map(|part| usize::from(*part)).sum::<usize>();
    let body = bytes.get(body_at..len)?;
    // Over the page with zeros for the checksum.
    let mut crc = Crc32::new(0);
    [&header[..22], &[0; 4], &bytes[26..len]].iter().for_each(|part| crc.process_buf_bytes(part));
    // A fuzzer can't guess checksums.
    if crc.crc() != word(22) && !cfg!(fuzzing) {
        return None;
    }
    let granule = i64::from_le_bytes(*header[6..].first_chunk()?);
    let page = Page {
        is_continued: header[5] & 1 != 0,
        is_first: header[5] & 2 != 0,
        is_last: header[5] & 4 != 0,
        granule,
        serial: word(14),
        sequence: word(18),
        lacing: lacing.to_vec(),
        body: body.to_vec(),
    };
    Some((page, len))
}

/// The packets of one logical stream.
#[derive(Debug, Default)]
pub(super) struct Packets {
    next_sequence: Option<u32>,
    /// The start of a packet that goes on in the next page.
    partial: Option<Vec<u8>>,
}

impl Packets {
    /// Returns the packets that end in a page, and whether there are some missing before them.
    pub(super) fn of(&mut self, page: &Page) -> (bool, Vec<Vec<u8>>) {
        let mut is_broken = self.next_sequence.is_some_and(|next| next != page.sequence);
        self.next_sequence = Some(page.sequence.wrapping_add(1));
        let mut current = self.partial.take().filter(|_| !is_broken && page.is_continued);
        // The rest of a packet whose start is missing.
        let mut skips = page.is_continued && current.is_none();
        is_broken |= skips;
        let (mut packets, mut body) = (Vec::new(), page.body.as_slice());
        for len in &page.lacing {
            let (part, rest) = body.split_at(usize::from(*len).min(body.len()));
            body = rest;
            let packet = current.get_or_insert_default();
            if packet.len() + part.len() <= MAX_PACKET {
                packet.extend_from_slice(part);
            }
            if *len < 255 {
                let packet = current.take().unwrap_or_default();
                if !std::mem::take(&mut skips) {
                    packets.push(packet);
                }
            }
        }
        self.partial = current.filter(|_| !skips);
        (is_broken, packets)
    }
}

/// The structure of a whole file.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Structure {
    /// The times that first pages follow other ones, and the bytes behind the last page.
    later_links: u64,
    rest: u64,
}

impl Structure {
    /// Reads all pages. A file of another kind has none.
    pub(super) fn of(input: &mut Input) -> Result<Self, String> {
        let (mut structure, mut in_link) = (Self::default(), false);
        skip_tags(input)?;
        if Kind::of(input.peek(12)?) != Some(Kind::Ogg) {
            return Ok(structure);
        }
        loop {
            skip_tags(input)?;
            let begins_page = input.peek(4)?.starts_with(b"OggS");
            let (passed, page) = next_page(input)?;
            let Some(page) = page else {
                structure.rest = if begins_page { passed } else { 0 };
                return Ok(structure);
            };
            structure.later_links += u64::from(page.is_first && in_link);
            in_link = !page.is_first;
        }
    }

    pub(super) fn is_chained(&self) -> bool {
        self.later_links > 0
    }

    pub(super) fn ends_within_page(&self) -> bool {
        self.rest > 0
    }
}
