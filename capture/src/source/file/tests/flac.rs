//! Oddities of FLAC.

use std::ops::Range;

use super::check::{Files, Right, by_ffmpeg, decode, is_refused, made};
use crate::source::file::flac_frame::{FrameHeader, MAX_HEADER, Stream};

const BLOCK: usize = 4096;
const FRAMES: usize = 44_100;
/// The position of the description of the stream.
const INFO: usize = 8;

/// A FLAC file in parts.
struct Parts {
    header: Vec<u8>,
    frames: Vec<Vec<u8>>,
}

impl Parts {
    fn of(bytes: &[u8]) -> Self {
        let mut at = 4;
        loop {
            let (is_last, size) =
                (bytes[at] & 0x80 != 0, u32::from_be_bytes([0, bytes[at + 1], bytes[at + 2], bytes[at + 3]]));
            at += 4 + size as usize;
            if is_last {
                break;
            }
        }
        let stream = Stream::parse(&bytes[INFO..]).expect("a stream");
        let mut starts = Vec::new();
        for start in at..bytes.len() {
            let header = FrameHeader::parse(&bytes[start..bytes.len().min(start + MAX_HEADER)], &stream);
            if header.is_some_and(|header| header.first_frame(BLOCK as u64) == (starts.len() * BLOCK) as u64) {
                starts.push(start);
            }
        }
        let ends = starts.iter().skip(1).copied().chain([bytes.len()]);
        let frames: Vec<_> = starts.iter().zip(ends).map(|(start, end)| bytes[*start..end].to_vec()).collect();
        assert_eq!((starts[0], frames.len()), (at, FRAMES.div_ceil(BLOCK)));
        Self { header: bytes[..at].to_vec(), frames }
    }

    fn bytes(&self) -> Vec<u8> {
        [self.header.as_slice(), &self.frames.concat()].concat()
    }

    /// Returns the file with an edit of its header.
    fn with_header(&self, edit: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
        let mut header = self.header.clone();
        edit(&mut header);
        [header, self.frames.concat()].concat()
    }

    /// Returns the file with an edit of its frames.
    fn with_frames(&self, edit: impl Fn(&mut Vec<Vec<u8>>)) -> Vec<u8> {
        let mut frames = self.frames.clone();
        edit(&mut frames);
        [self.header.clone(), frames.concat()].concat()
    }
}

/// Returns the frames of audio of some blocks.
fn blocks(range: Range<usize>) -> Range<usize> {
    range.start * BLOCK..(range.end * BLOCK).min(FRAMES)
}

fn id3v1() -> Vec<u8> {
    [b"TAG".as_slice(), &[b'x'; 125]].concat()
}

/// Sets the number of frames in the header.
fn set_total(header: &mut [u8], total: u32) {
    header[INFO + 13] &= 0xf0;
    header[INFO + 14..INFO + 18].copy_from_slice(&total.to_be_bytes());
}

#[test]
fn oddities() {
    let files = Files::new();
    let options = ["-c:a", "flac", "-sample_fmt", "s16", "-frame_size", "4096"];
    let original = made(&files, "original.flac", &options);
    let of = by_ffmpeg(&original, 2);
    assert_eq!(of.len(), 2 * FRAMES);
    let parts = Parts::of(&std::fs::read(&original).expect("a file"));
    let last = parts.frames.len() - 1;
    let twice = [of.as_slice(), &of].concat();
    let mono = std::fs::read(made(&files, "mono.flac", &[&["-ac", "1"], options.as_slice()].concat())).expect("a file");

    let check_all = |name: &str, bytes: &[u8], of: &[f64], kept: &[Range<usize>], reason: Option<&'static str>| {
        let found = decode(&files.write(&format!("{}.flac", name.replace(' ', "-")), bytes));
        Right { of, kept: kept.to_vec(), reason, tolerance: 0.0 }.check(name, &found);
    };
    let check = |name: &str, bytes: &[u8], kept: &[Range<usize>], reason: Option<&'static str>| {
        check_all(name, bytes, &of, kept, reason);
    };
    let all = [0..FRAMES];
    let whole = |name: &str, bytes: &[u8]| check(name, bytes, &all, None);
    let block = |id: u8, content: &[u8]| [&[id], &(content.len() as u32).to_be_bytes()[1..], content].concat();

    whole("plain", &parts.bytes());
    whole("least block of 0", &parts.with_header(|header| header[INFO..INFO + 2].fill(0)));
    whole(
        "largest block too small",
        &parts.with_header(|header| header[INFO..INFO + 4].copy_from_slice(&[0, 16, 0, 16])),
    );
    whole("largest block too large", &parts.with_header(|header| header[INFO..INFO + 4].fill(0xff)));
    whole(
        "wrong sizes of frames",
        &parts.with_header(|header| header[INFO + 4..INFO + 10].copy_from_slice(&[0, 0, 1, 0, 0, 2])),
    );
    whole("wrong MD5", &parts.with_header(|header| header[INFO + 18..INFO + 34].fill(0xee)));
    whole("unknown total", &parts.with_header(|header| set_total(header, 0)));
    for len in [100, 3 << 20] {
        let size = [21, 14, 7, 0].map(|shift| (len >> shift & 0x7f) as u8);
        let tag = [b"ID3\x04\0\0".as_slice(), &size, &vec![0xff; len]].concat();
        whole(&format!("ID3v2 of {len} bytes"), &[tag, parts.bytes()].concat());
    }
    whole("ID3v1", &[parts.bytes(), id3v1()].concat());
    let ape = [b"APETAGEX\xd0\x07\0\0".as_slice(), &[64, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xa0], &[0; 8 + 64]].concat();
    whole("APE", &[parts.bytes(), ape, id3v1()].concat());
    whole("zeros behind", &[parts.bytes(), vec![0; 5000]].concat());
    whole("something unknown behind", &[parts.bytes(), b"no audio ".repeat(100)].concat());
    let picture = [block(6, &[0; 1 << 20]), block(42, &[1; 77]), block(1, &[0; 5000])].concat();
    whole("large and unknown metadata", &parts.with_header(|header| drop(header.splice(42..42, picture.clone()))));
    whole("something between two frames", &parts.with_frames(|frames| frames.insert(5, b"no frame".repeat(50))));
    whole("a frame twice", &parts.with_frames(|frames| frames.insert(5, frames[4].clone())));

    let flip = |frame: usize| {
        move |frames: &mut Vec<Vec<u8>>| {
            let at = frames[frame].len() / 2;
            frames[frame][at] ^= 0x10;
        }
    };
    check("flip in the middle", &parts.with_frames(flip(5)), &[blocks(0..5), blocks(6..11)], None);
    check("flip in the first frame", &parts.with_frames(flip(0)), &[blocks(1..11)], None);
    let missing = "its last 3140 frames are missing";
    check("flip in the last frame", &parts.with_frames(flip(last)), &[blocks(0..10)], Some(missing));
    check("flip in a header", &parts.with_frames(|frames| frames[3][5] ^= 1), &[blocks(0..3), blocks(4..11)], None);
    check("flip in a sync code", &parts.with_frames(|frames| frames[3][0] ^= 1), &[blocks(0..3), blocks(4..11)], None);
    check("frame cut out", &parts.with_frames(|frames| drop(frames.remove(7))), &[blocks(0..7), blocks(8..11)], None);
    check(
        "frames cut out in two places",
        &parts.with_frames(|frames| {
            frames.drain(6..8);
            frames.drain(1..4);
        }),
        &[blocks(0..1), blocks(4..6), blocks(8..11)],
        None,
    );
    check("first half cut out", &parts.with_frames(|frames| drop(frames.drain(..5))), &[blocks(5..11)], None);
    check(
        "last frames cut off",
        &parts.with_frames(|frames| frames.truncate(8)),
        &[blocks(0..8)],
        Some("its last 11332 frames"),
    );
    let cut = |len: usize| move |frames: &mut Vec<Vec<u8>>| frames[last].truncate(len);
    check("cut within a frame", &parts.with_frames(cut(700)), &[blocks(0..10)], Some(missing));
    let mut unknown = parts.with_frames(cut(700));
    set_total(&mut unknown, 0);
    check("cut within a frame of an unknown total", &unknown, &[blocks(0..10)], Some(missing));
    check(
        "total too large",
        &parts.with_header(|header| set_total(header, 44_200)),
        &all,
        Some("its last 100 frames are missing"),
    );
    let damaged = parts.with_frames(|frames| frames[4..7].iter_mut().for_each(|frame| frame.fill(0xff)));
    check("three frames overwritten", &damaged, &[blocks(0..4), blocks(7..11)], None);

    check_all("two files", &[parts.bytes(), parts.bytes()].concat(), &twice, &[0..2 * FRAMES], None);
    check_all(
        "two files with tags",
        &[parts.bytes(), id3v1(), parts.bytes(), id3v1()].concat(),
        &twice,
        &[0..2 * FRAMES],
        None,
    );
    check_all(
        "frames of a second file",
        &[parts.bytes(), parts.frames.concat()].concat(),
        &twice,
        &[0..2 * FRAMES],
        None,
    );
    let gapped = [parts.with_frames(|frames| frames.truncate(10)), parts.bytes()].concat();
    check_all("two files, the first cut off", &gapped, &twice, &[0..10 * BLOCK, FRAMES..2 * FRAMES], None);
    let changes = "after 44100 frames it changes from 44100 Hz with 2 channels to 44100 Hz with 1 channel";
    check("mono behind", &[parts.bytes(), mono].concat(), &all, Some(changes));
    let follows = "after 44100 frames a file of another kind follows: WAV";
    check("WAV behind", &[parts.bytes(), b"RIFF\0\0\0\0WAVEfmt ".to_vec()].concat(), &all, Some(follows));

    let refused = |name: &str, bytes: &[u8], reason: &str| {
        is_refused(name, &decode(&files.write(&format!("{}.flac", name.replace(' ', "-")), bytes)), reason);
    };
    refused("header cut off", &parts.header[..30], "its header");
    refused("no frames", &parts.header, "it holds no audio");
    refused("no description", &parts.with_header(|header| header[4] = 1), "its header does not describe the stream");
    refused(
        "rate of 0",
        &parts.with_header(|header| header[INFO + 10..INFO + 13].copy_from_slice(&[0, 0, 2])),
        "sample rate is 0 Hz",
    );
    refused("damaged header", &parts.with_header(|header| header[4] = 0x7f), "its header is damaged");
}

#[test]
fn every_width_and_rate() {
    let files = Files::new();
    for (name, options, channels) in [
        ("s24.flac", ["-sample_fmt", "s32"].as_slice(), 2),
        ("strange-rate.flac", &["-ar", "11111", "-sample_fmt", "s16"], 2),
        ("high-rate.flac", &["-ar", "192000", "-sample_fmt", "s16"], 2),
        ("mono.flac", &["-ac", "1", "-sample_fmt", "s16", "-frame_size", "16"], 1),
        ("six-channels.flac", &["-ac", "6", "-sample_fmt", "s16"], 6),
        ("long-blocks.flac", &["-frame_size", "65535", "-sample_fmt", "s32"], 2),
    ] {
        let path = made(&files, name, options);
        let of = by_ffmpeg(&path, channels);
        Right { of: &of, kept: vec![0..of.len() / channels], reason: None, tolerance: 0.0 }.check(name, &decode(&path));
    }
}
