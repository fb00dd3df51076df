//! Recognition of containers by their first bytes, and of tags around them.

use super::input::Input;

/// The kind of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Wav,
    Flac,
    Ogg,
}

impl Kind {
    /// Returns the kind of the file that begins with `head`.
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        match head {
            [b'R', b'I', b'F', b'F' | b'X', _, _, _, _, b'W', b'A', b'V', b'E', ..] => Some(Self::Wav),
            [b'R', b'F', b'6', b'4', _, _, _, _, b'W', b'A', b'V', b'E', ..] => Some(Self::Wav),
            [b'B', b'W', b'6', b'4', _, _, _, _, b'W', b'A', b'V', b'E', ..] => Some(Self::Wav),
            [b'f', b'L', b'a', b'C', ..] => Some(Self::Flac),
            [b'O', b'g', b'g', b'S', ..] => Some(Self::Ogg),
            _ => None,
        }
    }

    /// Returns the reason of the end before a file of this kind.
    pub(super) fn follows(self) -> String {
        let name = match self {
            Self::Wav => "WAV",
            Self::Flac => "FLAC",
            Self::Ogg => "Ogg",
        };
        format!("a file of another kind follows: {name}")
    }
}

/// The length of the header of an ID3v2 tag.
const ID3V2_HEADER: usize = 10;
/// The length of the header, and of the footer, of an APE tag.
const APE_HEADER: usize = 32;

/// Returns the length of the tag that begins with `head`: ID3v2, ID3v1 or APE.
pub(super) fn tag_len(head: &[u8]) -> Option<u64> {
    match head {
        [b'I', b'D', b'3', version, revision, flags, size @ ..] if *version < 0xff && *revision < 0xff => {
            let size = size.first_chunk::<4>().filter(|size| size.iter().all(|byte| *byte < 0x80))?;
            let size = size.iter().fold(0_u64, |size, byte| size << 7 | u64::from(*byte));
            let footer = if flags & 0x10 != 0 { ID3V2_HEADER } else { 0 };
            Some((ID3V2_HEADER + footer) as u64 + size)
        }
        [b'T', b'A', b'G', rest @ ..] => {
            // These are three letters of anything but at the end, or before a tag or another file.
            let next = rest.get(125..)?;
            let is_tag =
                next.is_empty() || next.starts_with(&[0xff]) || Kind::of(next).is_some() || tag_len(next).is_some();
            is_tag.then_some(128)
        }
        [b'A', b'P', b'E', b'T', b'A', b'G', b'E', b'X', rest @ ..] => {
            // The size counts the items and the footer, in the header as in the footer.
            let (size, flags) = (rest.get(4..8)?, rest.get(12..16)?);
            let size = u64::from(u32::from_le_bytes(size.try_into().ok()?));
            let is_header = u32::from_le_bytes(flags.try_into().ok()?) & (1 << 29) != 0;
            Some(APE_HEADER as u64 + if is_header { size } else { 0 })
        }
        _ => None,
    }
}

/// Skips tags at the position, of any size, and the zeros that pad them.
pub(super) fn skip_tags(input: &mut Input) -> Result<(), String> {
    let mut after_tag = false;
    loop {
        let head = input.peek(512)?;
        if let Some(len) = tag_len(head) {
            input.skip(len)?;
            after_tag = true;
            continue;
        }
        // Zeros alone are no tag: raw audio may begin with them. They are not even counted, as this
        // is called for each byte of a file's padding.
        if !after_tag {
            return Ok(());
        }
        let zeros = head.iter().take_while(|byte| **byte == 0).count();
        if zeros == 0 {
            return Ok(());
        }
        // An MP4 file begins with three zeros.
        let is_mp4 = head.get(zeros + 1..).is_some_and(|next| next.starts_with(b"ftyp"));
        input.consume(if is_mp4 { zeros.saturating_sub(3) } else { zeros });
        if is_mp4 {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id3v2(content: usize) -> Vec<u8> {
        let size = [21, 14, 7, 0].map(|shift| (content >> shift & 0x7f) as u8);
        [b"ID3\x04\0\0".as_slice(), &size, &vec![0xff; content]].concat()
    }

    #[test]
    fn tags_of_any_size_and_number_are_skipped() {
        for tags in [vec![], vec![id3v2(0)], vec![id3v2(5_000_000)], vec![id3v2(100), id3v2(3 << 20), vec![0; 700]]] {
            let bytes = [tags.concat(), b"fLaC and so on".to_vec()].concat();
            let mut input = Input::new(Box::new(std::io::Cursor::new(bytes))).expect("bytes");
            skip_tags(&mut input).expect("read");
            assert_eq!(Kind::of(input.peek(12).expect("read")), Some(Kind::Flac));
        }
    }

    #[test]
    fn tags_behind_audio_are_recognized() {
        let id3v1 = [b"TAG".as_slice(), &[b' '; 125]].concat();
        assert_eq!(tag_len(&id3v1), Some(128));
        assert_eq!(tag_len(&[id3v1.clone(), id3v2(5)].concat()), Some(128), "between joined files");
        assert_eq!(tag_len(&[id3v1, vec![7]].concat()), None, "three letters of audio");
        let ape = |size: u32, flags: u32| {
            [b"APETAGEX\xd0\x07\0\0".as_slice(), &size.to_le_bytes(), &[1, 0, 0, 0], &flags.to_le_bytes(), &[0; 8]]
                .concat()
        };
        assert_eq!(tag_len(&ape(132, 1 << 31 | 1 << 29)), Some(164));
        assert_eq!(tag_len(&ape(132, 1 << 31)), Some(32), "the footer");
    }
}
