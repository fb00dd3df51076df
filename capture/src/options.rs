//! What is asked of a capture beside its source.

use std::time::Duration;

use capbuf::{AllocateOptions, Length, Lifetime, SampleFormat, Spec};

use crate::backoff::Backoff;
use crate::breaker::CircuitBreaker;
use crate::processing::{Mix, Processing};
use crate::source::RequestedFormat;
use crate::watchdog::Watchdog;

/// What is asked of a capture beside its source.
///
/// ```
/// use capbuf::{Length, SampleFormat};
/// use capbuf_capture::CaptureOptions;
///
/// let options = CaptureOptions::new().length(Length::Seconds(120.0)).format(SampleFormat::F32);
/// # let _ = options;
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct CaptureOptions {
    pub(crate) length: Length,
    pub(crate) allocate: AllocateOptions,
    pub(crate) wish: RequestedFormat,
    pub(crate) open_deadline: Duration,
    pub(crate) backoff: Backoff,
    pub(crate) breaker: CircuitBreaker,
    pub(crate) watchdog: Watchdog,
    pub(crate) processing: Processing,
}

impl CaptureOptions {
    /// Asks for 60 seconds of whatever the source has of its own.
    pub fn new() -> Self {
        Self {
            length: Length::Seconds(60.0),
            allocate: AllocateOptions::new(),
            wish: RequestedFormat::default(),
            open_deadline: Duration::from_secs(20),
            backoff: Backoff::default(),
            breaker: CircuitBreaker::default(),
            watchdog: Watchdog::default(),
            processing: Processing::default(),
        }
    }

    /// How much audio the buffer keeps.
    pub fn length(mut self, length: Length) -> Self {
        self.length = length;
        self
    }

    /// How long the buffer stays in its domain, if this capture makes it: until it is removed, unless said otherwise.
    pub fn lifetime(mut self, lifetime: Lifetime) -> Self {
        self.allocate = self.allocate.lifetime(lifetime);
        self
    }

    /// The sample rate. Where the source has another, it is resampled.
    pub fn sample_rate_hz(mut self, sample_rate_hz: u32) -> Self {
        self.wish.sample_rate_hz = Some(sample_rate_hz);
        self
    }

    /// The number of channels. Where the source has another, all are averaged into one, or its only one is repeated; streams are mixed
    /// as ffmpeg does it.
    pub fn channels(mut self, channels: u16) -> Self {
        self.wish.channels = Some(channels);
        self
    }

    /// Which channels of the source become those of the buffer.
    pub fn mix(mut self, mix: Mix) -> Self {
        self.processing.mix = mix;
        self
    }

    /// Makes it louder by so many dB, -100 to 100; what is too loud then is held to full scale.
    pub fn gain_db(mut self, gain_db: f32) -> Self {
        self.processing.gain_db = gain_db;
        self
    }

    /// The sample format of the buffer. What the source has is converted.
    pub fn format(mut self, format: SampleFormat) -> Self {
        self.wish.sample_format = Some(format);
        self
    }

    /// How long opening may take. Twenty seconds unless set: ffmpeg may need ten to give up on a server.
    pub fn open_deadline(mut self, deadline: Duration) -> Self {
        self.open_deadline = deadline;
        self
    }

    /// How long to wait before a lost source is opened again.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// When to stop hammering a source that fails at once, again and again.
    pub fn circuit_breaker(mut self, breaker: CircuitBreaker) -> Self {
        self.breaker = breaker;
        self
    }

    /// What is expected of the frames that arrive.
    pub fn watchdog(mut self, watchdog: Watchdog) -> Self {
        self.watchdog = watchdog;
        self
    }

    /// Asks for the shape of a buffer that is there.
    pub(crate) fn exactly(mut self, spec: &Spec) -> Self {
        self.wish = RequestedFormat::exactly(spec);
        self
    }

    /// What a buffer would be if the source leaves all to the wish, to see whether there can be one.
    pub(crate) fn likely_spec(&self) -> capbuf::Result<Spec> {
        let wish = &self.wish;
        self.processing.check()?;
        Spec::new(
            self.length,
            wish.sample_rate_hz.unwrap_or(48_000),
            wish.channels.unwrap_or(1),
            wish.sample_format.unwrap_or(SampleFormat::S16),
        )
    }
}

impl Default for CaptureOptions {
    fn default() -> Self {
        Self::new()
    }
}
