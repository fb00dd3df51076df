//! The sample formats of ALSA, written anew from their definition: the product has its own.

use std::ops::Range;

/// A sample format of ALSA whose samples are numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlsaFormat {
    /// Its name in ALSA.
    pub name: &'static str,
    /// The sample format of a buffer that holds all its bits.
    pub buffer: &'static str,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Bits, bytes, signed, big-endian.
    Linear(u32, usize, bool, bool),
    Float {
        big: bool,
    },
    Double {
        big: bool,
    },
    MuLaw,
    ALaw,
}

const fn linear(names: [&'static str; 4], bits: u32, bytes: usize, buffer: &'static str) -> [AlsaFormat; 4] {
    [
        AlsaFormat { name: names[0], buffer, kind: Kind::Linear(bits, bytes, true, false) },
        AlsaFormat { name: names[1], buffer, kind: Kind::Linear(bits, bytes, true, true) },
        AlsaFormat { name: names[2], buffer, kind: Kind::Linear(bits, bytes, false, false) },
        AlsaFormat { name: names[3], buffer, kind: Kind::Linear(bits, bytes, false, true) },
    ]
}

impl AlsaFormat {
    /// Returns all formats: integers of every width, sign and byte order, floats, laws.
    pub fn all() -> Vec<Self> {
        let of = |name, buffer, kind| Self { name, buffer, kind };
        let mut all = vec![
            of("S8", "s16", Kind::Linear(8, 1, true, false)),
            of("U8", "s16", Kind::Linear(8, 1, false, false)),
            of("MU_LAW", "s16", Kind::MuLaw),
            of("A_LAW", "s16", Kind::ALaw),
            of("FLOAT_LE", "f32", Kind::Float { big: false }),
            of("FLOAT_BE", "f32", Kind::Float { big: true }),
            of("FLOAT64_LE", "f32", Kind::Double { big: false }),
            of("FLOAT64_BE", "f32", Kind::Double { big: true }),
        ];
        all.extend(linear(["S16_LE", "S16_BE", "U16_LE", "U16_BE"], 16, 2, "s16"));
        all.extend(linear(["S18_3LE", "S18_3BE", "U18_3LE", "U18_3BE"], 18, 3, "s24"));
        all.extend(linear(["S20_3LE", "S20_3BE", "U20_3LE", "U20_3BE"], 20, 3, "s24"));
        all.extend(linear(["S20_LE", "S20_BE", "U20_LE", "U20_BE"], 20, 4, "s24"));
        all.extend(linear(["S24_3LE", "S24_3BE", "U24_3LE", "U24_3BE"], 24, 3, "s24"));
        all.extend(linear(["S24_LE", "S24_BE", "U24_LE", "U24_BE"], 24, 4, "s24"));
        all.extend(linear(["S32_LE", "S32_BE", "U32_LE", "U32_BE"], 32, 4, "s32"));
        all
    }

    /// Returns a format by its name.
    ///
    /// # Panics
    /// If there is no such format of numbers.
    pub fn named(name: &str) -> Self {
        Self::all().into_iter().find(|format| format.name == name).expect(name)
    }

    /// Encodes samples of 32 bits. The bits of a word that the format does not define are noise.
    pub fn encode(self, samples: &[i32]) -> Vec<u8> {
        samples.iter().flat_map(|sample| self.encode_one(*sample)).collect()
    }

    fn encode_one(self, sample: i32) -> Vec<u8> {
        let turned = |mut bytes: Vec<u8>, big: bool| {
            if big {
                bytes.reverse();
            }
            bytes
        };
        match self.kind {
            Kind::Linear(bits, bytes, signed, big) => {
                let offset = if signed { 0 } else { 1_i64 << (bits - 1) };
                let value = (i64::from(sample >> (32 - bits)) + offset) & ((1_i64 << bits) - 1);
                let noise = i64::from(sample.wrapping_mul(0x2545_f491)) << bits;
                turned((value | noise).to_le_bytes()[..bytes].to_vec(), big)
            }
            Kind::Float { big } => turned(((sample >> 8) as f32 / 8_388_608.0).to_le_bytes().to_vec(), big),
            Kind::Double { big } => turned((f64::from(sample) / 2_147_483_648.0).to_le_bytes().to_vec(), big),
            Kind::MuLaw | Kind::ALaw => vec![(sample >> 24) as u8],
        }
    }

    /// Returns what is left of samples of 32 bits in this format and its buffer's.
    pub fn heard(self, samples: &[i32]) -> Vec<i32> {
        samples.iter().map(|sample| self.heard_one(*sample)).collect()
    }

    fn heard_one(self, sample: i32) -> i32 {
        match self.kind {
            Kind::Linear(bits, ..) => sample >> (32 - bits) << (32 - bits),
            Kind::Float { .. } => sample >> 8 << 8,
            Kind::Double { .. } => {
                let rounded = (f64::from(sample) / 2_147_483_648.0) as f32;
                (f64::from(rounded) * 2_147_483_648.0) as i32
            }
            Kind::MuLaw => mu_law((sample >> 24) as u8) << 16,
            Kind::ALaw => a_law((sample >> 24) as u8) << 16,
        }
    }
}

/// The value of a byte of mu-law, by its definition on a scale of 14 bits, on one of 16.
fn mu_law(byte: u8) -> i32 {
    let (byte, magnitude) = (!byte, |step: i32, segment: i32| ((2 * step + 33) << segment) - 33);
    let value = 4 * magnitude(i32::from(byte & 15), i32::from(byte >> 4 & 7));
    if byte & 0x80 == 0 { value } else { -value }
}

/// The value of a byte of A-law, by its definition on a scale of 13 bits, on one of 16.
fn a_law(byte: u8) -> i32 {
    let byte = byte ^ 0x55;
    let (step, segment) = (i32::from(byte & 15), i32::from(byte >> 4 & 7));
    let value = 8 * if segment == 0 { 2 * step + 1 } else { (2 * step + 33) << (segment - 1) };
    if byte & 0x80 == 0 { -value } else { value }
}

/// The number of samples of [`noise`].
pub const NOISE_SAMPLES: usize = 16_384;

/// Returns a loop of noise of 32 bits, with the extremes among them, in which any span of a hundred
/// samples shows its position, in as few as eight bits.
pub fn noise() -> Vec<i32> {
    let mixed = (0..NOISE_SAMPLES as u32).map(|number| {
        let number = (number ^ 0x5bd1).wrapping_mul(0x85eb_ca6b);
        let number = (number ^ (number >> 13)).wrapping_mul(0xc2b2_ae35);
        (number ^ (number >> 16)).cast_signed()
    });
    let mut noise: Vec<_> = mixed.collect();
    noise[..6].copy_from_slice(&[i32::MAX, i32::MIN, 0, -1, i32::MIN, i32::MAX]);
    noise
}

/// Finds where in the loop `expected` the recorded samples begin, and returns the first that is
/// wrong; `None` if all are right.
///
/// # Errors
/// If the first hundred are nowhere.
pub fn first_wrong_of_loop(expected: &[i32], recorded: &[i32]) -> Result<Option<usize>, String> {
    let at = |start: usize, range: Range<usize>| {
        range.clone().find(|number| expected[(start + number) % expected.len()] != recorded[*number])
    };
    let known = recorded.len().min(100);
    let start = (0..expected.len()).find(|start| at(*start, 0..known).is_none());
    let start = start.ok_or_else(|| format!("{:x?} is nowhere", &recorded[..known.min(8)]))?;
    Ok(at(start, 0..recorded.len()))
}
