//! The spec of a buffer: length, sample rate, channels and sample format.

use std::fmt;
use std::time::Duration;

/// Highest sample rate of a buffer, in Hz.
pub const MAX_SAMPLE_RATE_HZ: u32 = 768_000;
/// Most channels of a buffer.
pub const MAX_CHANNELS: u16 = 64;
/// The largest frame: 64 channels of four bytes.
pub(crate) const MAX_FRAME_BYTES: usize = MAX_CHANNELS as usize * 4;

/// The storage of a sample: signed little-endian integers, s24 packed in three bytes, or 32-bit
/// floats in -1.0..1.0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum SampleFormat {
    /// 16-bit signed integers.
    S16 = 1,
    /// 24-bit signed integers in three bytes.
    S24 = 2,
    /// 32-bit signed integers.
    S32 = 3,
    /// 32-bit floats, full scale at ±1.0.
    F32 = 4,
}

impl SampleFormat {
    /// All formats, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::S16, Self::S24, Self::S32, Self::F32];

    /// Bytes of one sample.
    pub const fn bytes(self) -> usize {
        match self {
            Self::S16 => 2,
            Self::S24 => 3,
            Self::S32 | Self::F32 => 4,
        }
    }

    /// The name used in all languages and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::S16 => "s16",
            Self::S24 => "s24",
            Self::S32 => "s32",
            Self::F32 => "f32",
        }
    }

    pub(crate) fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|format| *format as u32 == number)
    }
}

impl fmt::Display for SampleFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The length of a buffer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Length {
    /// Seconds, rounded to whole frames.
    Seconds(f64),
    /// Frames.
    Frames(u64),
}

impl From<Duration> for Length {
    fn from(duration: Duration) -> Self {
        Self::Seconds(duration.as_secs_f64())
    }
}

/// The spec of a buffer. All callers of one source must pass equal specs.
///
/// ```
/// use capbuf::{Length, SampleFormat, Spec};
///
/// let spec = Spec::new(Length::Seconds(60.0), 48_000, 1, SampleFormat::S16)?;
/// assert_eq!(spec.length_frames(), 2_880_000);
/// assert_eq!(spec.audio_bytes(), 5_760_000);
/// assert!(Spec::new(Length::Seconds(-1.0), 48_000, 1, SampleFormat::S16).is_err());
/// # Ok::<(), capbuf::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Spec {
    length_frames: u64,
    sample_rate_hz: u32,
    channels: u16,
    format: SampleFormat,
}

impl Spec {
    /// Values that were checked before.
    pub(crate) fn of_checked(length_frames: u64, sample_rate_hz: u32, channels: u16, format: SampleFormat) -> Self {
        Self { length_frames, sample_rate_hz, channels, format }
    }

    /// Beyond all memory, and small enough that sizes computed from it do not overflow.
    pub(crate) const MAX_FRAMES: u64 = 1 << 40;

    /// Length in frames.
    pub fn length_frames(&self) -> u64 {
        self.length_frames
    }

    /// Length at the nominal rate.
    pub fn duration(&self) -> Duration {
        Duration::from_nanos(self.frames_to_ns(self.length_frames).unsigned_abs())
    }

    /// Frames per second.
    pub fn sample_rate_hz(&self) -> u32 {
        self.sample_rate_hz
    }

    /// Samples per frame.
    pub fn channels(&self) -> u16 {
        self.channels
    }

    /// The storage of a sample.
    pub fn format(&self) -> SampleFormat {
        self.format
    }

    /// Bytes of one frame.
    pub fn frame_bytes(&self) -> usize {
        self.format.bytes() * usize::from(self.channels)
    }

    /// Bytes of the audio, without header, anchors and slack.
    pub fn audio_bytes(&self) -> u64 {
        self.length_frames * self.frame_bytes() as u64
    }

    /// The nominal duration of `frames` frames in ns, saturating.
    pub(crate) fn frames_to_ns(&self, frames: u64) -> i64 {
        let ns = u128::from(frames) * 1_000_000_000 / u128::from(self.sample_rate_hz);
        i64::try_from(ns).unwrap_or(i64::MAX)
    }

    /// The number of frames nearest to `ns` at the nominal rate; zero for negative durations.
    pub(crate) fn ns_to_frames(&self, ns: i64) -> u64 {
        let ns = u128::from(ns.max(0).unsigned_abs());
        let frames = (ns * u128::from(self.sample_rate_hz) + 500_000_000) / 1_000_000_000;
        u64::try_from(frames).unwrap_or(u64::MAX)
    }
}

impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.length_frames as f64 / f64::from(self.sample_rate_hz);
        write!(
            f,
            "{} s ({} frames) of {} Hz {} x {}",
            (seconds * 1e3).round() / 1e3,
            self.length_frames,
            self.sample_rate_hz,
            self.channels,
            self.format
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixty_seconds_of_mono_are_5_76_megabytes_and_stereo_twice_that() {
        let mono = Spec::new(Length::Seconds(60.0), 48_000, 1, SampleFormat::S16).unwrap();
        let stereo = Spec::new(Length::Seconds(60.0), 48_000, 2, SampleFormat::S16).unwrap();
        assert_eq!(mono.audio_bytes(), 5_760_000);
        assert_eq!(stereo.audio_bytes(), 11_520_000);
        assert_eq!(mono.duration(), Duration::from_secs(60));
    }

    #[test]
    fn specs_out_of_range_are_refused_by_name() {
        let refused = |length, rate, channels| {
            Spec::new(length, rate, channels, SampleFormat::F32).expect_err("must be refused").to_string()
        };
        for seconds in [0.0, -1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(refused(Length::Seconds(seconds), 48_000, 1).contains("length in seconds"));
        }
        assert!(refused(Length::Seconds(1e-9), 48_000, 1).contains("at least one frame"));
        assert!(refused(Length::Seconds(f64::MAX), 48_000, 1).contains("up to"));
        assert!(refused(Length::Frames(0), 48_000, 1).contains("at least one frame"));
        assert!(refused(Length::Frames(u64::MAX), 768_000, 64).contains("up to"));
        assert!(refused(Length::Frames(1), 0, 1).contains("sample_rate_hz is 0; allowed: 1 to 768000"));
        assert!(refused(Length::Frames(1), 768_001, 1).contains("sample_rate_hz"));
        assert!(refused(Length::Frames(1), 1, 0).contains("channels is 0"));
        assert!(refused(Length::Frames(1), 1, 65).contains("channels is 65"));
    }

    #[test]
    fn largest_spec_has_a_size() {
        let spec = Spec::new(Length::Frames(Spec::MAX_FRAMES), MAX_SAMPLE_RATE_HZ, MAX_CHANNELS, SampleFormat::F32);
        assert_eq!(spec.unwrap().audio_bytes(), (1 << 40) * 256);
        let slow = Spec::new(Length::Frames(Spec::MAX_FRAMES), 1, 1, SampleFormat::S16).unwrap();
        assert_eq!(slow.duration(), Duration::from_nanos(i64::MAX as u64));
    }

    #[test]
    fn formats_are_parsed_by_name_only() {
        for format in SampleFormat::ALL {
            assert_eq!(format.name().parse::<SampleFormat>().unwrap(), format);
        }
        assert!("S16".parse::<SampleFormat>().unwrap_err().to_string().contains("s16, s24, s32, f32"));
    }
}
