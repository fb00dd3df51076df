//! A signal that tells its own position: one lost, repeated or swapped frame shows.
//!
//! Sample `i` is `i * 40503` modulo 2^16. The factor is odd, so the product can be inverted, and large, so that the
//! signal is loud and sounds like noise: nothing that works on it does so because it is quiet or smooth.

use std::ops::Range;

use crate::pcm::bytes_from_s16;

/// The number of samples after which the signal repeats: positions are known modulo this.
pub const PERIOD: u64 = 65_536;

const FACTOR: u16 = 40_503;
const INVERSE: u16 = 30_599;

/// Gives the sample at position `i`.
pub fn sample(i: u64) -> i16 {
    (i as u16).wrapping_mul(FACTOR).cast_signed()
}

/// Tells the position, modulo [`PERIOD`], of a sample.
pub fn index(sample: i16) -> u16 {
    sample.cast_unsigned().wrapping_mul(INVERSE)
}

/// Gives the samples at a span of positions.
pub fn samples(positions: Range<u64>) -> Vec<i16> {
    positions.map(sample).collect()
}

/// Finds the first sample that is not the one of its position, where they should begin at position `first`.
pub fn first_wrong(first: u64, samples: &[i16]) -> Option<usize> {
    samples.iter().zip(first..).position(|(&found, i)| found != sample(i))
}

/// A place where one sample does not follow the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Break {
    /// Which sample does not follow, counted from 0.
    pub at: usize,
    /// How many samples are missing before it, modulo [`PERIOD`]; 65535 where one is repeated.
    pub missing: u16,
}

/// Finds every place where the signal was broken; none in audio that is whole.
pub fn breaks(samples: &[i16]) -> Vec<Break> {
    let follow = samples.windows(2).enumerate();
    follow
        .map(|(i, pair)| Break { at: i + 1, missing: index(pair[1]).wrapping_sub(index(pair[0])).wrapping_sub(1) })
        .filter(|found| found.missing != 0)
        .collect()
}

/// Makes one [`PERIOD`] of the signal as little-endian 16-bit samples, which can be played in a loop.
pub fn loop_bytes() -> Vec<u8> {
    bytes_from_s16(&(0..PERIOD).map(sample).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_tells_its_position() {
        assert!((0..PERIOD).all(|i| u64::from(index(sample(i))) == i));
        let mut heard = samples(70_000..70_100);
        assert_eq!(first_wrong(70_000, &heard), None);
        heard[7] = sample(7);
        assert_eq!((first_wrong(70_000, &heard), first_wrong(70_001, &heard)), (Some(7), Some(0)));
    }

    #[test]
    fn a_lost_and_a_repeated_sample_show() {
        let mut samples: Vec<i16> = (65_000..66_000).map(sample).collect();
        assert_eq!(breaks(&samples), []);
        samples.drain(100..103);
        samples.insert(500, samples[499]);
        assert_eq!(breaks(&samples), [Break { at: 100, missing: 3 }, Break { at: 500, missing: 65_535 }]);
    }
}
