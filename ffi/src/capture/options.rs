//! Options of a capture.

use std::mem::offset_of;

use ::capbuf_capture::{Backoff, CaptureOptions, CircuitBreaker, Mix, Watchdog, WrongRate};
use capbuf::Length;

use crate::boundary::arguments::versioned_struct;
use crate::boundary::durations::duration_or_default;
use crate::boundary::ffi_error::FfiError;
use crate::spec::{capbuf_sample_format, format_or_own, lifetime};

/// The source's channels unchanged. If `channels` differs from the source's number: the average of
/// all channels for one channel, or copies of the only one for several.
pub const CAPBUF_MIX_AUTO: u32 = 0;
/// The average of all channels.
pub const CAPBUF_MIX_AVERAGE: u32 = 1;
/// Only channel `mix_channel`.
pub const CAPBUF_MIX_CHANNEL: u32 = 2;

/// A source whose frames come faster or slower than it says is closed, and opened again after the
/// delays of a source that fails.
pub const CAPBUF_WRONG_RATE_REFUSE: u32 = 0;
/// It is opened again, and its frames are taken to come at the measured rate from then on.
pub const CAPBUF_WRONG_RATE_CORRECT: u32 = 1;

/// Options of a capture. NULL in its place, and all zeros, are the defaults.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct capbuf_capture_options {
    /// Set it to `sizeof(capbuf_capture_options)` before the call.
    pub struct_size: usize,
    /// The length of the buffer, in seconds; 0: 60.
    pub seconds: f64,
    /// The sample rate, to which the source is resampled if necessary; 0: the source's own.
    pub sample_rate_hz: u32,
    /// The number of channels; 0: the source's own.
    pub channels: u32,
    /// The sample format; CAPBUF_FORMAT_OWN: the source's own.
    pub sample_format: capbuf_sample_format,
    /// Lifetime of the buffer in its domain: one of the `CAPBUF_LIFETIME_` constants.
    pub lifetime: u32,
    /// The timeout of opening the source, in ns; 0: twenty seconds.
    pub open_deadline_ns: i64,
    /// The gain in dB, -100 to 100. Samples beyond full scale are clipped.
    pub gain_db: f32,
    /// Which channels of the source to record: one of the `CAPBUF_MIX_` constants.
    pub mix: u32,
    /// The channel for CAPBUF_MIX_CHANNEL, from 0.
    pub mix_channel: u32,
    /// FfiErrors in a row after which the source is retried only every `then_retry_every_ns`, until
    /// it has run for ten seconds; 0: 10.
    pub give_up_after: u32,
    /// The retry interval after that, in ns; 0: one minute.
    pub then_retry_every_ns: i64,
    /// The delay before a lost source is reopened the first time, in ns. It doubles with each
    /// failure; 0: half a second.
    pub retry_after_ns: i64,
    /// The limit of that delay, in ns; 0: thirty seconds.
    pub retry_at_most_after_ns: i64,
    /// A source that delivers no frame for this duration, in ns, is reopened; 0: fifteen seconds.
    pub nothing_for_ns: i64,
    /// A source that delivers only zeros for this duration, in ns, is reopened: a working
    /// microphone never does; 0: never.
    pub silence_for_ns: i64,
    /// The fate of a source whose frames come faster or slower than it says: one of the
    /// `CAPBUF_WRONG_RATE_` constants.
    pub wrong_rate: u32,
    /// The constant delay of the source, in ns, which is taken off all its times: that of a codec,
    /// a server or a converter. -60000000000 to 60000000000.
    pub latency_ns: i64,
}

versioned_struct!(capbuf_capture_options, offset_of!(capbuf_capture_options, gain_db));

impl capbuf_capture_options {
    pub(crate) fn checked(&self) -> Result<CaptureOptions, FfiError> {
        let options = CaptureOptions::new().lifetime(lifetime(self.lifetime)?).gain_db(self.gain_db).mix(self.mix()?);
        let options = options.wrong_rate(self.wrong_rate()?).latency(self.latency_ns);
        self.supervised(self.shaped(options)?)
    }

    fn shaped(&self, mut options: CaptureOptions) -> Result<CaptureOptions, FfiError> {
        if self.seconds != 0.0 {
            options = options.length(Length::Seconds(self.seconds));
        }
        if self.sample_rate_hz != 0 {
            options = options.sample_rate_hz(self.sample_rate_hz);
        }
        if self.channels != 0 {
            options = options.channels(u16::try_from(self.channels).unwrap_or(u16::MAX));
        }
        if let Some(format) = format_or_own(self.sample_format)? {
            options = options.format(format);
        }
        Ok(options)
    }

    fn mix(&self) -> Result<Mix, FfiError> {
        match self.mix {
            CAPBUF_MIX_AUTO => Ok(Mix::Auto),
            CAPBUF_MIX_AVERAGE => Ok(Mix::Average),
            CAPBUF_MIX_CHANNEL => {
                let channel = u16::try_from(self.mix_channel);
                channel
                    .map(Mix::Channel)
                    .map_err(|_| FfiError::invalid_argument("mix_channel", self.mix_channel, "0 to 65535"))
            }
            other => Err(FfiError::invalid_argument("mix", other, "0 (auto), 1 (average), 2 (channel)")),
        }
    }

    fn wrong_rate(&self) -> Result<WrongRate, FfiError> {
        match self.wrong_rate {
            CAPBUF_WRONG_RATE_REFUSE => Ok(WrongRate::Refuse),
            CAPBUF_WRONG_RATE_CORRECT => Ok(WrongRate::Correct),
            other => Err(FfiError::invalid_argument("wrong_rate", other, "0 (refuse), 1 (correct)")),
        }
    }

    fn supervised(&self, mut options: CaptureOptions) -> Result<CaptureOptions, FfiError> {
        let (mut backoff, mut breaker) = (Backoff::default(), CircuitBreaker::default());
        if let Some(deadline) = duration_or_default("open_deadline_ns", self.open_deadline_ns)? {
            options = options.open_deadline(deadline);
        }
        if let Some(first) = duration_or_default("retry_after_ns", self.retry_after_ns)? {
            backoff = backoff.first(first);
        }
        if let Some(longest) = duration_or_default("retry_at_most_after_ns", self.retry_at_most_after_ns)? {
            backoff = backoff.longest(longest);
        }
        if self.give_up_after != 0 {
            breaker = breaker.opens_after(self.give_up_after);
        }
        if let Some(retry_every) = duration_or_default("then_retry_every_ns", self.then_retry_every_ns)? {
            breaker = breaker.retry_every(retry_every);
        }
        let mut watchdog = Watchdog::new().silence_for(duration_or_default("silence_for_ns", self.silence_for_ns)?);
        if let Some(nothing) = duration_or_default("nothing_for_ns", self.nothing_for_ns)? {
            watchdog = watchdog.nothing_for(nothing);
        }
        Ok(options.backoff(backoff).circuit_breaker(breaker).watchdog(watchdog))
    }
}

#[cfg(test)]
mod tests {
    use bytemuck::Zeroable as _;

    use super::*;

    #[test]
    fn all_zeros_are_the_defaults_of_the_capture_crate() {
        assert_eq!(capbuf_capture_options::zeroed().checked().ok(), Some(CaptureOptions::new()));
    }
}
