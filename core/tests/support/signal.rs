//! A signal whose samples encode their frame numbers.

use std::ops::Range;

use capbuf::Segment;

/// Sample of frame `frame`: distinct for any two frames less than 65 536 apart.
pub fn sample(frame: u64) -> i16 {
    frame.wrapping_mul(40_503) as u16 as i16
}

pub fn signal(frames: Range<u64>) -> Vec<i16> {
    frames.map(sample).collect()
}

pub fn shorts(segment: &Segment) -> &[i16] {
    segment.samples().get::<i16>().unwrap()
}
