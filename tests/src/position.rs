//! A signal that encodes its own position, so that each lost, repeated or swapped frame is seen.
//!
//! Sample `i` is `i * 40503` modulo 2^16. The factor is odd, so the product can be inverted, and
//! large, so the signal is loud noise: no code passes because its input is quiet or smooth.

use std::ops::Range;

use crate::pcm::bytes_from_s16;

/// The period of the signal: positions are known modulo this.
pub const PERIOD: u64 = 65_536;

const FACTOR: u16 = 40_503;
const INVERSE: u16 = 30_599;

/// Returns the sample at position `i`.
pub fn sample(i: u64) -> i16 {
    (i as u16).wrapping_mul(FACTOR).cast_signed()
}

/// Returns the position of a sample, modulo [`PERIOD`].
pub fn index(sample: i16) -> u16 {
    sample.cast_unsigned().wrapping_mul(INVERSE)
}

/// Returns the samples of a span of positions.
pub fn samples(positions: Range<u64>) -> Vec<i16> {
    positions.map(sample).collect()
}

/// Finds the first wrong sample of those that should begin at position `first`.
pub fn first_wrong(first: u64, samples: &[i16]) -> Option<usize> {
    samples.iter().zip(first..).position(|(&found, i)| found != sample(i))
}

/// A sample that does not follow the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Break {
    /// The sample's index.
    pub at: usize,
    /// The number of samples missing before it, modulo [`PERIOD`]; 65535 if it is repeated.
    pub missing: u16,
}

/// Finds every break of the signal.
pub fn breaks(samples: &[i16]) -> Vec<Break> {
    let follow = samples.windows(2).enumerate();
    follow
        .map(|(i, pair)| Break { at: i + 1, missing: index(pair[1]).wrapping_sub(index(pair[0])).wrapping_sub(1) })
        .filter(|found| found.missing != 0)
        .collect()
}

/// Returns one [`PERIOD`] of the signal as little-endian bytes, which can be played in a loop.
pub fn loop_bytes() -> Vec<u8> {
    bytes_from_s16(&(0..PERIOD).map(sample).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn index_inverts_sample() {
        assert!((0..PERIOD).all(|i| u64::from(index(sample(i))) == i));
    }

    #[test]
    fn first_wrong_sample_is_found() {
        let mut heard = samples(70_000..70_100);
        assert_eq!(first_wrong(70_000, &heard), None);
        heard[7] = sample(7);
        assert_eq!(first_wrong(70_000, &heard), Some(7));
        assert_eq!(first_wrong(70_001, &heard), Some(0));
    }

    #[test]
    fn lost_and_repeated_samples_are_breaks() {
        let mut samples: Vec<i16> = (65_000..66_000).map(sample).collect();
        assert_eq!(breaks(&samples), []);
        samples.drain(100..103);
        samples.insert(500, samples[499]);
        assert_eq!(breaks(&samples), [Break { at: 100, missing: 3 }, Break { at: 500, missing: 65_535 }]);
    }
}
