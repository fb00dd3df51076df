//! A span of audio, copied out of a buffer.

use super::span::Missing;
use crate::gap::Gap;
use crate::sample::{I24, Sample};
use crate::spec::SampleFormat;
use crate::timing::Timing;

/// Interleaved samples: frame by frame, channel by channel.
#[derive(Debug, Clone, PartialEq)]
pub enum Samples {
    /// 16-bit signed integers.
    S16(Vec<i16>),
    /// 24-bit signed integers.
    S24(Vec<I24>),
    /// 32-bit signed integers.
    S32(Vec<i32>),
    /// 32-bit floats, full scale at ±1.0.
    F32(Vec<f32>),
}

impl Samples {
    /// Number of samples: frames times channels.
    pub fn len(&self) -> usize {
        match self {
            Self::S16(samples) => samples.len(),
            Self::S24(samples) => samples.len(),
            Self::S32(samples) => samples.len(),
            Self::F32(samples) => samples.len(),
        }
    }

    /// True for no samples.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The samples, if they are of type `T`.
    ///
    /// ```
    /// let samples = capbuf::Samples::S16(vec![1, 2]);
    /// assert_eq!(samples.get::<i16>(), Some(&[1, 2][..]));
    /// assert_eq!(samples.get::<f32>(), None);
    /// ```
    pub fn get<T: Sample>(&self) -> Option<&[T]> {
        (self.format() == T::FORMAT).then(|| bytemuck::cast_slice(self.as_bytes()))
    }

    /// The memory of the samples.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::S16(samples) => bytemuck::cast_slice(samples),
            Self::S24(samples) => bytemuck::cast_slice(samples),
            Self::S32(samples) => bytemuck::cast_slice(samples),
            Self::F32(samples) => bytemuck::cast_slice(samples),
        }
    }

    /// The format of the samples.
    pub fn format(&self) -> SampleFormat {
        match self {
            Self::S16(_) => SampleFormat::S16,
            Self::S24(_) => SampleFormat::S24,
            Self::S32(_) => SampleFormat::S32,
            Self::F32(_) => SampleFormat::F32,
        }
    }
}

/// The description of a read into the caller's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Extracted {
    /// Frames in the output, silence included.
    pub frames: u64,
    /// Number of the first captured frame.
    pub first_frame: u64,
    /// One past the number of the last captured frame.
    pub end_frame: u64,
    /// Captured frames in the output: all from `first_frame` to `end_frame`, but those of an older
    /// epoch whose times a newer one has, in a span of time.
    pub captured_frames: u64,
    /// Frames of silence that fill gaps.
    pub silence_frames: u64,
    /// The time of its first frame, in ns of UTC.
    pub start_utc_ns: i64,
    /// The time at which its last frame ends, in ns of UTC.
    pub end_utc_ns: i64,
    /// Gaps inside, filled or not.
    pub gaps: u64,
    /// The missing part of a partial read.
    pub missing: Missing,
    /// The accuracy of its times: the clock and latency of its first frame, and the largest
    /// uncertainty of all.
    pub timing: Timing,
}

/// A gap inside a [`Segment`], and its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SegmentGap {
    /// The gap on the timeline.
    pub gap: Gap,
    /// The frame of the segment at which it begins.
    pub at_frame: u64,
    /// Frames of silence that fill it; zero if gaps are not filled.
    pub silence_frames: u64,
}

/// A span of audio: its samples, its place in the buffer and in time, its gaps.
#[derive(Debug, Clone, PartialEq)]
pub struct Segment {
    pub(crate) samples: Samples,
    pub(crate) extracted: Extracted,
    pub(crate) gaps: Vec<SegmentGap>,
    pub(crate) sample_rate_hz: u32,
    pub(crate) channels: u16,
}

impl Segment {
    /// The samples, interleaved: [`Segment::frames`] times [`Segment::channels`] of them.
    pub fn samples(&self) -> &Samples {
        &self.samples
    }

    /// The samples, without copying.
    pub fn into_samples(self) -> Samples {
        self.samples
    }

    /// Its description, in one value.
    pub fn extracted(&self) -> Extracted {
        self.extracted
    }

    /// Frames in it, silence included.
    pub fn frames(&self) -> u64 {
        self.extracted.frames
    }

    /// The accuracy of its times: the clock and latency of its first frame, and the largest
    /// uncertainty of all.
    pub fn timing(&self) -> Timing {
        self.extracted.timing
    }

    /// Frames of silence that fill gaps.
    pub fn silence_frames(&self) -> u64 {
        self.extracted.silence_frames
    }

    /// Number of the first captured frame.
    pub fn first_frame(&self) -> u64 {
        self.extracted.first_frame
    }

    /// One past the number of the last captured frame.
    pub fn end_frame(&self) -> u64 {
        self.extracted.end_frame
    }

    /// The time of the first frame, in ns of UTC.
    pub fn start_utc_ns(&self) -> i64 {
        self.extracted.start_utc_ns
    }

    /// The time at which the last frame ends, in ns of UTC.
    pub fn end_utc_ns(&self) -> i64 {
        self.extracted.end_utc_ns
    }

    /// The gaps inside, in order.
    pub fn gaps(&self) -> &[SegmentGap] {
        &self.gaps
    }

    /// The missing part of a partial read.
    pub fn missing(&self) -> Missing {
        self.extracted.missing
    }

    /// Frames per second.
    pub fn sample_rate_hz(&self) -> u32 {
        self.sample_rate_hz
    }

    /// Samples per frame.
    pub fn channels(&self) -> u16 {
        self.channels
    }

    /// The format of the samples: the buffer's, or the requested one.
    pub fn format(&self) -> SampleFormat {
        self.samples.format()
    }
}
