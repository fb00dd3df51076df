//! Samples as Rust types, and conversion between them.

use bytemuck::{Pod, Zeroable};

use crate::spec::SampleFormat;

/// A 24-bit signed sample in memory: three bytes, little-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Pod, Zeroable)]
#[repr(transparent)]
pub struct I24(pub [u8; 3]);

impl I24 {
    /// The largest value, 8 388 607.
    pub const MAX: i32 = (1 << 23) - 1;
    /// The smallest value, -8 388 608.
    pub const MIN: i32 = -(1 << 23);

    /// Converts a value, clamped to 24 bits.
    pub fn new(value: i32) -> Self {
        let [a, b, c, _] = value.clamp(Self::MIN, Self::MAX).to_le_bytes();
        Self([a, b, c])
    }

    /// The value.
    pub fn get(self) -> i32 {
        let [a, b, c] = self.0;
        i32::from_le_bytes([0, a, b, c]) >> 8
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for i16 {}
    impl Sealed for super::I24 {}
    impl Sealed for i32 {}
    impl Sealed for f32 {}
}

/// A type of samples in reads and writes: `i16`, [`I24`], `i32`, `f32`.
pub trait Sample: Pod + Default + Send + Sync + sealed::Sealed {
    /// The format whose memory is a slice of this type.
    const FORMAT: SampleFormat;

    /// Converts to a 32-bit integer, most significant bits first.
    fn to_s32(self) -> i32;
    /// Converts from the nearest 32-bit integer.
    fn from_s32(value: i32) -> Self;
    /// Converts to a float, full scale at ±1.0.
    fn to_f32(self) -> f32;
    /// Converts from the nearest float; clamped to full scale, NaN is silence.
    fn from_f32(value: f32) -> Self;
}

const S32_SCALE: f64 = 2_147_483_648.0;

impl Sample for i16 {
    const FORMAT: SampleFormat = SampleFormat::S16;

    fn to_s32(self) -> i32 {
        i32::from(self) << 16
    }
    fn from_s32(value: i32) -> Self {
        (value.saturating_add(1 << 15) >> 16) as Self
    }
    fn to_f32(self) -> f32 {
        f32::from(self) * (1.0 / 32_768.0)
    }
    fn from_f32(value: f32) -> Self {
        // A cast from float to integer saturates, and turns NaN into zero.
        (value * 32_768.0).round_ties_even() as Self
    }
}

impl Sample for I24 {
    const FORMAT: SampleFormat = SampleFormat::S24;

    fn to_s32(self) -> i32 {
        self.get() << 8
    }
    fn from_s32(value: i32) -> Self {
        Self::new(value.saturating_add(1 << 7) >> 8)
    }
    fn to_f32(self) -> f32 {
        self.get() as f32 * (1.0 / 8_388_608.0)
    }
    fn from_f32(value: f32) -> Self {
        Self::new((value * 8_388_608.0).round_ties_even() as i32)
    }
}

impl Sample for i32 {
    const FORMAT: SampleFormat = SampleFormat::S32;

    fn to_s32(self) -> i32 {
        self
    }
    fn from_s32(value: i32) -> Self {
        value
    }
    fn to_f32(self) -> f32 {
        (f64::from(self) / S32_SCALE) as f32
    }
    fn from_f32(value: f32) -> Self {
        (f64::from(value) * S32_SCALE).round_ties_even() as Self
    }
}

impl Sample for f32 {
    const FORMAT: SampleFormat = SampleFormat::F32;

    fn to_s32(self) -> i32 {
        i32::from_f32(self)
    }
    fn from_s32(value: i32) -> Self {
        value.to_f32()
    }
    fn to_f32(self) -> f32 {
        self
    }
    fn from_f32(value: f32) -> Self {
        value
    }
}

/// Converts as many samples as both slices hold, and returns their number.
///
/// Between integers bits are kept, or rounded away with saturation; to and from floats full scale
/// is ±1.0. Real-time safe: no allocation, no lock, one pass.
///
/// ```
/// let mut floats = [0.0; 3];
/// assert_eq!(capbuf::convert(&[i16::MIN, 0, 16_384], &mut floats), 3);
/// assert_eq!(floats, [-1.0, 0.0, 0.5]);
/// ```
pub fn convert<S: Sample, D: Sample>(from: &[S], to: &mut [D]) -> usize {
    // The common case of models and microphones: worth AVX2.
    if S::FORMAT == SampleFormat::S16
        && D::FORMAT == SampleFormat::F32
        && let (Ok(from), Ok(to)) = (bytemuck::try_cast_slice(from), bytemuck::try_cast_slice_mut(to))
    {
        wide::s16_to_f32(from, to);
        return from.len().min(to.len());
    }
    let through_float = S::FORMAT == SampleFormat::F32 || D::FORMAT == SampleFormat::F32;
    for (from, to) in from.iter().zip(to.iter_mut()) {
        *to = if through_float { D::from_f32(from.to_f32()) } else { D::from_s32(from.to_s32()) };
    }
    from.len().min(to.len())
}

/// The loop compiled twice; the processor decides once which is used.
mod wide {
    // For the macro, which caches the choice in an atomic that orders nothing.
    #![allow(clippy::disallowed_types)]

    use super::Sample;

    #[multiversion::multiversion(targets("x86_64+avx2"))]
    pub(super) fn s16_to_f32(from: &[i16], to: &mut [f32]) {
        for (from, to) in from.iter().zip(to) {
            *to = from.to_f32();
        }
    }
}

/// Calls a generic function with the type of a format: `with_format!(format, S => body using S)`.
macro_rules! with_format {
    ($format:expr, $S:ident => $body:expr) => {
        match $format {
            $crate::SampleFormat::S16 => {
                type $S = i16;
                $body
            }
            $crate::SampleFormat::S24 => {
                type $S = $crate::I24;
                $body
            }
            $crate::SampleFormat::S32 => {
                type $S = i32;
                $body
            }
            $crate::SampleFormat::F32 => {
                type $S = f32;
                $body
            }
        }
    };
}
pub(crate) use with_format;

#[cfg(test)]
mod tests {
    use super::*;

    fn one<S: Sample, D: Sample>(value: S) -> D {
        let mut out = [D::default()];
        assert_eq!(convert(&[value], &mut out), 1);
        out[0]
    }

    #[test]
    fn every_16_bit_value_survives_every_other_format() {
        for value in i16::MIN..=i16::MAX {
            assert_eq!(one::<I24, i16>(one::<i16, I24>(value)), value);
            assert_eq!(one::<i32, i16>(one::<i16, i32>(value)), value);
            assert_eq!(one::<f32, i16>(one::<i16, f32>(value)), value);
        }
    }

    #[test]
    fn every_24_bit_value_survives_32_bits_and_floats() {
        for value in (I24::MIN..=I24::MAX).step_by(61).chain([I24::MIN, -1, 0, 1, I24::MAX]) {
            assert_eq!(I24::new(value).get(), value);
            assert_eq!(one::<i32, I24>(one::<I24, i32>(I24::new(value))).get(), value);
            assert_eq!(one::<f32, I24>(one::<I24, f32>(I24::new(value))).get(), value);
        }
    }

    #[test]
    fn too_loud_floats_are_clamped_and_nan_is_silence() {
        assert_eq!(one::<f32, i16>(1.0), i16::MAX);
        assert_eq!(one::<f32, i16>(-7.0), i16::MIN);
        assert_eq!(one::<f32, I24>(f32::INFINITY).get(), I24::MAX);
        assert_eq!(one::<f32, i32>(f32::NEG_INFINITY), i32::MIN);
        assert_eq!(one::<f32, i16>(f32::NAN), 0);
        assert_eq!(one::<f32, I24>(f32::NAN).get(), 0);
        assert_eq!(one::<i32, i16>(i32::MAX), i16::MAX);
        assert_eq!(one::<i32, I24>(i32::MAX).get(), I24::MAX);
        assert_eq!(I24::new(i32::MIN).get(), I24::MIN);
    }

    #[test]
    fn full_scale_is_one() {
        assert_eq!(one::<i16, f32>(i16::MIN), -1.0);
        assert_eq!(one::<I24, f32>(I24::new(I24::MIN)), -1.0);
        assert_eq!(one::<i32, f32>(i32::MIN), -1.0);
        assert_eq!(one::<f32, i32>(-1.0), i32::MIN);
    }
}
