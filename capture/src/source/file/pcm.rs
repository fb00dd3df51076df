//! Samples of uncompressed audio, from bytes.

use capbuf::SampleFormat;

use super::reader::Interleaved;

/// The coding of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    /// Integers in the high bits of a container of one to four bytes; in one byte unsigned.
    Integers,
    /// Integers in the low bits of their container, and their number of bits.
    LowIntegers(u32),
    /// Floats of four or eight bytes.
    Floats,
    ALaw,
    MuLaw,
}

/// The layout of samples in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) coding: Coding,
    /// The bytes of a sample.
    pub(super) container: usize,
    /// The bits of a sample, at most those of its container.
    pub(super) bits: u32,
    pub(super) big_endian: bool,
}

impl Layout {
    /// Returns the narrowest format that holds all samples.
    pub(super) fn sample_format(&self) -> SampleFormat {
        match (self.coding, self.bits) {
            (Coding::Floats, _) => SampleFormat::F32,
            (Coding::ALaw | Coding::MuLaw, _) | (_, ..=16) => SampleFormat::S16,
            (_, ..=24) => SampleFormat::S24,
            _ => SampleFormat::S32,
        }
    }

    /// Returns the samples in `bytes`, whole containers.
    pub(super) fn decode(&self, bytes: &[u8], samples: &mut Interleaved) {
        if self.coding == Coding::Floats {
            let floats = samples.floats();
            floats.clear();
            match self.container {
                8 => floats.extend(bytes.as_chunks().0.iter().map(|bytes| f64::from_bits(self.word(*bytes)) as f32)),
                _ => floats.extend(
                    bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_bits(self.integer(bytes).cast_unsigned())),
                ),
            }
            return;
        }
        let integers = samples.integers();
        integers.clear();
        let containers = bytes.chunks_exact(self.container);
        match self.coding {
            Coding::ALaw => integers.extend(bytes.iter().map(|byte| i32::from(a_law(*byte)) << 16)),
            Coding::MuLaw => integers.extend(bytes.iter().map(|byte| i32::from(mu_law(*byte)) << 16)),
            Coding::LowIntegers(bits) => {
                let unused = 8 * self.container as u32 - bits;
                integers.extend(containers.map(|bytes| self.integer(bytes) << unused));
            }
            _ if self.container == 1 => {
                integers.extend(bytes.iter().map(|byte| i32::from(byte.wrapping_sub(0x80).cast_signed()) << 24));
            }
            _ => integers.extend(containers.map(|bytes| self.integer(bytes))),
        }
    }

    /// Returns up to four bytes as an integer, in the high bits.
    fn integer(&self, bytes: &[u8]) -> i32 {
        let mut word = [0; 4];
        if self.big_endian {
            word.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        } else {
            word.iter_mut().zip(bytes.iter().rev()).for_each(|(to, from)| *to = *from);
        }
        i32::from_be_bytes(word)
    }

    fn word(&self, bytes: [u8; 8]) -> u64 {
        if self.big_endian { u64::from_be_bytes(bytes) } else { u64::from_le_bytes(bytes) }
    }

    /// Returns whether samples of fewer bits than their container lie in its high bits: then the
    /// low bits are zero. Otherwise the high ones repeat the sign. `None` if neither is the case.
    pub(super) fn lies_high(&self, samples: impl Iterator<Item = i32>) -> Option<bool> {
        let unused = 8 * self.container as u32 - self.bits;
        let shift = 32 - 8 * self.container as u32;
        let (mut can_lie_high, mut can_lie_low) = (true, true);
        for sample in samples.map(|sample| sample >> shift) {
            can_lie_high &= sample.trailing_zeros() >= unused;
            can_lie_low &= sample << (unused + shift) >> (unused + shift) == sample;
        }
        if can_lie_high || can_lie_low { Some(can_lie_high) } else { None }
    }
}

/// ITU-T G.711, A-law.
fn a_law(byte: u8) -> i16 {
    let code = byte ^ 0x55;
    let (exponent, mantissa) = ((code >> 4) & 7, i16::from(code & 15));
    let magnitude = match exponent {
        0 => mantissa << 4 | 8,
        _ => (mantissa << 4 | 0x108) << (exponent - 1),
    };
    if code & 0x80 != 0 { magnitude } else { -magnitude }
}

/// ITU-T G.711, mu-law.
fn mu_law(byte: u8) -> i16 {
    let code = !byte;
    let magnitude = (i16::from(code & 15) << 3 | 0x84) << ((code >> 4) & 7);
    if code & 0x80 != 0 { 0x84 - magnitude } else { magnitude - 0x84 }
}
