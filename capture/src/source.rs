//! What every kind of source has in common.

use capbuf::{SampleFormat, Spec, Writer};

use crate::error::Result;
use crate::stop::Stop;

/// What is asked of a source; `None` leaves it to the source. All set when a lost source is opened for the buffer it had.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RequestedFormat {
    /// Frames a second.
    pub sample_rate_hz: Option<u32>,
    /// Samples a frame.
    pub channels: Option<u16>,
    /// How samples are stored.
    pub sample_format: Option<SampleFormat>,
}

impl RequestedFormat {
    /// Asks for exactly the shape of a buffer.
    pub fn exactly(spec: &Spec) -> Self {
        Self {
            sample_rate_hz: Some(spec.sample_rate_hz()),
            channels: Some(spec.channels()),
            sample_format: Some(spec.format()),
        }
    }

    /// Completes the wish with what the source has of its own.
    pub(crate) fn or(&self, own: Format) -> Format {
        Format {
            sample_rate_hz: self.sample_rate_hz.unwrap_or(own.sample_rate_hz),
            channels: self.channels.unwrap_or(own.channels),
            sample_format: self.sample_format.unwrap_or(own.sample_format),
        }
    }
}

/// What a source delivers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Format {
    /// Frames a second.
    pub sample_rate_hz: u32,
    /// Samples a frame.
    pub channels: u16,
    /// How samples are stored.
    pub sample_format: SampleFormat,
}

/// Why a run ended without an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunOutcome {
    /// There is no more, as at the end of a file.
    Finished,
    /// It was asked to stop.
    Stopped,
}

/// Something that delivers audio. Opened and run on one thread of its own, again and again if it fails.
pub trait Source: Send {
    /// Makes the source ready, and tells what it will deliver. What was opened before is closed.
    ///
    /// Blocks for seconds at most, less if stopping is asked.
    ///
    /// # Errors
    /// Where there is no such source, it refuses, it delivers no audio, or it can't deliver what is asked.
    fn open(&mut self, wish: &RequestedFormat, stop: &Stop) -> Result<Format>;

    /// SourceClaims the writer with true capture times until the source ends, is lost, or stopping is asked.
    ///
    /// The writer's buffer has the format that [`Source::open`] told. What the source holds is given back at the end.
    ///
    /// # Errors
    /// Where the source is lost; it may be opened again.
    fn run(&mut self, writer: Writer, stop: &Stop) -> Result<RunOutcome>;
}
