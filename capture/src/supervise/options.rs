//! The options of a capture.

use std::time::Duration;

use capbuf::{AllocateOptions, Length, Lifetime, SampleFormat, Spec};

use super::backoff::Backoff;
use super::breaker::CircuitBreaker;
use super::watchdog::Watchdog;
use super::wrong_rate::WrongRate;
use crate::source::{Mix, Processing, RequestedFormat, StreamOptions};

/// Options of a capture: its buffer, its format, and how it is supervised.
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
    pub(crate) requested: RequestedFormat,
    pub(super) open_deadline: Duration,
    pub(super) retry_opening: bool,
    pub(super) backoff: Backoff,
    pub(super) breaker: CircuitBreaker,
    pub(super) watchdog: Watchdog,
    pub(super) wrong_rate: WrongRate,
    pub(super) processing: Processing,
    pub(crate) stream: StreamOptions,
}

impl CaptureOptions {
    /// Requests 60 seconds in the native format of the source.
    pub fn new() -> Self {
        Self {
            length: Length::Seconds(60.0),
            allocate: AllocateOptions::new(),
            requested: RequestedFormat::default(),
            open_deadline: Duration::from_secs(20),
            retry_opening: true,
            backoff: Backoff::default(),
            breaker: CircuitBreaker::default(),
            watchdog: Watchdog::default(),
            wrong_rate: WrongRate::default(),
            processing: Processing::default(),
            stream: StreamOptions::new(),
        }
    }

    /// Sets the length of the buffer.
    pub fn length(mut self, length: Length) -> Self {
        self.length = length;
        self
    }

    /// Sets how long the buffer stays in its domain, if this capture allocates it. Until removed,
    /// unless set.
    pub fn lifetime(mut self, lifetime: Lifetime) -> Self {
        self.allocate = self.allocate.lifetime(lifetime);
        self
    }

    /// Sets the sample rate. A source that does not offer it is resampled.
    pub fn sample_rate_hz(mut self, sample_rate_hz: u32) -> Self {
        self.requested.sample_rate_hz = Some(sample_rate_hz);
        self
    }

    /// Sets the number of channels. If the source does not offer it, all channels are averaged into
    /// one, or a single one is repeated; ffmpeg mixes those of streams.
    pub fn channels(mut self, channels: u16) -> Self {
        self.requested.channels = Some(channels);
        self
    }

    /// Sets which channels of the source become those of the buffer.
    pub fn mix(mut self, mix: Mix) -> Self {
        self.processing.mix = mix;
        self
    }

    /// Sets the gain in dB, -100 to 100. Samples beyond full scale are clipped.
    pub fn gain_db(mut self, gain_db: f32) -> Self {
        self.processing.gain_db = gain_db;
        self
    }

    /// Sets the constant delay of the source, in ns, which is taken off all its times: that of a
    /// codec, a server or a converter. At most 60 s; negative if times are early. `capbuf
    /// calibrate` measures it.
    pub fn latency(mut self, latency_ns: i64) -> Self {
        self.processing.latency_ns = latency_ns;
        self
    }

    /// Sets the sample format of the buffer. The samples of the source are converted to it.
    pub fn format(mut self, format: SampleFormat) -> Self {
        self.requested.sample_format = Some(format);
        self
    }

    /// Sets how long opening may take. 20 seconds unless set: ffmpeg may need 10 to give up on a
    /// server.
    pub fn open_deadline(mut self, deadline: Duration) -> Self {
        self.open_deadline = deadline;
        self
    }

    /// Sets whether a source that could not be opened the first time is tried again. True unless
    /// set; otherwise it [fails](crate::State::Failed). [`Capture::start`](crate::Capture::start)
    /// never tries again. A source that has run is opened again in any case, unless it is a file.
    pub fn retry_opening(mut self, retry: bool) -> Self {
        self.retry_opening = retry;
        self
    }

    /// Sets the delays before a lost source is opened again.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// Sets when a source that keeps failing is retried at long intervals only.
    pub fn circuit_breaker(mut self, breaker: CircuitBreaker) -> Self {
        self.breaker = breaker;
        self
    }

    /// Sets the requirements on the frames that arrive.
    pub fn watchdog(mut self, watchdog: Watchdog) -> Self {
        self.watchdog = watchdog;
        self
    }

    /// Sets the options of a stream: its audio track, transport, certificates. Other sources are
    /// refused with such an option, and so is a locator that says otherwise.
    pub fn stream(mut self, stream: StreamOptions) -> Self {
        self.stream = stream;
        self
    }

    /// Sets what becomes of a source whose frames come faster or slower than it says. It is refused
    /// unless set.
    pub fn wrong_rate(mut self, wrong_rate: WrongRate) -> Self {
        self.wrong_rate = wrong_rate;
        self
    }

    /// Requests the shape of an existing buffer.
    pub(crate) fn exactly(mut self, spec: &Spec) -> Self {
        self.requested = RequestedFormat::exactly(spec);
        self
    }

    /// Returns the shape of the buffer if the source leaves open formats to the defaults: an early
    /// check of the options.
    pub(crate) fn likely_spec(&self) -> capbuf::Result<Spec> {
        let requested = &self.requested;
        self.processing.check()?;
        Spec::new(
            self.length,
            requested.sample_rate_hz.unwrap_or(48_000),
            requested.channels.unwrap_or(1),
            requested.sample_format.unwrap_or(SampleFormat::S16),
        )
    }
}

impl Default for CaptureOptions {
    fn default() -> Self {
        Self::new()
    }
}
