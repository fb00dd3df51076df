//! Oddities of WAV and its relatives.

use super::check::{Decoded, Files, Right, by_ffmpeg, decode, full_scale, is_refused};

const FRAMES: usize = 2000;

/// Sample `i` of a pseudorandom signal of 24 bits.
fn sample(i: usize) -> i32 {
    (i as u32).wrapping_mul(2_654_435_769).cast_signed() >> 8
}

/// A WAV file in parts, to be made odd.
#[derive(Clone)]
struct Parts {
    magic: [u8; 4],
    riff_size: Option<u32>,
    format: Vec<u8>,
    before: Vec<u8>,
    audio: Vec<u8>,
    data_size: Option<u32>,
    after: Vec<u8>,
}

impl Parts {
    /// Sixteen bits, mono, or as given.
    fn new(tag: u16, channels: u16, container: u16, bits: u16) -> Self {
        let mut format = Vec::new();
        format.extend([tag.to_le_bytes(), channels.to_le_bytes()].concat());
        format.extend(48_000_u32.to_le_bytes());
        format.extend((48_000 * u32::from(channels * container)).to_le_bytes());
        format.extend([(channels * container).to_le_bytes(), bits.to_le_bytes()].concat());
        let audio = (0..FRAMES).flat_map(|i| (sample(i) >> 8).to_le_bytes()[..2].to_vec()).collect();
        let (magic, before, after) = (*b"RIFF", Vec::new(), Vec::new());
        Self { magic, riff_size: None, format, before, audio, data_size: None, after }
    }

    fn audio(mut self, bytes: impl Iterator<Item = u8>) -> Self {
        self.audio = bytes.collect();
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = b"WAVE".to_vec();
        bytes.extend(&self.before);
        bytes.extend(chunk(b"fmt ", &self.format));
        bytes.extend(b"data");
        bytes.extend(self.data_size.unwrap_or(self.audio.len() as u32).to_le_bytes());
        bytes.extend(&self.audio);
        bytes.extend(&self.after);
        let size = self.riff_size.unwrap_or(bytes.len() as u32);
        [self.magic.as_slice(), &size.to_le_bytes(), &bytes].concat()
    }
}

fn chunk(id: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let mut bytes = [id.as_slice(), &(content.len() as u32).to_le_bytes(), content].concat();
    if content.len() % 2 == 1 {
        bytes.push(0);
    }
    bytes
}

fn ds64(size: u64) -> Vec<u8> {
    let sizes = [size + 100, size, 0].map(u64::to_le_bytes).concat();
    chunk(b"ds64", &[sizes.as_slice(), &[0; 4]].concat())
}

fn id3v2(content: usize) -> Vec<u8> {
    let size = [21, 14, 7, 0].map(|shift| (content >> shift & 0x7f) as u8);
    [b"ID3\x03\0\0".as_slice(), &size, &vec![0x55; content]].concat()
}

fn extended(mut parts: Parts, tag: u16, valid_bits: u16) -> Parts {
    parts.format[..2].copy_from_slice(&[0xfe, 0xff]);
    parts.format.extend([22, 0]);
    parts.format.extend(valid_bits.to_le_bytes());
    parts.format.extend([0; 4]);
    parts.format.extend(tag.to_le_bytes());
    parts.format.extend(b"\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71");
    parts
}

/// Sixteen bits at full scale 1.0.
fn right() -> Vec<f64> {
    (0..FRAMES).map(|i| full_scale(sample(i) >> 8 << 16)).collect()
}

struct Odd<'a> {
    files: &'a Files,
    of: &'a [f64],
}

impl Odd<'_> {
    fn decoded(&self, name: &str, bytes: &[u8]) -> Result<Decoded, String> {
        decode(&self.files.write(&format!("{}.wav", name.replace(' ', "-")), bytes))
    }

    /// All frames come out, and ffmpeg agrees.
    fn is_whole(&self, name: &str, bytes: &[u8]) {
        self.is_right(name, bytes);
        let read = by_ffmpeg(&self.files.path(&format!("{}.wav", name.replace(' ', "-"))), 1);
        let differs = read.iter().zip(self.of).position(|(a, b)| (a - b).abs() > 1e-9);
        assert_eq!((read.len(), differs), (self.of.len(), None), "{name}: ffmpeg reads something else");
    }

    /// All frames come out.
    fn is_right(&self, name: &str, bytes: &[u8]) {
        let right = Right { of: self.of, kept: vec![0..self.of.len()], reason: None, tolerance: 1e-9 };
        right.check(name, &self.decoded(name, bytes));
    }

    /// The frames come out, and then the reason why no more do.
    fn ends(&self, name: &str, bytes: &[u8], reason: &'static str) {
        let right = Right { of: self.of, kept: vec![0..self.of.len()], reason: Some(reason), tolerance: 1e-9 };
        right.check(name, &self.decoded(name, bytes));
    }

    fn is_refused(&self, name: &str, bytes: &[u8], reason: &str) {
        is_refused(name, &self.decoded(name, bytes), reason);
    }
}

#[test]
fn wrong_sizes_and_chunks_around_the_audio() {
    let files = Files::new();
    let of = right();
    let odd = Odd { files: &files, of: &of };
    let plain = Parts::new(1, 1, 2, 16);
    let size = plain.audio.len();
    odd.is_whole("plain", &plain.bytes());
    for riff_size in [0, 4, size as u32 + 28, u32::MAX] {
        odd.is_whole(&format!("RIFF size {riff_size}"), &Parts { riff_size: Some(riff_size), ..plain.clone() }.bytes());
    }
    for data_size in [0, u32::MAX, size as u32 + 1, 0x7fff_ffff, 0x8000_0000] {
        odd.is_whole(&format!("data size {data_size}"), &Parts { data_size: Some(data_size), ..plain.clone() }.bytes());
    }
    for magic in [*b"RF64", *b"BW64"] {
        let sized = |long: usize, data_size| Parts {
            magic,
            riff_size: Some(u32::MAX),
            before: ds64(long as u64),
            data_size: Some(data_size),
            after: chunk(b"LIST", b"INFO"),
            ..plain.clone()
        };
        let name = String::from_utf8_lossy(&magic).into_owned();
        odd.is_whole(&name, &sized(size, u32::MAX).bytes());
        odd.is_whole(&format!("{name} with both sizes"), &sized(size, size as u32).bytes());
        odd.is_whole(&format!("{name} with another size of 32 bits"), &sized(size, 100).bytes());
        let mut unfinished = sized(usize::MAX >> 1, u32::MAX);
        unfinished.after = Vec::new();
        odd.is_whole(&format!("{name} larger than the file"), &unfinished.bytes());
    }
    for len in [18, 20, 50] {
        let mut longer = plain.clone();
        longer.format.resize(len, 0);
        odd.is_whole(&format!("format of {len} bytes"), &longer.bytes());
    }
    odd.is_whole("extended format", &extended(plain.clone(), 1, 16).bytes());
    let around =
        [chunk(b"JUNK", &[1; 27]), chunk(b"bext", &[2; 602]), chunk(b"LIST", b"INFOISFT\x04\0\0\0abc\0")].concat();
    odd.is_whole("chunks before", &Parts { before: around.clone(), ..plain.clone() }.bytes());
    odd.is_whole("chunks behind", &Parts { after: around.clone(), ..plain.clone() }.bytes());
    let mut unpadded = chunk(b"note", &[3; 27]);
    unpadded.pop();
    odd.is_right("chunk without its padding", &Parts { before: unpadded, ..plain.clone() }.bytes());
    let tagged = [id3v2(3 << 20), plain.bytes()].concat();
    odd.is_right("ID3v2 before", &tagged);
    odd.is_whole("ID3v1 behind", &Parts { after: [b"TAG".as_slice(), &[b'x'; 125]].concat(), ..plain.clone() }.bytes());
    let mut half = plain.bytes();
    half.push(7);
    odd.is_whole(
        "half a sample behind",
        &Parts { audio: [plain.audio.as_slice(), &[7]].concat(), ..plain.clone() }.bytes(),
    );
    odd.is_whole("a byte behind", &half);
    let data = chunk(b"data", &plain.audio[size / 2..]);
    let two = Parts { after: [around, data].concat(), audio: plain.audio[..size / 2].to_vec(), ..plain.clone() };
    // ffmpeg reads the second one only.
    odd.is_right("audio in two chunks", &two.bytes());
    let empty = Parts { audio: Vec::new(), after: chunk(b"data", &plain.audio), ..plain.clone() };
    odd.is_right("empty chunk before the audio", &empty.bytes());
    let mut bits = plain.clone();
    bits.format[14..16].copy_from_slice(&[0, 0]);
    odd.is_right("bits of 0", &bits.bytes());
    let mut frame = plain.clone();
    frame.format[12..14].copy_from_slice(&[4, 0]);
    odd.is_whole("frame size that nothing confirms", &frame.bytes());
}

#[test]
fn every_coding_of_samples() {
    let files = Files::new();
    let bytes = |coded: &dyn Fn(usize) -> Vec<u8>| (0..FRAMES).flat_map(coded).collect::<Vec<_>>().into_iter();
    let check = |name: &str, parts: Parts, right: &dyn Fn(usize) -> f64, ffmpeg_agrees: bool| {
        let of: Vec<f64> = (0..FRAMES).map(right).collect();
        let odd = Odd { files: &files, of: &of };
        if ffmpeg_agrees { odd.is_whole(name, &parts.bytes()) } else { odd.is_right(name, &parts.bytes()) }
    };
    let in_24 = |i: usize| full_scale(sample(i) << 8);
    let u8s = Parts::new(1, 1, 1, 8).audio(bytes(&|i| vec![(sample(i) >> 16) as u8 ^ 0x80]));
    check("8 bits", u8s, &|i| full_scale(sample(i) >> 16 << 24), true);
    let s24 = Parts::new(1, 1, 3, 24).audio(bytes(&|i| sample(i).to_le_bytes()[..3].to_vec()));
    check("24 bits", s24.clone(), &in_24, true);
    check("20 bits in 24", extended(s24, 1, 20), &in_24, true);
    let s32 = Parts::new(1, 1, 4, 32).audio(bytes(&|i| (sample(i) << 8 | 0x5a).to_le_bytes().to_vec()));
    check("32 bits", s32, &|i| full_scale(sample(i) << 8 | 0x5a), true);
    let f32s = Parts::new(3, 1, 4, 32).audio(bytes(&|i| (in_24(i) as f32).to_le_bytes().to_vec()));
    check("floats", f32s.clone(), &in_24, true);
    check("extended floats", extended(f32s, 3, 32), &in_24, true);
    let f64s = Parts::new(3, 1, 8, 64).audio(bytes(&|i| in_24(i).to_le_bytes().to_vec()));
    check("doubles", f64s, &in_24, true);
    for (name, tag) in [("A-law", 6), ("mu-law", 7)] {
        let parts = Parts::new(tag, 1, 1, 8).audio((0..FRAMES).map(|i| i as u8));
        let path = files.write(&format!("{name}-reference.wav"), &parts.bytes());
        let reference = by_ffmpeg(&path, 1);
        check(name, parts, &|i| reference[i], true);
    }
    // ffmpeg takes 24 bits in 4 bytes for floats.
    let high = Parts::new(1, 1, 4, 24).audio(bytes(&|i| (sample(i) << 8).to_le_bytes().to_vec()));
    check("24 bits in 4 bytes", high.clone(), &in_24, false);
    check("24 bits in 4 bytes, extended", extended(high, 1, 24), &in_24, false);
    let low = Parts::new(1, 1, 4, 24).audio(bytes(&|i| sample(i).to_le_bytes().to_vec()));
    check("24 bits in the low of 4 bytes", low.clone(), &in_24, false);
    let silence = vec![0; 2 << 20];
    let audio = [silence.as_slice(), &low.audio].concat();
    let of: Vec<f64> = (0..silence.len() / 4).map(|_| 0.0).chain((0..FRAMES).map(in_24)).collect();
    Odd { files: &files, of: &of }.is_right("low behind silence", &Parts { audio, ..low }.bytes());
    // RIFX: all numbers are big-endian. ffmpeg takes the samples for little-endian ones.
    let audio = (0..FRAMES).flat_map(|i| ((sample(i) >> 8) as i16).to_be_bytes());
    let mut rifx = Parts::new(1, 1, 2, 16).audio(audio);
    rifx.magic = *b"RIFX";
    let mut bytes = rifx.bytes();
    for field in [4..8, 16..20, 20..22, 22..24, 24..28, 28..32, 32..34, 34..36, 40..44] {
        bytes[field].reverse();
    }
    let of = right();
    Odd { files: &files, of: &of }.is_right("RIFX", &bytes);
}

#[test]
fn joined_and_impossible_files() {
    let files = Files::new();
    let of = right();
    let twice = [of.clone(), of.clone()].concat();
    let (odd, joined) = (Odd { files: &files, of: &of }, Odd { files: &files, of: &twice });
    let plain = Parts::new(1, 1, 2, 16);
    joined.is_right("two files", &[plain.bytes(), plain.bytes()].concat());
    let listed = Parts { after: chunk(b"LIST", b"INFO"), ..plain.clone() };
    joined.is_right("two files with chunks between", &[listed.bytes(), id3v2(99), listed.bytes()].concat());
    let mut faster = plain.clone();
    faster.format[4..8].copy_from_slice(&96_000_u32.to_le_bytes());
    let changes = "after 2000 frames it changes from 48000 Hz with 1 channel to 96000 Hz with 1 channel";
    odd.ends("two rates", &[plain.bytes(), faster.bytes()].concat(), changes);
    odd.ends(
        "FLAC behind",
        &[plain.bytes(), b"fLaC\0\0\0\x22...".to_vec()].concat(),
        "a file of another kind follows: FLAC",
    );
    let adpcm = Parts::new(2, 1, 1, 4);
    odd.ends("ADPCM behind", &[plain.bytes(), adpcm.bytes()].concat(), "a WAV file in another coding follows");
    let longer = Parts { audio: [plain.audio.as_slice(), &[1; 200]].concat(), ..plain.clone() }.bytes();
    odd.ends(
        "cut off",
        &longer[..longer.len() - 200],
        "after 2000 frames it is cut off: its last 100 frames are missing",
    );
    odd.is_refused(
        "audio before format",
        &[b"RIFF\0\0\0\0WAVE".as_slice(), &chunk(b"data", &[1; 100])].concat(),
        "its audio comes before its format",
    );
    odd.is_refused("no audio", &plain.bytes()[..36], "it holds no audio");
    odd.is_refused("empty", &Parts { audio: Vec::new(), ..plain.clone() }.bytes(), "it holds no audio");
    odd.is_refused("cut header", &plain.bytes()[..20], "its header is cut off");
    let with = |range: std::ops::Range<usize>, bytes: &[u8]| {
        let mut parts = plain.clone();
        parts.format[range].copy_from_slice(bytes);
        parts.bytes()
    };
    odd.is_refused("0 channels", &with(2..4, &[0, 0]), "it has 0 channels; allowed: 1 to 64");
    odd.is_refused("65 channels", &with(2..4, &[65, 0]), "it has 65 channels; allowed: 1 to 64");
    odd.is_refused("0 Hz", &with(4..8, &[0; 4]), "its sample rate is 0 Hz; allowed: 1 to 768000 Hz");
    odd.is_refused("768001 Hz", &with(4..8, &768_001_u32.to_le_bytes()), "its sample rate is 768001 Hz");
    odd.is_refused(
        "short format",
        &Parts { format: vec![1, 0, 1, 0], ..plain.clone() }.bytes(),
        "in 4 bytes; at least 14 are needed",
    );
    let noise = Parts::new(1, 1, 4, 24).audio((0..FRAMES).flat_map(|i| (sample(i) << 8 | 0x5a).to_le_bytes()));
    odd.is_refused(
        "24 bits in 4 bytes that use all",
        &noise.bytes(),
        "its header says 24 bits in 4 bytes for a sample",
    );
}
