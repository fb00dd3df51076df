//! The format of audio: requested from a source, and delivered by it.

use std::fmt;

use capbuf::{SampleFormat, Spec};

/// The format requested from a source; a field of `None` leaves the choice to the source. All
/// fields are set when a lost source is opened again for its buffer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RequestedFormat {
    /// Frames per second.
    pub sample_rate_hz: Option<u32>,
    /// Samples per frame.
    pub channels: Option<u16>,
    /// The type of a sample.
    pub sample_format: Option<SampleFormat>,
}

impl RequestedFormat {
    /// Requests the format of a buffer.
    pub fn exactly(spec: &Spec) -> Self {
        Self {
            sample_rate_hz: Some(spec.sample_rate_hz()),
            channels: Some(spec.channels()),
            sample_format: Some(spec.format()),
        }
    }

    /// Returns the requested format, with the missing fields taken from the native one.
    pub(crate) fn or(&self, native: Format) -> Format {
        Format {
            sample_rate_hz: self.sample_rate_hz.unwrap_or(native.sample_rate_hz),
            channels: self.channels.unwrap_or(native.channels),
            sample_format: self.sample_format.unwrap_or(native.sample_format),
        }
    }
}

/// The format that a source delivers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Format {
    /// Frames per second.
    pub sample_rate_hz: u32,
    /// Samples per frame.
    pub channels: u16,
    /// The type of a sample.
    pub sample_format: SampleFormat,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.channels == 1 { "" } else { "s" };
        write!(f, "{} Hz with {} channel{plural}", self.sample_rate_hz, self.channels)
    }
}
