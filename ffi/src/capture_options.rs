//! What is asked of a capture.

use std::mem::offset_of;
use std::time::Duration;

use ::capbuf_capture::{Backoff, CaptureOptions, CircuitBreaker, Mix, Watchdog};

use crate::arguments::growing;
use crate::failure::Failure;
use crate::spec::{capbuf_sample_format, format_or_own, length, lifetime};

/// All channels as they are; or, where another number is asked for and the source has no other, all of them averaged into one, or the only
/// one in each.
pub const CAPBUF_MIX_AUTO: u32 = 0;
/// The average of all channels.
pub const CAPBUF_MIX_AVERAGE: u32 = 1;
/// One channel alone: `mix_channel`.
pub const CAPBUF_MIX_CHANNEL: u32 = 2;

/// What is asked of a capture beside its source. NULL in its place is a structure of zeros.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct capbuf_capture_options {
    /// Set it to `sizeof(capbuf_capture_options)` before the call.
    pub struct_size: usize,
    /// How much audio the buffer keeps, in seconds; 0: 60.
    pub seconds: f64,
    /// The sample rate; 0: the source's own. Where it has another, it is resampled.
    pub sample_rate_hz: u32,
    /// The number of channels; 0: the source's own.
    pub channels: u32,
    /// The sample format; CAPBUF_FORMAT_OWN: the source's own.
    pub sample_format: capbuf_sample_format,
    /// How long the buffer stays in its domain: one of the `CAPBUF_LIFETIME_` constants.
    pub lifetime: u32,
    /// How long an opening may take, in ns; 0: twenty seconds.
    pub open_deadline_ns: i64,
    /// How many dB louder, -100 to 100; what is too loud then is held to full scale.
    pub gain_db: f32,
    /// Which channels of the source: one of the `CAPBUF_MIX_` constants.
    pub mix: u32,
    /// Which one, counted from 0, for CAPBUF_MIX_CHANNEL.
    pub mix_channel: u32,
    /// After so many failures in a row a source is tried less often, until it has run for ten seconds; 0: 10.
    pub give_up_after: u32,
    /// How often then, in ns; 0: each minute.
    pub then_retry_every_ns: i64,
    /// How long to wait before a lost source is opened again, in ns: so long first, then longer and longer; 0: half a second.
    pub retry_after_ns: i64,
    /// The longest of these delays, in ns; 0: thirty seconds.
    pub retry_at_most_after_ns: i64,
    /// A source that delivers no frame for so long, in ns, is closed and opened again; 0: fifteen seconds.
    pub nothing_for_ns: i64,
    /// So is one whose samples are all zero for so long, in ns, which those of a microphone never are; 0: silence is no fault.
    pub silence_for_ns: i64,
}

growing!(
    capbuf_capture_options,
    offset_of!(capbuf_capture_options, gain_db),
    capbuf_capture_options {
        struct_size: size_of::<capbuf_capture_options>(),
        seconds: 0.0,
        sample_rate_hz: 0,
        channels: 0,
        sample_format: 0,
        lifetime: 0,
        open_deadline_ns: 0,
        gain_db: 0.0,
        mix: CAPBUF_MIX_AUTO,
        mix_channel: 0,
        give_up_after: 0,
        then_retry_every_ns: 0,
        retry_after_ns: 0,
        retry_at_most_after_ns: 0,
        nothing_for_ns: 0,
        silence_for_ns: 0,
    }
);

impl capbuf_capture_options {
    pub(crate) fn checked(&self) -> Result<CaptureOptions, Failure> {
        let options = CaptureOptions::new().lifetime(lifetime(self.lifetime)?).gain_db(self.gain_db).mix(self.mix()?);
        self.supervised(self.shaped(options)?)
    }

    fn shaped(&self, mut options: CaptureOptions) -> Result<CaptureOptions, Failure> {
        if self.seconds != 0.0 {
            options = options.length(length(self.seconds, 0)?);
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

    fn mix(&self) -> Result<Mix, Failure> {
        match self.mix {
            CAPBUF_MIX_AUTO => Ok(Mix::Auto),
            CAPBUF_MIX_AVERAGE => Ok(Mix::Average),
            CAPBUF_MIX_CHANNEL => {
                let channel = u16::try_from(self.mix_channel);
                channel.map(Mix::Channel).map_err(|_| Failure::argument("mix_channel", self.mix_channel, "0 to 65535"))
            }
            other => Err(Failure::argument("mix", other, "0 (auto), 1 (average), 2 (channel)")),
        }
    }

    /// What is not set is as the library has it.
    fn supervised(&self, mut options: CaptureOptions) -> Result<CaptureOptions, Failure> {
        let (mut backoff, mut breaker) = (Backoff::default(), CircuitBreaker::default());
        if let Some(deadline) = duration("open_deadline_ns", self.open_deadline_ns)? {
            options = options.open_deadline(deadline);
        }
        if let Some(first) = duration("retry_after_ns", self.retry_after_ns)? {
            backoff = backoff.first(first);
        }
        if let Some(longest) = duration("retry_at_most_after_ns", self.retry_at_most_after_ns)? {
            backoff = backoff.longest(longest);
        }
        if self.give_up_after != 0 {
            breaker = breaker.opens_after(self.give_up_after);
        }
        if let Some(retry_every) = duration("then_retry_every_ns", self.then_retry_every_ns)? {
            breaker = breaker.retry_every(retry_every);
        }
        let mut watchdog = Watchdog::new().silence_for(duration("silence_for_ns", self.silence_for_ns)?);
        if let Some(nothing) = duration("nothing_for_ns", self.nothing_for_ns)? {
            watchdog = watchdog.nothing_for(nothing);
        }
        Ok(options.backoff(backoff).circuit_breaker(breaker).watchdog(watchdog))
    }
}

/// A length of time, if one is given.
fn duration(name: &'static str, ns: i64) -> Result<Option<Duration>, Failure> {
    match u64::try_from(ns) {
        Ok(0) => Ok(None),
        Ok(ns) => Ok(Some(Duration::from_nanos(ns))),
        Err(_) => Err(Failure::argument(name, ns, "0 and more")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pointers::Growing as _;

    #[test]
    fn nothing_set_is_the_default_of_the_library() {
        assert_eq!(capbuf_capture_options::unset().checked().ok(), Some(CaptureOptions::new()));
    }
}
