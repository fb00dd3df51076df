//! The result of writing a clip.

use std::path::PathBuf;

use capbuf::{Missing, SampleFormat, Timing};

/// A clip that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClipInfo {
    /// The path of the file.
    pub path: PathBuf,
    /// The number of frames.
    pub frames: u64,
    /// Frames per second.
    pub sample_rate_hz: u32,
    /// Samples per frame.
    pub channels: u16,
    /// The type of a sample in the file.
    pub format: SampleFormat,
    /// The capture time of the first frame, in ns of UTC.
    pub start_utc_ns: i64,
    /// The requested audio that is missing, by cause.
    pub missing: Missing,
    /// The size of the file.
    pub bytes: u64,
    /// The accuracy of its times: the clock and latency of its first frame, and the largest
    /// uncertainty of all.
    pub timing: Timing,
}
