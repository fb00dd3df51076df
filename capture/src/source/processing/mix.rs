//! The processing options: mix and gain.

use std::fmt;

use capbuf::MAX_LATENCY_NS;

/// The channels of the buffer, made from those of the source.
///
/// ```
/// use capbuf_capture::{CaptureOptions, Mix};
///
/// // The left channel, 6 dB louder.
/// let options = CaptureOptions::new().mix(Mix::Channel(0)).gain_db(6.0);
/// # let _ = options;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Mix {
    /// All channels. If another number is requested and the source does not offer it: their
    /// average, or the only one repeated.
    #[default]
    Auto,
    /// One channel, counted from 0.
    Channel(u16),
    /// The average of all channels.
    Average,
}

impl fmt::Display for Mix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("all channels"),
            Self::Channel(channel) => write!(f, "channel {channel}"),
            Self::Average => f.write_str("the average of all channels"),
        }
    }
}

/// The processing of the audio.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Processing {
    pub(crate) mix: Mix,
    pub(crate) gain_db: f32,
    /// Taken off the times.
    pub(crate) latency_ns: i64,
}

impl Processing {
    /// Checks the gain and the latency.
    pub(crate) fn check(&self) -> capbuf::Result<()> {
        if !(-100.0..=100.0).contains(&self.gain_db) {
            let (given, allowed) = (self.gain_db.to_string(), "-100 to 100".to_owned());
            return Err(capbuf::Error::InvalidArgument { what: "gain in dB", given, allowed });
        }
        if !(-MAX_LATENCY_NS..=MAX_LATENCY_NS).contains(&self.latency_ns) {
            let (given, allowed) = (self.latency_ns.to_string(), "-60000000000 to 60000000000, 60 s".to_owned());
            return Err(capbuf::Error::InvalidArgument { what: "latency in ns", given, allowed });
        }
        Ok(())
    }

    pub(super) fn changes_audio(&self) -> bool {
        Self { latency_ns: 0, ..*self } != Self::default()
    }
}
