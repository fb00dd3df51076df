//! The layout of uncompressed samples in a file.

use capbuf::SampleFormat;

use crate::source::encoding::Encoding;

/// The layout of samples in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) encoding: Encoding,
    /// The bits of an integer that carry the signal, at most those of its encoding.
    pub(super) bits: u32,
}

impl Layout {
    /// Returns the narrowest format that holds all samples.
    pub(super) fn sample_format(&self) -> SampleFormat {
        match (self.encoding, self.bits) {
            (Encoding::Integer { .. }, ..=16) => SampleFormat::S16,
            (Encoding::Integer { .. }, ..=24) => SampleFormat::S24,
            (encoding, _) => encoding.buffer_format(),
        }
    }

    /// Returns whether samples of fewer bits than their bytes lie in the high bits: then the low
    /// bits are zero. Otherwise the high ones repeat the sign. `None` if neither is the case.
    pub(super) fn lies_high(&self, samples: impl Iterator<Item = i32>) -> Option<bool> {
        let container_bits = 8 * self.encoding.bytes() as u32;
        let (unused, shift) = (container_bits - self.bits, 32 - container_bits);
        let (mut can_lie_high, mut can_lie_low) = (true, true);
        for sample in samples.map(|sample| sample >> shift) {
            can_lie_high &= sample.trailing_zeros() >= unused;
            can_lie_low &= sample << (unused + shift) >> (unused + shift) == sample;
        }
        if can_lie_high || can_lie_low { Some(can_lie_high) } else { None }
    }
}
