//! Constructors of sources and specs: invalid values are refused before anything is allocated.

use std::str::FromStr;

use crate::error::{Error, Result};
use crate::source::{MAX_SOURCE_BYTES, Source, redact};
use crate::spec::{Length, MAX_CHANNELS, MAX_SAMPLE_RATE_HZ, SampleFormat, Spec};

impl Source {
    /// Checks a name.
    ///
    /// # Errors
    /// [`Error::InvalidSource`] if it is empty, longer than [`MAX_SOURCE_BYTES`] or holds control
    /// characters.
    pub fn new(name: &str) -> Result<Self> {
        check_source(name)?;
        Ok(Self::of_checked(name))
    }
}

/// Checks the name of a source.
pub(crate) fn check_source(name: &str) -> Result<()> {
    let reason = if name.is_empty() {
        "it is empty; allowed are 1 to 1024 bytes"
    } else if name.len() > MAX_SOURCE_BYTES {
        "it is too long; allowed are 1 to 1024 bytes"
    } else if name.chars().any(char::is_control) {
        "it holds control characters"
    } else {
        return Ok(());
    };
    let shown: String = redact(name).escape_debug().take(80).collect();
    Err(Error::InvalidSource { given: format!("\"{shown}\""), reason })
}

impl FromStr for SampleFormat {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|format| format.name() == name)
            .ok_or_else(|| Error::invalid("sample format", format!("{name:?}"), "s16, s24, s32, f32"))
    }
}

impl Spec {
    /// Checks the values of a spec.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a length that is not positive and finite or too large, a rate
    /// outside 1 Hz to 768 kHz, or other than 1 to 64 channels.
    pub fn new(length: Length, sample_rate_hz: u32, channels: u16, format: SampleFormat) -> Result<Self> {
        if !(1..=MAX_SAMPLE_RATE_HZ).contains(&sample_rate_hz) {
            return Err(Error::invalid("sample_rate_hz", sample_rate_hz, format!("1 to {MAX_SAMPLE_RATE_HZ}")));
        }
        if !(1..=MAX_CHANNELS).contains(&channels) {
            return Err(Error::invalid("channels", channels, format!("1 to {MAX_CHANNELS}")));
        }
        let length_frames = match length {
            Length::Frames(frames) => frames,
            Length::Seconds(seconds) if !seconds.is_finite() || seconds <= 0.0 => {
                return Err(Error::invalid("length in seconds", seconds, "a positive, finite number"));
            }
            // The cast saturates; an excessive length is refused below.
            Length::Seconds(seconds) => (seconds * f64::from(sample_rate_hz)).round() as u64,
        };
        let spec = Self::of_checked(length_frames, sample_rate_hz, channels, format);
        if length_frames == 0 {
            return Err(Error::invalid("length", in_words(length), "at least one frame"));
        }
        if length_frames > Self::MAX_FRAMES {
            return Err(Error::invalid("length", in_words(length), format!("up to {} frames", Self::MAX_FRAMES)));
        }
        Ok(spec)
    }
}

fn in_words(length: Length) -> String {
    match length {
        Length::Frames(frames) => format!("{frames} frames"),
        // Debug writes large and small numbers with an exponent.
        Length::Seconds(seconds) => format!("{seconds:?} s"),
    }
}
