//! The encodings in which devices and uncompressed files have their samples.

use capbuf::{Sample, SampleFormat};

/// The encoding of a sample, as ALSA defines them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// An integer in the low `bits` bits of `bytes` bytes; the bits above are undefined.
    Integer { bits: u8, bytes: u8, signed: bool, order: ByteOrder },
    /// A float of 32 bits, full scale at ±1.0.
    Float(ByteOrder),
    /// A float of 64 bits.
    Double(ByteOrder),
    /// A byte in the mu-law of ITU-T G.711.
    MuLaw,
    /// A byte in the A-law of ITU-T G.711.
    ALaw,
}

/// The order of the bytes of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ByteOrder {
    Little,
    Big,
}

impl ByteOrder {
    pub(crate) const NATIVE: Self = if cfg!(target_endian = "little") { Self::Little } else { Self::Big };

    pub(crate) fn u16(self, bytes: [u8; 2]) -> u16 {
        match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        }
    }

    pub(crate) fn u32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        }
    }
}

impl Encoding {
    /// Returns the encoding of a buffer's samples.
    pub(crate) const fn of_buffer(format: SampleFormat) -> Self {
        match format {
            SampleFormat::S24 => Self::little_endian(format),
            SampleFormat::S16 => Self::signed(2, ByteOrder::NATIVE),
            SampleFormat::S32 => Self::signed(4, ByteOrder::NATIVE),
            SampleFormat::F32 => Self::Float(ByteOrder::NATIVE),
        }
    }

    /// Returns the encoding of a sample format in little-endian bytes.
    pub(crate) const fn little_endian(format: SampleFormat) -> Self {
        match format {
            SampleFormat::S16 => Self::signed(2, ByteOrder::Little),
            SampleFormat::S24 => Self::signed(3, ByteOrder::Little),
            SampleFormat::S32 => Self::signed(4, ByteOrder::Little),
            SampleFormat::F32 => Self::Float(ByteOrder::Little),
        }
    }

    /// Returns the encoding of signed integers that fill their bytes.
    pub(crate) const fn signed(bytes: u8, order: ByteOrder) -> Self {
        Self::Integer { bits: 8 * bytes, bytes, signed: true, order }
    }

    /// Returns the smallest sample format of a buffer that holds every value.
    ///
    /// A 64-bit float is rounded to 32 bits, which keep 24 bits of every level.
    pub(crate) fn buffer_format(self) -> SampleFormat {
        match self {
            Self::Float(_) | Self::Double(_) => SampleFormat::F32,
            _ if self.bits() <= 16 => SampleFormat::S16,
            _ if self.bits() <= 24 => SampleFormat::S24,
            _ => SampleFormat::S32,
        }
    }

    /// Returns the number of bytes of a sample.
    pub(crate) fn bytes(self) -> usize {
        match self {
            Self::Integer { bytes, .. } => usize::from(bytes),
            Self::Float(_) => 4,
            Self::Double(_) => 8,
            Self::MuLaw | Self::ALaw => 1,
        }
    }

    /// Returns the order of preference for a buffer of the format `wanted`: the lowest is the one
    /// that loses least, and of those that lose nothing the smallest.
    pub(crate) fn rank(self, wanted: SampleFormat) -> (bool, bool, u8, bool) {
        let (bits, needed) = (self.bits(), Self::of_buffer(wanted).bits());
        let (loses, is_float) = (bits < needed, matches!(self, Self::Float(_) | Self::Double(_)));
        let is_decoded = self != Self::of_buffer(self.buffer_format());
        match wanted {
            SampleFormat::F32 => (!is_float, loses, if is_float { bits } else { u8::MAX - bits }, is_decoded),
            // Of equal bits, integers are the more exact.
            _ if loses => (true, false, 2 * (needed - bits) + u8::from(is_float), is_decoded),
            _ => (false, is_float, bits - needed, is_decoded),
        }
    }

    /// Returns the number of bits that carry the signal at full scale.
    fn bits(self) -> u8 {
        match self {
            Self::Integer { bits, .. } => bits,
            Self::Float(_) => 24,
            Self::Double(_) => 53,
            Self::MuLaw => 14,
            Self::ALaw => 13,
        }
    }

    /// Converts as many samples as both slices hold, and returns their number. Exact if the format
    /// of `D` has as many bits. Real-time safe: no allocation, no lock, one pass.
    pub(crate) fn decode<D: Sample>(self, from: &[u8], to: &mut [D]) -> usize {
        match self {
            Self::Integer { bits, bytes, signed, order } => {
                let decode = |word: u32| {
                    // Moves the sign to the top, which drops the undefined bits.
                    let word = word << (32 - u32::from(bits));
                    let word = if signed { word } else { word ^ (1 << 31) };
                    D::from_s32(word.cast_signed())
                };
                match bytes {
                    1 => each(from, to, |bytes: [u8; 1]| decode(word(bytes, order))),
                    2 => each(from, to, |bytes: [u8; 2]| decode(word(bytes, order))),
                    3 => each(from, to, |bytes: [u8; 3]| decode(word(bytes, order))),
                    _ => each(from, to, |bytes: [u8; 4]| decode(word(bytes, order))),
                }
            }
            Self::Float(order) => each(from, to, |bytes: [u8; 4]| D::from_f32(f32::from_bits(word(bytes, order)))),
            Self::Double(order) => each(from, to, |bytes: [u8; 8]| {
                let value = match order {
                    ByteOrder::Little => f64::from_le_bytes(bytes),
                    ByteOrder::Big => f64::from_be_bytes(bytes),
                };
                match D::FORMAT {
                    SampleFormat::F32 => D::from_f32(value as f32),
                    // A cast from float to integer saturates, and turns NaN into zero.
                    _ => D::from_s32((value * 2_147_483_648.0).round_ties_even() as i32),
                }
            }),
            Self::MuLaw => each(from, to, |[byte]| D::from_s32(i32::from(mu_law(byte)) << 16)),
            Self::ALaw => each(from, to, |[byte]| D::from_s32(i32::from(a_law(byte)) << 16)),
        }
    }
}

fn each<const N: usize, D>(from: &[u8], to: &mut [D], decode: impl Fn([u8; N]) -> D) -> usize {
    let from = from.as_chunks::<N>().0;
    for (from, to) in from.iter().zip(to.iter_mut()) {
        *to = decode(*from);
    }
    from.len().min(to.len())
}

/// Returns up to four bytes as a number.
fn word<const N: usize>(bytes: [u8; N], order: ByteOrder) -> u32 {
    let add = |word: u32, byte: &u8| (word << 8) | u32::from(*byte);
    match order {
        ByteOrder::Little => bytes.iter().rev().fold(0, add),
        ByteOrder::Big => bytes.iter().fold(0, add),
    }
}

/// Decodes mu-law: sign, exponent and mantissa, all bits inverted.
fn mu_law(byte: u8) -> i16 {
    const BIAS: i16 = 0x84;
    let byte = !byte;
    let magnitude = ((i16::from(byte & 0x0f) << 3) + BIAS) << ((byte & 0x70) >> 4);
    if byte & 0x80 == 0 { magnitude - BIAS } else { BIAS - magnitude }
}

/// Decodes A-law: sign, exponent and mantissa, every other bit inverted.
fn a_law(byte: u8) -> i16 {
    let byte = byte ^ 0x55;
    let (exponent, mantissa) = ((byte & 0x70) >> 4, i16::from(byte & 0x0f) << 4);
    let magnitude = match exponent {
        0 => mantissa + 8,
        _ => (mantissa + 0x108) << (exponent - 1),
    };
    if byte & 0x80 == 0 { -magnitude } else { magnitude }
}

#[cfg(test)]
mod tests {
    use capbuf::I24;

    use super::*;

    fn integer(bits: u8, bytes: u8, signed: bool, order: ByteOrder) -> Encoding {
        Encoding::Integer { bits, bytes, signed, order }
    }

    fn decoded<D: Sample>(format: Encoding, bytes: &[u8]) -> D {
        let mut to = [D::default()];
        assert_eq!(format.decode(bytes, &mut to), 1);
        to[0]
    }

    #[test]
    fn integers_of_every_layout_keep_all_their_bits() {
        for order in [ByteOrder::Little, ByteOrder::Big] {
            for signed in [true, false] {
                for (bits, bytes) in [(8, 1), (16, 2), (18, 3), (20, 3), (24, 3), (20, 4), (24, 4), (32, 4)] {
                    let format = integer(bits, bytes, signed, order);
                    let half = 1_i64 << (bits - 1);
                    for value in [-half, -half + 1, -2, -1, 0, 1, 2, half / 3, half - 1] {
                        let stored = if signed { value } else { value + half };
                        // The bits above are undefined: zeros, ones, or a sign.
                        for above in [0, -1_i64 << bits] {
                            let stored = (stored & ((1 << bits) - 1)) | above;
                            let mut raw = stored.to_le_bytes()[..usize::from(bytes)].to_vec();
                            if order == ByteOrder::Big {
                                raw.reverse();
                            }
                            let expected = value << (32 - bits);
                            assert_eq!(i64::from(decoded::<i32>(format, &raw)), expected, "{format:?}: {raw:x?}");
                            if bits <= 24 {
                                assert_eq!(i64::from(decoded::<I24>(format, &raw).get()), expected >> 8, "{format:?}");
                            }
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn floats_of_both_orders_are_exact_and_clamped() {
        for value in [0.0, -0.25, 0.999_969_5, 1.5_f32] {
            let (single, double) = (value.to_le_bytes(), f64::from(value).to_le_bytes());
            let reversed = |bytes: &[u8]| bytes.iter().rev().copied().collect::<Vec<_>>();
            for (format, raw) in [
                (Encoding::Float(ByteOrder::Little), single.to_vec()),
                (Encoding::Float(ByteOrder::Big), reversed(&single)),
                (Encoding::Double(ByteOrder::Little), double.to_vec()),
                (Encoding::Double(ByteOrder::Big), reversed(&double)),
            ] {
                assert_eq!(decoded::<f32>(format, &raw), value, "{format:?}");
                assert_eq!(decoded::<i32>(format, &raw), i32::from_f32(value), "{format:?}");
            }
        }
        let tiny = (-1.0 / 2_147_483_648.0_f64).to_le_bytes();
        assert_eq!(decoded::<i32>(Encoding::Double(ByteOrder::Little), &tiny), -1);
        assert_eq!(decoded::<i16>(Encoding::Double(ByteOrder::Little), &f64::NAN.to_le_bytes()), 0);
    }

    #[test]
    fn laws_have_the_values_of_their_tables() {
        let mu_law = |byte: u8| decoded::<i16>(Encoding::MuLaw, &[byte]);
        let a_law = |byte: u8| decoded::<i16>(Encoding::ALaw, &[byte]);
        assert_eq!(
            [0x00, 0x0f, 0x10, 0x7e, 0x7f, 0x80, 0xff, 0xfe].map(mu_law),
            [-32_124, -16_764, -15_996, -8, 0, 32_124, 0, 8]
        );
        assert_eq!(
            [0x2a, 0x00, 0x55, 0x54, 0xd5, 0xd4, 0x80, 0xaa].map(a_law),
            [-32_256, -5_504, -8, -24, 8, 24, 5_504, 32_256]
        );
        // Symmetric, and each magnitude occurs once.
        for law in [Encoding::MuLaw, Encoding::ALaw] {
            let mut values: Vec<i16> = (0..=255).map(|byte| decoded(law, &[byte])).collect();
            assert!((0..128).all(|byte| values[byte] == -values[byte + 128]));
            values.sort_unstable();
            values.dedup();
            assert_eq!(values.len(), if law == Encoding::MuLaw { 255 } else { 256 });
        }
    }

    #[test]
    fn buffer_format_holds_all_bits() {
        for (bits, bytes, expected) in [
            (8, 1, SampleFormat::S16),
            (16, 2, SampleFormat::S16),
            (18, 3, SampleFormat::S24),
            (20, 4, SampleFormat::S24),
            (24, 4, SampleFormat::S24),
            (32, 4, SampleFormat::S32),
        ] {
            assert_eq!(integer(bits, bytes, false, ByteOrder::Big).buffer_format(), expected);
        }
        for format in [SampleFormat::S16, SampleFormat::S24, SampleFormat::S32, SampleFormat::F32] {
            assert_eq!(Encoding::of_buffer(format).buffer_format(), format);
            assert_eq!(Encoding::of_buffer(format).bytes(), format.bytes());
        }
        assert_eq!(Encoding::Double(ByteOrder::Big).buffer_format(), SampleFormat::F32);
        assert_eq!(Encoding::ALaw.buffer_format(), SampleFormat::S16);
    }

    #[test]
    fn incomplete_sample_is_left() {
        let mut to = [0_i16; 4];
        assert_eq!(integer(24, 3, true, ByteOrder::Little).decode(&[0, 0, 1, 0, 0, 2, 0], &mut to), 2);
        assert_eq!(to, [256, 512, 0, 0]);
    }
}
